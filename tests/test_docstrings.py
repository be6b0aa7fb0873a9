"""Docstrings: the public API follows numpydoc, and every example runs as written."""

import ast
import doctest
import functools
import importlib
import inspect
import pkgutil
from itertools import pairwise

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate
from scipy._lib._array_api import SCIPY_ARRAY_API
from sklearn import config_context

import skrec

# The codes of https://numpydoc.readthedocs.io/en/latest/validation.html left out:
IGNORED = {
    "ES01",  # a one-line summary is often enough
    "SA01",  # not everything has a neighbour worth naming
    "RT02",  # one return value may have a name, as in scikit-learn: `y_pred : ndarray`
}
IGNORED_IN_METHODS = IGNORED | {"EX01"}  # the example of the class shows its methods
# Their examples show published data that no package has.
ON_REAL_DATA = {
    "skrec.datasets._rdatasets.fetch_table",
    "skrec.datasets._scanner.fetch_scanner",
}
# They train for two seconds or more, and all regressors, whose examples are those of
# classifiers, do. By day, one of each kind trains: of tables, of arrays, the wrapper, a
# recommender of pairs and one of sequences, a search, a display.
NIGHTLY = {
    "skrec.estimators.autoint.AutoIntClassifier",
    "skrec.estimators.dcn.DCNClassifier",
    "skrec.estimators.deepfm.DeepFMClassifier",
    "skrec.estimators.dien.DIENClassifier",
    "skrec.estimators.din.DINClassifier",
    "skrec.estimators.late_fusion.LateFusionClassifier",
    "skrec.estimators.mlp.MLPClassifier",
    "skrec.estimators.neumf.NeuMFClassifier",
    "skrec.estimators.rnn.RNNClassifier",
    "skrec.estimators.wide_deep.WideDeepClassifier",
    "skrec.export._onnx.to_onnx",
    "skrec.export._saved_model.to_saved_model",
    "skrec.inspection._attention.attention_weights",
    "skrec.inspection._convergence.ConvergenceDisplay",
    "skrec.inspection._feature_effects.feature_effects",
    "skrec.inspection._importances.param_importances",
    "skrec.inspection._report.search_report",
    "skrec.inspection._scores.ScoresDisplay",
    "skrec.inspection._vectors.embedding_vectors",
    "skrec.inspection._vectors.nearest_ids",
    "skrec.io._card.model_card",
    "skrec.model_selection.hyperband.HyperbandSearchCV",
    "skrec.model_selection.optuna_search.OptunaSearchCV",
    "skrec.model_selection.pareto.CheapestWithin",
    "skrec.model_selection.pareto.with_costs",
    "skrec.recommenders.gru4rec.GRU4RecRecommender",
    "skrec.recommenders.neumf.NeuMFRecommender",
    "skrec.recommenders.sasrec.BSARecRecommender",
    "skrec.recommenders.sasrec.SASRecRecommender",
    "skrec.recommenders.two_tower.TwoTowerRecommender",
    "skrec.training.memory.memory_info",
}


def _reraise(name):
    raise  # walk_packages would pass over a package that cannot be imported


def _walk_modules():
    """Import skrec and everything below it."""
    found = pkgutil.walk_packages(skrec.__path__, "skrec.", onerror=_reraise)
    return [skrec, *(importlib.import_module(info.name) for info in found)]


def _declares_api(module):
    """Tell whether a module is public and must have `__all__`, or has it."""
    is_public = not any(part.startswith("_") for part in module.__name__.split("."))
    return is_public and (hasattr(module, "__path__") or hasattr(module, "__all__"))


def _definition(member):
    """Return the function behind a property or a decorated method, else `member`."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, functools.cached_property):
        return member.func
    return inspect.unwrap(getattr(member, "__func__", member))


def _exported(module):
    """Yield (name, object) of the classes and functions in the module's `__all__`."""
    for name in module.__all__:
        exported = getattr(module, name)
        if inspect.isclass(exported) or inspect.isroutine(exported):
            yield f"{module.__name__}.{name}", exported


def _methods(class_name, cls):
    """Yield (name, member) of the public methods and properties that skrec defines."""
    for name in dir(cls):
        member = getattr(cls, name)
        owner = getattr(_definition(member), "__module__", None) or ""
        if not name.startswith("_") and owner.split(".")[0] == "skrec":
            yield f"{class_name}.{name}", getattr(member, "__func__", member)


def _documented(modules):
    """Return a parameter set (object, ignored codes) for each object, named once."""
    documented = {}
    for module in filter(_declares_api, modules):
        for name, exported in _exported(module):
            documented.setdefault(exported, (name, exported, IGNORED))
            if inspect.isclass(exported):
                for method_name, method in _methods(name, exported):
                    documented.setdefault(
                        _definition(method), (method_name, method, IGNORED_IN_METHODS)
                    )
    return [pytest.param(*values, id=name) for name, *values in documented.values()]


class _UnwrappingFinder(doctest.DocTestFinder):
    """Find examples in decorated functions too: the decorator may live elsewhere."""

    def _from_module(self, module, object):
        return super()._from_module(module, inspect.unwrap(object))


def _examples(modules):
    """Return a parameter set for each docstring with examples, public or not."""
    finder = _UnwrappingFinder(exclude_empty=True)
    return [
        pytest.param(
            test,
            id=test.name,
            marks=_marks(test.name),
        )
        for module in modules
        for test in finder.find(module)
        if test.examples
    ]


def _marks(name):
    if name in ON_REAL_DATA:
        return [pytest.mark.real_data]
    at_night = name in NIGHTLY or name.endswith("Regressor")
    return [pytest.mark.nightly] if at_night else []


MODULES = _walk_modules()


@pytest.mark.parametrize(("documented", "ignored"), _documented(MODULES))
def test_docstring_follows_numpydoc(documented, ignored):
    report = validate(get_doc_object(documented))

    wrong = [error for error in report["errors"] if error[0] not in ignored]
    assert not wrong
    assert ignored is IGNORED_IN_METHODS or ">>> " in report["docstring"]
    # Tables of the API show the first line alone, without what it would cite.
    assert "]_" not in get_doc_object(documented)["Summary"][0]


def _constants(modules):
    """Return (module, name) of public names that have no docstring of their own."""
    return [
        pytest.param(module, name, id=f"{module.__name__}.{name}")
        for module in filter(_declares_api, modules)
        for name in module.__all__
        if not callable(getattr(module, name))
    ]


@pytest.mark.parametrize(("module", "name"), _constants(MODULES))
def test_constants_are_documented_where_they_are_handed_out(module, name):
    # Sphinx shows the string behind the assignment; else the docstring of `float`.
    lines = ast.parse(inspect.getsource(module)).body
    (told,) = (
        after.value.value
        for line, after in pairwise(lines)
        if isinstance(line, ast.Assign) and line.targets[0].id == name
    )
    parsed = doctest.DocTestParser().get_doctest(told, {}, name, None, None)
    runner = doctest.DocTestRunner()
    runner.run(parsed)
    assert runner.tries > 0 == runner.failures


def test_the_names_of_the_night_have_examples():
    finder = _UnwrappingFinder(exclude_empty=True)
    found = (test for module in MODULES for test in finder.find(module))
    assert {test.name for test in found if test.examples} >= NIGHTLY | ON_REAL_DATA


@pytest.mark.parametrize("example", _examples(MODULES))
def test_examples_run(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example that writes a file leaves none behind
    runner = doctest.DocTestRunner(
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    report = []

    runner.run(example, out=report.append)

    assert runner.failures == 0, "".join(report)


def test_scipy_has_array_api_switched_on():
    # scikit-learn's common checks skip array-API input without it: see conftest.py.
    assert SCIPY_ARRAY_API == "1"
    with config_context(array_api_dispatch=True):
        pass
