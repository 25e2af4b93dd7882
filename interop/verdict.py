"""What the checks have in common: run cases, print what failed, sum up as Rust's own test runner does."""

import sys
from pathlib import Path


def run(document, cases):
    """Runs a script `NAME OUT`.

    `cases` gets OUT and gives, for each case, a title and a list of problems, or a function that gives
    one; there is none if the list is empty. No case at all is a failure. The last line is the summary;
    the exit status is 1 if a case failed.
    """
    if len(sys.argv) != 2:
        raise SystemExit(document)
    passed = failed = 0
    for title, check in cases(Path(sys.argv[1])):
        problems = found(check) if callable(check) else check
        passed += not problems
        failed += bool(problems)
        print(f"{title} ... {'FAILED' if problems else 'ok'}")
        for problem in problems:
            print(f"    {problem}")
    verdict = "ok" if passed and not failed else "FAILED"
    print(f"test result: {verdict}. {passed} passed; {failed} failed; 0 ignored")
    sys.exit(verdict != "ok")


def found(check):
    """The problems; that the file cannot be read is one."""
    try:
        return check()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


def there(path):
    """The path, which the Rust tests have to have written."""
    if not path.exists():
        raise SystemExit(f"{path}: the Rust tests did not write it")
    return path
