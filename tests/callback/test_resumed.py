"""Searches that were broken off: gone on with, and kept once."""

import pytest

from skrec import MLPClassifier
from tests.callback.searches import (
    EACH,
    EPOCHS,
    X,
    Y,
    assert_complete,
    assert_series,
    by_name,
    histories,
    make_model,
    make_search,
    resumable,
    stored,
)
from tests.callback.stores import Wandb
from tests.fresh import run_fresh


def fail_at(monkeypatch, n_scored, error):
    """Let a score fail, as if somebody had pressed Ctrl-C."""
    plain, scored = MLPClassifier.score, []

    def score(*args, **kwargs):
        scored.append(args)
        if len(scored) == n_scored:
            raise error
        return plain(*args, **kwargs)

    monkeypatch.setattr(MLPClassifier, "score", score)


# By day, one that was killed is, below.
@pytest.mark.nightly
def test_a_search_that_was_interrupted_gives_way_to_one_that_ends(store, tmp_path):
    search = make_search(make_model(memory=tmp_path / "fits"))
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, 3, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            search.set_callbacks(store.tracker()).fit(X, Y)
    done = by_name(store.runs())
    assert sorted(run.status for run in done.values()) == ["failed"] + ["finished"] * 3
    assert len(done["candidate-0-fold-1"].series["loss"]) == EPOCHS

    search.set_callbacks(store.tracker()).fit(X, Y)
    runs = assert_complete(store, search)
    for name, history in histories(search).items():
        assert_series(runs[name], history)


KILLED = """
import os, sys
from tests.callback import searches, stores

folder, name, kind = sys.argv[1:]
store = {store.name: store for store in stores.STORES}[name](folder)
plain, scored = searches.MLPClassifier.score, []

def score(*args, **kwargs):
    scored.append(args)
    if len(scored) == 4:
        os._exit(9)
    return plain(*args, **kwargs)

searches.MLPClassifier.score = score
search = getattr(searches, kind)(folder).set_callbacks(store.tracker())
search.fit(searches.X, searches.Y)
"""


def kill(store, folder, kind):
    with pytest.raises(AssertionError, match="the process died"):
        run_fresh(KILLED, folder, store.name, kind)


def test_a_search_that_was_killed_and_resumed_is_kept_once(store, tmp_path):
    kill(store, tmp_path, "resumable")
    assert len(store.runs()) == (0 if isinstance(store, Wandb) else 5)
    search = resumable(tmp_path).set_callbacks(store.tracker()).fit(X, Y)

    runs = assert_complete(store, search)
    for name, history in histories(search).items():
        assert_series(runs[name], history)


@pytest.mark.parametrize("kind", EACH[:2])
def test_fits_that_a_study_has_stored_are_taken_over(kind, tmp_path):
    store = kind(tmp_path)
    kill(store, tmp_path, "stored")
    search = stored(tmp_path).set_callbacks(store.tracker()).fit(X, Y)

    fits = {}
    for run in store.runs():
        if "fold" in run.name:
            fits.setdefault(str(run.params["learning_rate"]), []).append(run)
    results = search.cv_results_
    assert len(fits) == 3
    for row, params in enumerate(results["params"]):
        runs = fits[str(params["learning_rate"])]
        assert [len(run.series["loss"]) for run in runs] == [EPOCHS] * 2
        expected = [results[f"split{fold}_test_score"][row] for fold in range(2)]
        scores = [run.scores["test_score"] for run in runs]
        assert sorted(scores) == pytest.approx(sorted(expected))
    assert len(store.runs()) == 3 * 2 + 2
    stored(tmp_path).set_callbacks(store.tracker()).fit(X, Y)
    assert len(store.runs()) == 3 * 2 + 2
