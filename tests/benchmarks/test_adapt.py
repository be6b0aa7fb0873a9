"""benchmarks/adapt.py: months in order, each judged by what was before it."""

import adapt
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def finished(run_tiny):
    return run_tiny(adapt)


@pytest.fixture(scope="module")
def months(finished):
    return pd.read_csv(finished / "months.csv")


@pytest.mark.nightly
def test_every_way_is_judged_in_every_month(finished, months):
    assert months.groupby("month")["way"].agg(list).tolist() == [adapt.WAYS] * 3
    assert months[["auc", "unknown users"]].stack().between(0, 1).all()
    names = {"months.csv", "results.csv", "report.md"}
    assert {path.name for path in finished.iterdir()} == names


def test_all_start_with_one_model_and_part_then(months):
    auc = months.pivot(index="month", columns="way", values="auc")
    same = [adapt.STILL, adapt.PARTIAL, adapt.ANEW, adapt.SEARCH]
    assert auc.iloc[0][same].nunique() == 1
    assert (auc.iloc[1:][adapt.PARTIAL] != auc.iloc[1:][adapt.STILL]).all()
    assert (auc[adapt.PRIOR] == 0.5).all()


def test_a_search_trains_the_newest_fold_alone(months):
    searches = months[months["way"] == adapt.SEARCH]
    best = searches["best"].str.removeprefix("epochs=").astype(int)
    n_folds = np.array([1, 2, 2])
    assert (searches["epochs asked"] == (1 + 2) * n_folds + best).all()
    # The second of two epochs goes on from the first.
    assert (searches["epochs trained"] <= 2 + best).all()
    assert (searches["epochs trained"] > 0).all()


def test_results_are_means_over_all_months_but_the_first(finished, months):
    found = pd.read_csv(finished / "results.csv", index_col="way")
    later = months[months["month"] > "1997-11"].set_index("month")
    gain = (
        later.loc[later["way"] == adapt.PARTIAL, "auc"]
        - later.loc[later["way"] == adapt.STILL, "auc"]
    )
    row = found.loc[adapt.PARTIAL]
    assert row["auc gain"] == pytest.approx(gain.mean())
    assert row["gain se"] == pytest.approx(gain.std() / np.sqrt(2))
    assert row["months better"] == f"{(gain > 0).sum()} of 2"
    assert found.loc[adapt.STILL, "seconds a month"] == 0


def test_too_few_months_to_see_a_difference_are_refused(capsys, tmp_path):
    with pytest.raises(SystemExit):
        adapt.main(["--tiny", "--months", "3", "--out", str(tmp_path)])
    assert "--months must be at least 4" in capsys.readouterr().err


def test_folds_of_a_month_later_are_those_of_before_and_one_more():
    months = np.repeat([0, 1, 2, 3], [3, 2, 4, 2])
    before = adapt.folds(months[months < 3])
    after = adapt.folds(months)
    for one, same in zip(before[1], after[0], strict=True):
        np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(after[1][0], np.arange(9))
    np.testing.assert_array_equal(after[1][1], [9, 10])
