"""Importances on results of which is known what mattered."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from optuna.importance import BaseImportanceEvaluator
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV
from sklearn.tree import DecisionTreeClassifier

from skrec.inspection import param_importances
from tests.inspection import made


def drawn(seed, n=24):
    """Draw candidates of a rate, a choice and a size."""
    rng = np.random.default_rng(seed)
    params = [
        {"rate": 10 ** float(e), "units": str(u), "size": int(s)}
        for e, u, s in zip(
            rng.uniform(-5, 0, n),
            rng.choice(["64", "64-32", "8"], n),
            rng.choice([1, 2, 4, 8], n),
            strict=True,
        )
    ]
    return params, rng


def verdicts(found):
    return dict(zip(found.frame["parameter"], found.frame["verdict"], strict=True))


def test_the_one_parameter_that_matters_is_found_on_whichever_scale():
    params, rng = drawn(0)
    score = [-abs(np.log10(one["rate"]) + 2) for one in params]
    folds = np.array(score)[:, None] + 0.2 * rng.normal(size=(24, 3))

    found = param_importances(made.search(params, folds), n_resamples=19)

    assert verdicts(found) == {
        "rate": "matters",
        "units": "cannot be told from noise",
        "size": "cannot be told from noise",
    }
    first = found.frame.iloc[0]
    assert 0.5 < first["importance"] <= 1
    assert first["low"] < first["importance"] < first["high"]
    said = str(found)
    assert said.startswith(
        f"rate matters ({first['importance']:.2f}, ".replace("0.", ".")
    )
    assert said.endswith("cannot be told from noise")


# By day, the one that matters is found, below.
@pytest.mark.nightly
def test_a_choice_that_matters_is_found_beside_one_that_matters_more():
    params, rng = drawn(1, 40)
    score = [2 * np.log10(one["rate"]) + 4 * (one["units"] == "8") for one in params]
    folds = np.array(score)[:, None] + 0.05 * rng.normal(size=(40, 3))

    found = param_importances(made.search(params, folds), n_resamples=19)

    assert found.frame["parameter"].tolist()[:2] == ["rate", "units"]
    assert verdicts(found)["units"] == "matters"
    assert verdicts(found)["size"] == "cannot be told from noise"


@pytest.mark.parametrize(
    ("seeds", "most"),
    [(range(3), 0), pytest.param(range(3, 43), 5, marks=pytest.mark.nightly)],
)
def test_where_nothing_matters_nothing_is_found(seeds, most):
    n_wrong = 0
    for seed in seeds:
        params, rng = drawn(seed)
        search = made.search(params, rng.normal(size=(24, 3)))
        frame = param_importances(search, n_resamples=19).frame
        n_wrong += (frame["verdict"] == "matters").any()

    assert n_wrong <= most  # in one of twenty, something seems to


@pytest.mark.nightly
def test_one_random_state_gives_one_answer():
    params, rng = drawn(0, 12)
    search = made.search(params, rng.normal(size=(12, 2)))

    one, two, other = (
        param_importances(search, n_resamples=19, random_state=seed).frame
        for seed in (0, 0, 1)
    )

    assert one.equals(two)
    assert not one.equals(other)


def test_ties_tell_nothing():
    params, _ = drawn(0)
    found = param_importances(made.search(params, np.full((24, 3), 0.1)))

    assert set(found.frame["verdict"]) == {"cannot tell"}
    assert found.frame["importance"].isna().all()
    assert str(found) == "rate, units and size: cannot tell, since all scores tie"


def test_a_few_candidates_tell_nothing():
    params, rng = drawn(0, 9)
    found = param_importances(made.search(params, rng.normal(size=(9, 3))))

    assert "cannot tell, since 9 candidates are fewer than 10" in str(found)


def test_of_constants_and_of_what_some_lack_nothing_can_be_told():
    params, rng = drawn(0)
    score = rng.normal(size=(24, 2))
    for k, one in enumerate(params):
        one["epochs"] = 5
        if k < 10:
            one["gamma"] = float(k)
    score[20:] = np.nan  # those have failed

    found = param_importances(made.search(params, score), n_resamples=19)

    why = found.frame.set_index("parameter")["why"]
    assert why["epochs"] == "since it has one value"
    assert why["gamma"] == "since only 10 of 20 candidates have it"
    assert (found.n_candidates, found.n_failed) == (20, 4)
    assert str(found).endswith("; 4 failed candidates left out")


class Recorder(BaseImportanceEvaluator):
    """Takes note of what it is told is good, where it is asked first."""

    best = None

    def evaluate(self, study, params=None, *, target=None):
        trials = study.get_trials()
        self.best = self.best or min(trials, key=target).params
        return dict.fromkeys(params, 0.5)


@pytest.mark.parametrize(("metric", "best"), [("neg_log_loss", 11), ("latency", 0)])
def test_evaluators_are_told_what_is_good(metric, best):
    params = [{"a": k, "b": str(k % 3)} for k in range(12)]
    search = made.search(params, [[float(k)] for k in range(12)], metric)
    recorder = Recorder()

    param_importances(search, metric, evaluator=recorder, n_resamples=19)

    assert recorder.best["b"] == str(best % 3)


@pytest.mark.nightly
def test_resources_that_candidates_got_are_one_more_parameter():
    space = {"max_depth": [1, 2, 3, 4], "min_samples_leaf": [1, 2, 4, 8, 16, 32]}
    search = HalvingRandomSearchCV(
        DecisionTreeClassifier(random_state=0), space, n_candidates=12, random_state=0
    ).fit(*load_iris(return_X_y=True))

    found = param_importances(search, n_resamples=19)

    assert "n_resources" in set(found.frame["parameter"])


def test_bars_are_pale_where_nothing_is_told():
    params, rng = drawn(0)
    score = [np.log10(one["rate"]) + 0.1 * rng.normal() for one in params]
    found = param_importances(
        made.search(params, np.array(score)[:, None]), n_resamples=19
    )
    _, ax = plt.subplots()

    shown = found.plot(ax)

    assert shown is found
    assert shown.ax_ is ax
    assert [bar.get_alpha() for bar in shown.bars_] == [1, 0.3, 0.3]
    ticks = [text.get_text() for text in ax.get_yticklabels()]
    assert ticks[0] == "rate"
    assert ticks[1].endswith("\ncannot be told from noise")
    plt.close("all")


def test_too_few_resamples_are_refused():
    with pytest.raises(ValueError, match="'n_resamples' parameter"):
        param_importances(None, n_resamples=5)
    with pytest.raises(TypeError, match="fitted search"):
        param_importances(None)
