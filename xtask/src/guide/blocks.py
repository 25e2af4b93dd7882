"""Runs the Python blocks of one page in one process: a line of JSON in for each, a line out.

What a block prints is what a notebook would show: the value of a last expression unless a semicolon follows
it. Figures that are open after a block are returned as SVG.
"""

import ast
import contextlib
import io
import json
import re
import sys
import traceback
import warnings

names = {"__name__": "__main__"}
warnings.filterwarnings("ignore", message=".*non-interactive.*")


def execute(code):
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<page>", "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "<page>", "eval"), names)
        if value is not None and not code.rstrip().endswith(";"):
            print(repr(value))


def figures():
    """The open figures, with the numbers of their paths rounded, so that machines agree about them."""
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is None:
        return []
    found = []
    for number in plt.get_fignums():
        text = io.StringIO()
        settings = {"svg.hashsalt": "laion-fmri", "svg.fonttype": "none"}
        with plt.rc_context(settings):
            plt.figure(number).savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
        found.append(re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", text.getvalue()))
    plt.close("all")
    return found


answers = sys.stdout
for line in sys.stdin:
    printed = io.StringIO()
    succeeded, drawn = True, []
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            execute(json.loads(line))
            drawn = figures()
        except BaseException:
            succeeded = False
            traceback.print_exc()
    answer = {"succeeded": succeeded, "output": printed.getvalue(), "figures": drawn}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
