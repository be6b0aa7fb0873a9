"""OptunaSearchCV with a storage: it survives, resumes and shares its work."""

import copy
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold

from skrec import MLPClassifier
from skrec.model_selection import OptunaSearchCV
from skrec.model_selection._optuna import open_storage
from skrec.model_selection._optuna_space import suggester
from skrec.model_selection._optuna_trials import OUTCOME, OWNER, Trials, _start_of
from tests.night import by_day

X, Y = make_classification(60, 5, random_state=0)
SPACE = {"C": (1e-3, 1e3, "log-uniform"), "class_weight": [None, "balanced"]}
N_SPLITS = 3


class Scorer:
    """Accuracy that takes its time and counts how often it was asked."""

    def __init__(self, seconds=0.0):
        self.seconds, self.n_calls = seconds, 0

    def __call__(self, estimator, X, y):
        self.n_calls += 1
        time.sleep(self.seconds)
        return accuracy_score(y, estimator.predict(X)) - 1e-3 * np.log(estimator.C)

    def __getstate__(self):  # neither time nor counts are part of what is scored
        return {}

    def __setstate__(self, state):
        self.__init__()


def make_search(space=None, **kwargs):
    kwargs = {"n_trials": 14, "random_state": 0, "cv": N_SPLITS, **kwargs}
    return OptunaSearchCV(LogisticRegression(), space or SPACE, **kwargs)


def run_alone(path, n_points, seconds):
    """Search in a process of its own; called by the code below."""
    scorer = Scorer(seconds)
    search = make_search(storage=path, n_points=n_points, scoring=scorer, n_trials=14)
    params = search.fit(X, Y).cv_results_["params"]
    print(json.dumps({"params": params, "n_calls": scorer.n_calls}))


def start_process(path, n_points, seconds):
    code = (
        f"import runpy; runpy.run_path({__file__!r})['run_alone']"
        f"({str(path)!r}, {n_points}, {seconds})"
    )
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True
    )


def trials_of(path):
    study = optuna.load_study(study_name="skrec", storage=open_storage(path))
    return study.get_trials()


def assert_same_rows(results, others, n_splits=N_SPLITS):
    assert results["params"] == others["params"]
    for key in (f"split{i}_test_score" for i in range(n_splits)):
        np.testing.assert_array_equal(results[key], others[key])


def wait_until(condition, process):
    while not condition():
        assert process.poll() is None
        time.sleep(0.2)


# By day, every moment of death is survived in one process.
@pytest.mark.nightly
def test_killed_search_resumes(tmp_path):
    path, n_points = tmp_path / "search.journal", 2
    process = start_process(path, n_points, 0.1)

    def has_some_rows():
        return path.exists() and path.read_text().count("skrec:outcome") >= 5

    wait_until(has_some_rows, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_stored = sum(OUTCOME in trial.user_attrs for trial in trials_of(path))
    assert 5 <= n_stored < 14

    scorer = Scorer()
    resumed = make_search(storage=path, n_points=n_points, scoring=scorer).fit(X, Y)
    assert scorer.n_calls == (14 - n_stored) * N_SPLITS
    straight = make_search(n_points=n_points, scoring=Scorer()).fit(X, Y)
    assert_same_rows(resumed.cv_results_, straight.cv_results_)
    assert resumed.best_params_ == straight.best_params_
    states = {trial.state for trial in resumed.study_.trials}
    assert TrialState.RUNNING not in states and TrialState.WAITING not in states


# By day, two that share one take turns in one process, below.
@pytest.mark.nightly
def test_processes_share_a_study(tmp_path):
    path = tmp_path / "search.journal"
    processes = [start_process(path, 1, 0.1) for _ in range(2)]
    outputs = [json.loads(process.communicate()[0]) for process in processes]
    assert outputs[0]["params"] == outputs[1]["params"]
    assert len(outputs[0]["params"]) == 14
    # Continuous suggestions never coincide, and each was trained by one process.
    assert len({params["C"] for params in outputs[0]["params"]}) == 14
    n_calls = [output["n_calls"] for output in outputs]
    assert sum(n_calls) == 14 * N_SPLITS
    assert min(n_calls) > 0


def test_a_trial_too_many_is_given_up():
    """Two processes that see the last place free, and take it both."""
    study = optuna.create_study(direction="maximize")
    suggest = suggester(SPACE)
    first, second = (Trials(study, suggest, n_trials=1, seed=0) for _ in range(2))
    assert second.n_finished == 0
    assert len(first.take(1)) == 1
    assert second._ask() is None
    first.record([[]], np.array([0.5]))
    second.close()
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL"]
    assert len(first.rows()) == 1


def test_the_dead_are_told_from_the_living():
    assert _start_of(os.getpid()) == _start_of(os.getpid()) is not None
    process = subprocess.Popen(["sleep", "1000"])
    assert _start_of(process.pid) is not None
    process.kill()
    deadline = time.monotonic() + 60
    while _start_of(process.pid) is not None:  # although nobody has waited for it
        assert time.monotonic() < deadline
    process.wait()
    assert _start_of(process.pid) is None


def test_trials_of_a_search_that_was_stopped_in_this_process_are_put_back():
    study = optuna.create_study(direction="maximize")
    suggest = suggester(SPACE)
    stopped, under_way, asking = (Trials(study, suggest, 3, seed=0) for _ in range(3))
    stopped.take(1)
    under_way.take(1)
    asking.put_back_stale()
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "RUNNING"]
    with pytest.MonkeyPatch.context() as patch:  # stopped again while it puts back
        patch.setattr(stopped, "_open", [])
        stopped.close()
    asking.put_back_stale()
    states = [trial.state.name for trial in study.trials]
    assert states == ["FAIL", "RUNNING", "WAITING"]
    asking.close()
    under_way.close()


def test_a_finished_study_gives_its_rows_without_training(tmp_path):
    path = tmp_path / "search.journal"
    first = make_search(storage=path, scoring=Scorer(), return_train_score=True)
    first.fit(X, Y)
    scorer = Scorer()
    again = make_search(storage=path, scoring=scorer, return_train_score=True)
    again.fit(X, Y)
    assert scorer.n_calls == 0
    assert again.cv_results_.keys() == first.cv_results_.keys()
    for key in again.cv_results_:
        np.testing.assert_array_equal(again.cv_results_[key], first.cv_results_[key])
    np.testing.assert_array_equal(again.predict(X), first.predict(X))
    more = make_search(storage=path, scoring=scorer, return_train_score=True)
    more.set_params(n_trials=16).fit(X, Y)
    assert scorer.n_calls == 2 * 2 * N_SPLITS  # both sides of two new candidates
    assert more.cv_results_["params"][:14] == first.cv_results_["params"]


@pytest.mark.nightly
@pytest.mark.parametrize("n_points", [1, 3])
def test_every_moment_of_death_is_survived(tmp_path, n_points):
    """Cut the journal after each of its lines, as a death at that moment leaves it."""
    path, cut = tmp_path / "search.journal", tmp_path / "cut.journal"
    settings = {"n_trials": 12, "n_points": n_points}
    make_search(storage=path, scoring=Scorer(), **settings).fit(X, Y)
    whole = make_search(scoring=Scorer(), **settings).fit(X, Y).cv_results_
    lines = dead_owner(path.read_text()).splitlines(keepends=True)
    for n_lines in range(len(lines) - 7 * n_points, len(lines)):
        left = "".join(lines[:n_lines])
        cut.write_text(left)
        scorer = Scorer()
        resumed = make_search(storage=cut, scoring=scorer, **settings).fit(X, Y)
        assert_same_rows(resumed.cv_results_, whole)
        assert scorer.n_calls == (12 - left.count(OUTCOME)) * N_SPLITS


def dead_owner(journal):
    return journal.replace(f'"pid":{os.getpid()}', '"pid":4194305').replace(
        '"datetime_start":"2', '"datetime_start":"1'
    )


def test_a_torn_line_is_dropped(tmp_path):
    path = tmp_path / "search.journal"
    make_search(storage=path, n_trials=3).fit(X, Y)
    with path.open("a") as file:
        file.write('{"op_code":4,"worker_id":"1b')
    for n_trials in (4, 5):
        search = make_search(storage=path, n_trials=n_trials).fit(X, Y)
    whole = make_search(n_trials=5).fit(X, Y)
    assert_same_rows(search.cv_results_, whole.cv_results_)


def test_an_error_puts_the_trial_back(tmp_path):
    path = tmp_path / "search.journal"

    class Failing(Scorer):
        def __call__(self, estimator, X, y):
            if self.n_calls == 5 * N_SPLITS + 1:
                self.n_calls += 1
                raise RuntimeError("the power fails")
            return super().__call__(estimator, X, y)

    score = Failing()
    search = make_search(storage=path, scoring=score, error_score="raise")
    with pytest.raises(RuntimeError, match="the power fails"):
        search.fit(X, Y)
    states = [trial.state.name for trial in trials_of(path)]
    assert states == ["COMPLETE"] * 5 + ["FAIL", "WAITING"]
    search.fit(X, Y)
    assert score.n_calls == 14 * N_SPLITS + 2
    whole = make_search(scoring=Scorer()).fit(X, Y)
    assert_same_rows(search.cv_results_, whole.cv_results_)


@pytest.mark.parametrize(
    ("hours", "is_taken_over"), [(0.5, False), (2.0, True)], ids=["young", "old"]
)
def test_trials_of_other_hosts_are_put_back_by_age(tmp_path, hours, is_taken_over):
    path = tmp_path / "search.journal"
    make_search(storage=path, n_trials=3).fit(X, Y)
    study = optuna.load_study(study_name="skrec", storage=open_storage(path))
    trial = study.ask()
    asked = time.time() - 3600 * hours
    owner = {"host": "elsewhere", "pid": 1, "started": 1, "asked": asked, "search": ""}
    trial.set_user_attr(OWNER, owner)
    search = make_search(storage=path, n_trials=4, max_seconds=1e-9)
    n_rows = len(search.fit(X, Y).cv_results_["params"])
    assert n_rows == 3  # out of time before the first round
    max_seconds = None if is_taken_over else 0.5  # it would wait for the other host
    search = make_search(storage=path, n_trials=4, max_seconds=max_seconds).fit(X, Y)
    assert len(search.cv_results_["params"]) == (4 if is_taken_over else 3)
    state = trials_of(path)[3].state
    assert state == (TrialState.FAIL if is_taken_over else TrialState.RUNNING)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"cv": 4}, "folds"),
        ({"cv": KFold(N_SPLITS, shuffle=True, random_state=1)}, "folds"),
        ({"scoring": "f1"}, "scoring"),
        ({"scoring": ["f1", "accuracy"], "refit": "f1"}, "scoring"),
        ({"return_train_score": True}, "return_train_score"),
        ({"space": {"C": (1e-3, 1e2, "log-uniform")}}, "param_distributions"),
        ({"estimator": LogisticRegression(max_iter=7)}, "estimator"),
        ({"estimator": MLPClassifier()}, "estimator"),
    ],
)
def test_a_study_of_another_search_is_refused(tmp_path, change, name):
    path = tmp_path / "search.journal"
    make_search(storage=path, n_trials=1).fit(X, Y)
    other = make_search(change.pop("space", None), storage=path, n_trials=2)
    other.set_params(**change)
    with pytest.raises(ValueError, match=f"other .*{name}.* Pass another study_name"):
        other.fit(X, Y)
    other.set_params(study_name="other", estimator=LogisticRegression()).fit(X, Y)


def test_a_study_with_other_data_is_refused(tmp_path):
    path = tmp_path / "search.journal"
    make_search(storage=path, n_trials=1).fit(X, Y)
    with pytest.raises(ValueError, match=r"other X\. .* stored ndarray \(60, 5\)"):
        make_search(storage=path, n_trials=2).fit(X[:, :4], Y)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_foreign_study_is_refused(tmp_path, direction):
    path = tmp_path / "search.journal"
    study = optuna.create_study(
        study_name="theirs", storage=open_storage(path), direction=direction
    )
    study.add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(ValueError, match=r"studies of its own.*'theirs'"):
        make_search(storage=path, study_name="theirs").fit(X, Y)


def test_candidates_that_the_user_enqueued_come_first(tmp_path):
    path = tmp_path / "search.journal"
    study = optuna.create_study(
        study_name="skrec", storage=open_storage(path), direction="maximize"
    )
    study.enqueue_trial({"C": 7.0, "class_weight": "balanced"})
    search = make_search(storage=path, n_trials=2).fit(X, Y)
    assert search.cv_results_["params"][0] == {"C": 7.0, "class_weight": "balanced"}


def test_harmless_changes_are_no_reason_to_refuse(tmp_path):
    path = tmp_path / "search.journal"
    make_search(storage=path, n_trials=1).fit(X, Y)
    search = make_search(storage=path, n_trials=2, n_jobs=1)
    search.set_params(estimator=LogisticRegression(verbose=0, n_jobs=None)).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2


def test_a_storage_may_be_a_url_or_an_object(tmp_path):
    straight = make_search(n_trials=3).fit(X, Y)
    for storage in (
        f"sqlite:///{tmp_path / 'search.db'}",
        open_storage(tmp_path / "search.journal"),
    ):
        make_search(n_trials=2, storage=storage).fit(X, Y)
        search = make_search(n_trials=3, storage=storage).fit(X, Y)
        assert_same_rows(search.cv_results_, straight.cv_results_)


STORAGES = {
    "journal": lambda folder: folder / "study.journal",
    "url": lambda folder: f"sqlite:///{folder / 'study.db'}",
    "object": lambda folder: optuna.storages.RDBStorage(f"sqlite:///{folder / 'a.db'}"),
}


@pytest.mark.parametrize("kind", by_day(STORAGES, "journal", "object"))
def test_a_pickled_search_loads_where_its_storage_is_not(tmp_path, kind):
    folder = tmp_path / "train"
    folder.mkdir()
    storage = STORAGES[kind](folder)
    search = make_search(n_trials=3, storage=storage).fit(X, Y)
    content = pickle.dumps(search)
    here = pickle.loads(content)
    assert type(here.storage) is type(storage)
    shutil.rmtree(folder)
    # A search that was loaded, or copied, without a connection of its own.
    for loaded in (pickle.loads(content), copy.deepcopy(pickle.loads(content))):
        np.testing.assert_array_equal(loaded.predict(X), search.predict(X))
        assert loaded.best_params_ == search.best_params_
        assert loaded.study_.best_params == search.best_params_
        states = [trial.state for trial in loaded.study_.trials]
        assert states == [TrialState.COMPLETE] * 3
    assert len(search.study_.trials) == 3  # this one does not need it either


def test_the_study_does_not_travel_to_the_workers(tmp_path):
    search = make_search(n_trials=2, storage=tmp_path / "search.journal").fit(X, Y)

    def score(estimator, X, y):
        assert not hasattr(search, "study_")
        return estimator.score(X, y)

    search.set_params(storage=None, scoring=score, error_score="raise").fit(X, Y)
    assert len(search.study_.trials) == 2


def test_rows_of_any_kind_are_taken(tmp_path):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    rows = [["a", "b"], ["a"], ["c", "b", "d"], ["c"]] * 10
    model = make_pipeline(CountVectorizer(analyzer=list), LogisticRegression())
    space = {"logisticregression__C": (0.1, 1.0)}
    for storage in (None, tmp_path / "search.journal", tmp_path / "search.journal"):
        search = OptunaSearchCV(model, space, n_trials=2, storage=storage)
        assert search.fit(rows, [0, 0, 1, 1] * 10).best_score_ == 1.0
