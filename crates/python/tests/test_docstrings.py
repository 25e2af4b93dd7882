"""Docstrings of everything public in the form of numpydoc: parameters, results with shapes, errors."""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import inspect
import re

import docstring_parser
import pytest

from laion_fmri import _errors

MODULES = (
    "brain",
    "captions",
    "config",
    "derivatives",
    "discovery",
    "download",
    "embeddings",
    "extraction",
    "group",
    "io",
    "noise_ceiling",
    "segmentations",
    "slices",
    "splits",
    "stimuli",
    "store",
    "subject",
    "templates",
    "_embedding_array",
    "_errors",
    "_stimulus_access",
    "_trials",
)

#: What raises nothing: it looks at what is in memory already, or forgets it.
CANNOT_FAIL = {
    "captions.Captions.close",
    "embeddings.Embeddings.close",
    "segmentations.Segmentations.close",
    "splits.SplitVariant.all_ids",
    "splits.list_ood_types",
    "splits.list_pools",
    "stimuli.Stimuli.close",
}

#: Made by the package alone, so that nobody needs their parameters.
MADE_BY_ACCESSORS = {"_embedding_array.EmbeddingArray"}


def documented(module_name):
    """The functions, classes, methods and properties of a module, by their full name."""
    module = importlib.import_module(f"laion_fmri.{module_name}")
    found = {}
    for name in module.__all__:
        value = getattr(module, name)
        if getattr(value, "__module__", None) != module.__name__:
            # A constant, or something that belongs to another module.
            continue
        found[f"{module_name}.{name}"] = value
        if inspect.isclass(value):
            members = {member: inspect.getattr_static(value, member) for member in dir(value)}
            for member, item in members.items():
                ours = getattr(inspect.unwrap(_function(item)), "__module__", "") or ""
                if not member.startswith("_") and ours.startswith("laion_fmri"):
                    found[f"{module_name}.{name}.{member}"] = item
    return found


def _function(item):
    """The function behind a property or a method."""
    for attribute in ("fget", "func", "__func__"):
        item = getattr(item, attribute, None) or item
    return item


def faults(name, value):
    """What is wrong with a docstring."""
    text = inspect.getdoc(value)
    if not text:
        return ["no docstring"]
    doc = docstring_parser.parse(text, style=docstring_parser.DocstringStyle.NUMPYDOC)
    found = []
    if not (doc.short_description or "").endswith((".", ";", ":")) and "\n\n" in text:
        found.append("the summary is no sentence")
    if inspect.isclass(value):
        return found + _faults_of_class(name, value, doc)
    if not inspect.isfunction(value):
        # A property: its docstring says what it is.
        return found
    found += _faults_of_parameters(inspect.signature(value), doc.params)
    found += _faults_of_result(inspect.signature(value).return_annotation, doc)
    if not doc.raises and name not in CANNOT_FAIL:
        found.append("no Raises")
    if doc.raises and name in CANNOT_FAIL:
        found.append("raises after all")
    return found + _faults_of_raises(doc.raises)


def _faults_of_class(name, value, doc):
    if issubclass(value, BaseException) or name in MADE_BY_ACCESSORS:
        return []
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value) if field.name[0] != "_"]
        named = _names(doc.params)
        return [] if named == fields else [f"attributes {named}, expected {fields}"]
    return _faults_of_parameters(inspect.signature(value), doc.params) + _faults_of_raises(doc.raises)


def _names(params):
    return [name for param in params for name in re.split(r",\s*", param.arg_name)]


def _faults_of_parameters(signature, params):
    expected = []
    for parameter in signature.parameters.values():
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        if parameter.name not in ("self", "cls"):
            expected.append(stars + parameter.name)
    named = _names(params)
    found = [f"no parameter {name}" for name in expected if name not in named]
    found += [f"documents {name}, which is no parameter" for name in named if name not in expected]
    for param in params:
        refers = (param.description or "").startswith("As ")
        if not param.description:
            found.append(f"{param.arg_name} is not described")
        elif param.type_name is None and not refers:
            found.append(f"{param.arg_name} has no type")
    return found


def _faults_of_result(annotation, doc):
    annotation = str(annotation)
    if annotation == "None":
        return ["returns nothing, but has Returns"] if doc.many_returns else []
    if not doc.many_returns:
        return ["no Returns"]
    found = [f"no type of the result {it.return_name or ''}" for it in doc.many_returns if not it.type_name]
    for result in doc.many_returns:
        array = re.match(r"(ndarray|dict of ndarray)\b", result.type_name or "")
        if array and not re.search(r"of (bool|u?int\d+|float\d+)", result.type_name):
            found.append(f"{result.type_name}: no dtype")
        if array and "shape (" not in f"{result.type_name} {result.description}":
            found.append(f"{result.type_name}: no shape")
    if "NDArray" in annotation and not any("ndarray" in (it.type_name or "") for it in doc.many_returns):
        found.append("the result is an array, and is not said to be one")
    return found


def _faults_of_raises(raises):
    found = []
    for entry in raises:
        for name in re.split(r",\s*", entry.type_name or ""):
            known = getattr(_errors, name, None) or getattr(builtins, name, None)
            if not (inspect.isclass(known) and issubclass(known, BaseException)):
                found.append(f"{name!r} is no exception")
        if not entry.description:
            found.append(f"{entry.type_name} is not described")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_have_all_sections(module):
    values = documented(module)
    assert values
    wrong = {name: found for name, value in values.items() if (found := faults(name, value))}
    assert not wrong, "\n".join(f"{name}: {'; '.join(found)}" for name, found in wrong.items())


def test_every_public_module_is_looked_at():
    import pkgutil

    import laion_fmri

    names = {module.name for module in pkgutil.iter_modules(laion_fmri.__path__)}
    public = {name for name in names if not name.startswith("_")}
    # The datasets for torch are looked at where torch is.
    assert public - {"torch_data"} <= set(MODULES)
    everything = {name for module in MODULES for name in documented(module)}
    assert everything >= CANNOT_FAIL | MADE_BY_ACCESSORS


def test_faults_are_found():
    def bad(a, b, *, c=None) -> list[str]:
        """Something.

        Parameters
        ----------
        a
            No type.
        d : str
        c
            As for :func:`other`.

        Raises
        ------
        NoSuchError
            Never.
        """

    assert faults("bad", bad) == [
        "no parameter b",
        "documents d, which is no parameter",
        "a has no type",
        "d is not described",
        "no Returns",
        "'NoSuchError' is no exception",
    ]

    def array() -> NDArray:  # noqa: F821
        """An array.

        Returns
        -------
        ndarray of float32
            In mm.
        """

    assert faults("array", array) == ["ndarray of float32: no shape", "no Raises"]
    assert faults("none", lambda: None) == ["no docstring"]
