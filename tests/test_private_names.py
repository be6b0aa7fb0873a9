"""Private names of other packages: one module a package, and as they were."""

import ast
import builtins
import inspect
import sys
from pathlib import Path

import optuna
import pytest
from sklearn import config_context
from sklearn.callback import CallbackSupportMixin, ProgressBar
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

import skrec
from skrec import _sklearn
from skrec._optuna_private import database_url

ROOT = Path(skrec.__file__).parent
# The modules that may import private names, each of the one package.
DOORS = {
    "_optuna_private.py": "optuna",
    "_sklearn.py": "sklearn",
    "estimators/_scikeras.py": "scikeras",
    "training/_global_generators.py": "numpy",
    # Of Keras one name each, and no two the same.
    "estimators/_labels.py": "keras",
    "estimators/_outputs.py": "keras",
    "estimators/_pickled_models.py": "keras",
    "training/_optimizer_items.py": "keras",
}


# ---- one door ----------------------------------------------------------------------


def private_names(source):
    """Return the private names of other packages that a module reaches, with lines."""
    modules, found = {}, []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            reached = [name.name for name in node.names]
            modules |= {n.asname or n.name.split(".")[0]: n.name for n in node.names}
        elif isinstance(node, ast.ImportFrom):
            reached = [f"{node.module}.{name.name}" for name in node.names]
            modules |= {n.asname or n.name: node.module for n in node.names}
        elif isinstance(node, ast.Attribute):
            root, *names = ast.unparse(node).split(".")
            is_class = root[:1].isupper()  # whose private names are for subclasses
            reached = [".".join([modules[root], *names])] if root in modules else []
            reached = [] if is_class or not is_private(node.attr) else reached
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            reached = [
                f"getattr.{ast.literal_eval(arg)}"
                for arg in node.args[1:2]
                if isinstance(arg, ast.Constant)
            ]
        else:
            continue
        found += [f"line {node.lineno}: {name}" for name in reached if is_foreign(name)]
    return found


def is_foreign(name):
    """Tell whether a name is a private one of a package that is not skrec's."""
    package, *parts = name.split(".")
    ours = package == "skrec" or package in sys.stdlib_module_names
    return not ours and any(map(is_private, parts))


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from a._b import c", ["line 1: a._b.c"]),
        ("from a.b import _c as c", ["line 1: a.b._c"]),
        ("def f():\n    import a.b._c", ["line 2: a.b._c"]),
        ("import a.b as d\nd._e.f()", ["line 2: a.b._e"]),
        ("from a import b\nb.c._d", ["line 2: a.c._d"]),
        ("from skrec._docs import x\nfrom a import b\nself._c\nb.__name__", []),
        ("import sys\nsys._getframe()", []),
        ("getattr(a, '_b', None)\ngetattr(a, 'c')", ["line 1: getattr._b"]),
        ("from a import Base\nBase._parameter_constraints", []),  # for subclasses
    ],
)
def test_private_names_are_found(source, names):
    assert private_names(source) == names


def test_private_names_come_through_their_door():
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        if str(place) not in DOORS:
            found[str(place)] = private_names(path.read_text())

    wrong = {place: names for place, names in found.items() if names}
    assert len(found) > 25
    assert not wrong, "import a plain name from skrec/_sklearn.py, or another door"


@pytest.mark.parametrize(("door", "package"), DOORS.items())
def test_a_door_is_for_one_package(door, package):
    names = private_names((ROOT / door).read_text())

    assert names
    found = {name.split(": ")[1].split(".")[0] for name in names}
    assert found <= {package, "getattr"}


# ---- as they were ------------------------------------------------------------------

# What skrec passes: parameters that a new release lacks, or newly asks for, are told.
PASSED = {
    "check_method_params": "X params",
    "fit_and_score": "estimator X y scorer train test verbose parameters fit_params "
    "score_params return_train_score return_n_test_samples return_times "
    "split_progress candidate_progress error_score caller callback_ctx",
    "fit_context": "prefer_skip_nested_validation",
    "insert_error_scores": "results error_score",
    "close_listener": "listener_handle",
    "num_samples": "x",
    "open_listener": "message_consumer",
    "send": "listener_handle message",
    "safe_indexing": "X indices",
    "validate_params": "parameter_constraints prefer_skip_nested_validation",
    "warn_or_raise_about_fit_failures": "results error_score",
    "Options": "type options",
    "check_sample_weight": "sample_weight X dtype ensure_non_negative "
    "ensure_same_device",
    "check_y": "y multi_output y_numeric estimator",
    "HasMethods": "methods",
    "Interval": "type left right closed",
    "StrOptions": "options",
}
METHODS = {
    "__init__": "self estimator scoring n_jobs refit cv verbose pre_dispatch "
    "error_score return_train_score",
    "_check_refit_for_multimetric": "self scores",
    "_format_results": "self candidate_params n_splits out more_results",
    "_get_routed_params_for_fit": "self params",
    "_get_scorers": "self",
    "_init_callback_context": "self max_subtasks",
    "_select_best_index": "refit refit_metric results",
}


def assert_takes(function, passed, name):
    """Fail where a function lacks one of the parameters, or asks for another one."""
    parameters = inspect.signature(function).parameters
    needed = {
        key
        for key, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind.name[:3] != "VAR"
    }
    told = f"{name} of scikit-learn has changed: see where skrec calls it. It takes"
    assert set(passed) <= parameters.keys(), f"{told} {list(parameters)}"
    assert needed <= set(passed), f"{told} {list(parameters)}"


@pytest.mark.parametrize("name", PASSED)
def test_functions_take_what_skrec_passes(name):
    assert_takes(getattr(_sklearn, name), PASSED[name].split(), name)


@pytest.mark.parametrize("name", METHODS)
def test_searches_have_the_methods_that_skrec_calls(name):
    method = getattr(_sklearn.BaseSearchCV, name)
    assert_takes(method, METHODS[name].split(), f"BaseSearchCV.{name}")


def test_several_scorers_are_named():
    search = GridSearchCV(
        Ridge(), {}, scoring=["r2", "neg_mean_absolute_error"], refit=False
    )
    scorers, _ = search._get_scorers()

    assert set(_sklearn.named_scorers(scorers)) == {"r2", "neg_mean_absolute_error"}
    assert _sklearn.named_scorers(len) is len


def test_requested_metadata_are_what_was_asked_for():
    with config_context(enable_metadata_routing=True):
        asked = Ridge().set_fit_request(sample_weight=True)

    assert _sklearn.requested_metadata(Ridge()) is None
    assert _sklearn.requested_metadata(asked).fit.requests == {"sample_weight": True}


def test_callbacks_are_those_that_were_set():
    bar = ProgressBar()

    assert list(_sklearn.callbacks_of(GridSearchCV(Ridge(), {}))) == []
    search = GridSearchCV(Ridge(), {}).set_callbacks(bar)
    assert list(_sklearn.callbacks_of(search)) == [bar]


def test_what_callbacks_leave_while_a_fit_ends_is_left_out_of_a_copy():
    left = []

    class Looking(ProgressBar):
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            copied = _sklearn.without_callbacks(estimator)
            left.append(vars(copied).keys() & vars(estimator).keys())

    model = StandardScaler().set_callbacks(Looking()).fit([[0.0], [1.0]])

    assert left[-1] == set(vars(StandardScaler().fit([[0.0], [1.0]])))
    assert list(_sklearn.callbacks_of(model))


def test_a_database_is_found_behind_the_cache_of_optuna(tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"

    assert database_url(optuna.storages.get_storage(url)) == url
    assert database_url(optuna.storages.RDBStorage(url)) == url
    assert database_url(optuna.storages.InMemoryStorage()) is None


def test_every_name_is_checked():
    assert issubclass(_sklearn.BaseSearchCV, CallbackSupportMixin)
    tested = {"BaseSearchCV", "callbacks_of", "named_scorers", "requested_metadata"}
    tested.add("without_callbacks")
    assert set(_sklearn.__all__) == PASSED.keys() | tested


# What `BaseSearchCV.fit` calls, reads and sets. That of skrec does so too, but for its
# folds, which are drawn once, and `_run_search`.
FIT = """
_MultimetricScorer _check_input_parameters _check_method_params
_check_refit_for_multimetric _checked_cv_orig _fit_and_score _format_results
_get_routed_params_for_fit _get_scorers _init_callback_context _insert_error_scores
_run_search _scorers _select_best_index _warn_or_raise_about_fit_failures
Parallel best_estimator_ best_index_ best_params_ best_score_ call_on_fit_task_begin
call_on_fit_task_end check_cv clone cv cv_results_ defaultdict delayed error_score
estimator extend feature_names_in_ fit get get_n_splits indexable is_classifier items
multimetric_ n_jobs n_splits_ parameters pre_dispatch product
propagate_callback_context refit refit_time_ return_train_score score scorer scorer_
scoring set_params signature split splitter subcontext time verbose
"""


def names_in(code):
    """Return the names that a function uses, those of functions within it included."""
    inner = [names_in(part) for part in code.co_consts if inspect.iscode(part)]
    return set(code.co_names).union(*inner) - set(dir(builtins))


def test_fit_of_scikit_learn_takes_the_steps_that_it_took():
    found = names_in(inspect.unwrap(_sklearn.BaseSearchCV.fit).__code__)

    changed = found ^ set(FIT.split())
    assert not changed, (
        "BaseSearchCV.fit has changed: read it, change SequentialSearchMixin.fit and "
        "CandidateFits to match, then FIT."
    )
