"""Drift: what is unknown, missing, out of range or shifted, column by column."""

from unittest.mock import Mock

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skrec.io
from skrec import CNNClassifier, FMClassifier
from skrec.drift import drift_report, drifted_columns, main
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._shares import index_of, of_ids, of_numbers
from skrec.recommenders import PopularRecommender

N = 400


@pytest.fixture
def before():
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "item": random.choice(["tea", "jam", "figs"], N),
            "price": random.normal(size=N),
            "seen": [["tea"] * (k % 3) for k in range(N)],
            "image": [random.normal(size=3) for _ in range(N)],
        }
    )


@pytest.fixture
def after(before):
    rows = before.copy()
    rows.loc[:99, "item"] = "milk"
    rows.loc[100:299, "item"] = None
    rows.loc[:39, "price"] = np.nan
    rows.loc[40:99, "price"] = 9.0
    rows["seen"] = [["tea", "milk"]] * 300 + [None] * 50 + [[]] * 50
    rows["image"] = [np.array([99.0, 0, 0])] * 200 + [None] * 200
    return rows


def test_rates_of_every_kind_of_column(before, after):
    report = drift_report(before, after)

    assert report["kind"].tolist() == ["id", "number", "sequence", "array"]
    missing = report["missing"].tolist()
    assert missing == [0.5, 0.1, 0.25, 0.5]
    assert report["missing_before"].tolist() == [0, 0, pytest.approx(134 / N), 0]
    assert report["unknown"].tolist()[::2] == [0.5, 0.5]  # of the ids that are there
    assert report["out_of_range"]["price"] == pytest.approx(60 / 360)
    assert report["out_of_range"]["image"] == pytest.approx(1 / 3)  # one of three
    assert report.isna()["unknown"].tolist() == [False, True, False, True]
    assert report.isna()["out_of_range"].tolist() == [True, False, True, False]
    assert drifted_columns(report) == ["item", "price", "seen", "image"]


@pytest.mark.parametrize("n_new", [1, 3, 10])
def test_one_odd_row_of_few_is_no_alarm(before, n_new):
    rows = before.iloc[:n_new].copy().reset_index(drop=True)
    rows.loc[0, "item"] = "milk"
    rows.loc[0, "price"] = 99.0
    rows.at[0, "image"] = None

    report = drift_report(before, rows)

    assert report["n_rows"].tolist() == [n_new] * 4
    assert report.loc["item", "unknown"] == pytest.approx(1 / n_new)
    assert drifted_columns(report, max_psi=np.inf) == []
    # Whoever allows nothing at all is told.
    strict = {"max_unknown": 0, "max_missing": 0, "max_out_of_range": 0}
    assert drifted_columns(report, max_psi=np.inf, **strict) == [
        "item",
        "price",
        "image",
    ]


def test_shares_count_beyond_their_noise():
    random = np.random.default_rng(0)
    frames = pd.DataFrame({"item": ["tea"] * 300})
    known = FieldEncoder().fit(frames)
    alarms = []
    for _ in range(300):  # a tenth is unknown, which is what may be
        which = random.random(60) < 0.1
        rows = pd.DataFrame({"item": np.where(which, "milk", "tea")})
        alarms.append(bool(drifted_columns(drift_report(known, rows))))

    assert np.mean(alarms) < 0.03


def test_the_same_rows_have_not_drifted(before):
    report = drift_report(before, before)

    assert report["psi"].dropna().tolist() == [0, 0, 0]
    assert drifted_columns(report) == []


def test_other_rows_of_one_population_are_noise():
    random = np.random.default_rng(0)
    pairs = random.integers(10, size=(1000, 2, 200))

    found = np.array([of_ids(*pair) for pair in pairs])

    psi, noise = found.T
    assert 0 < np.mean(psi > noise) < 0.03


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 10, 30])
@pytest.mark.parametrize(
    "shares", [[0.5, 0.5], [0.999, 0.001], [0.97, 0.03], [0.1] * 10]
)
def test_few_rows_of_one_population_raise_no_alarm(shares, n_rows):
    random = np.random.default_rng(0)
    counts = (random.multinomial(n, shares, size=500) for n in (1000, n_rows))

    found = np.array([index_of(*pair) for pair in zip(*counts, strict=True)])

    assert np.mean(found[:, 0] - found[:, 1] > 0.2) < 0.02


def test_a_column_that_is_constant_before_and_after_has_an_index_of_zero():
    before = pd.DataFrame({"c": [1.0] * 100, "i": ["a", "b"] * 50, "b": ["k"] * 100})
    for n_rows in (1, 5, 50):
        report = drift_report(before, before[:n_rows])
        assert report["psi"][["c", "b"]].tolist() == [0, 0]
        assert drifted_columns(report) == []

    changed = drift_report(before, before[:20].assign(c=2.0))
    assert drifted_columns(changed) == ["c"]


def test_a_shift_within_the_range_is_drift_and_noise_of_few_rows_is_none():
    before = pd.DataFrame({"x": np.arange(1000.0)})
    shifted = pd.DataFrame({"x": np.arange(500.0)})
    few = pd.DataFrame({"x": np.arange(50.0, 1000, 100)[[1, 3, 4, 4, 8, 9]]})

    assert drifted_columns(drift_report(before, shifted)) == ["x"]
    assert drift_report(before, few)["psi"]["x"] > 0.2
    assert drifted_columns(drift_report(before, few)) == []


def test_the_index_of_known_shares():
    p, q = np.array([0.5, 0.5]), np.array([0.7, 0.3])
    expected = ((q - p) * np.log(q / p)).sum()
    halves, shifted = (np.repeat([0, 1], (100_000 * own).astype(int)) for own in (p, q))

    assert of_ids(halves, shifted).psi == pytest.approx(expected, rel=1e-3)
    assert of_numbers(halves * 1.0, shifted * 1.0).psi == pytest.approx(
        expected, rel=1e-3
    )


@pytest.mark.parametrize("rare", [0.0, 2.0])
def test_a_frequent_number_has_a_bin_of_its_own(rare):
    """Most deciles are one number, on either side of which there are few others."""
    mostly = np.repeat([1.0, rare], [9_500, 500])
    half = np.repeat([1.0, rare], [5_000, 5_000])
    p, q = np.array([0.95, 0.05]), np.array([0.5, 0.5])

    psi = of_numbers(mostly, half).psi

    assert psi == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-2)


def test_a_column_without_values_has_no_index(before):
    empty = before.assign(price=np.nan)

    report = drift_report(before, empty)

    assert np.isnan(report["psi"]["price"])
    assert np.isnan(report["out_of_range"]["price"])
    assert report["missing"]["price"] == 1
    assert drifted_columns(report) == ["price"]


def test_an_estimator_knows_ids_and_ranges_and_rows_before_the_rest(before, after):
    y = np.arange(N) % 2
    columns = ["item", "price"]
    model = FMClassifier(epochs=1, random_state=0).fit(before[columns], y)

    alone = drift_report(model, after[columns])
    beside = drift_report(model, after[columns], X_reference=before[columns])

    whole = drift_report(before[columns], after[columns])
    pd.testing.assert_frame_equal(beside, whole)
    known = ["kind", "unknown", "missing", "missing_before", "out_of_range"]
    pd.testing.assert_frame_equal(alone[known], whole[known])
    assert alone["psi"].isna().all()
    assert drifted_columns(alone) == ["item", "price"]

    pipeline = make_pipeline(FunctionTransformer(lambda X: X[columns]), model)
    pd.testing.assert_frame_equal(
        drift_report(pipeline, after, X_reference=before), beside
    )
    search = GridSearchCV(model, {"l2": [0.0]}, cv=2).fit(before[columns], y)
    pd.testing.assert_frame_equal(drift_report(search, after[columns]), alone)


def test_missing_values_that_fit_saw_are_no_news_to_an_estimator(before):
    before.loc[:9, "item"] = None
    before.loc[:9, "price"] = np.nan
    encoder = FieldEncoder().fit(before)

    report = drift_report(encoder, before)

    assert report["missing_before"].isna()[["item", "price"]].all()
    assert drifted_columns(report) == []


def test_channels_of_sequences():
    X = np.random.default_rng(0).random((40, 6, 2))
    model = CNNClassifier(epochs=1, random_state=0).fit(X, np.arange(40) % 2)

    report = drift_report(model, X + np.array([0, 5]), X_reference=X)

    assert report["n_rows"].tolist() == [40, 40]  # and not of their steps
    assert report["out_of_range"].tolist() == [0, 1]
    assert report["psi"][0] == 0
    assert report["psi"][1] > 1


def test_users_and_items_of_events():
    events = pd.DataFrame({"user": [1, 1, 2, 3], "item": ["a", "b", "a", "c"]})
    new = pl.DataFrame({"user": [1, 9, 9, 8], "item": ["a", "b", "a", "x"]})

    report = drift_report(PopularRecommender().fit(events), new)

    assert report["unknown"].tolist() == [0.75, 0.25]
    assert report.index.tolist() == ["user", "item"]


def test_what_is_no_reference_or_has_other_columns_is_refused(before):
    with pytest.raises(TypeError, match=r"reference must be .* Received: int, 3\.$"):
        drift_report(3, before)
    with pytest.raises(ValueError, match="feature names"):
        drift_report(before, before[["item"]])
    with pytest.raises(ValueError, match="'price' must hold numbers, as in fit"):
        drift_report(before, before.assign(price="dear"))


def test_a_scheduler_gets_an_exit_code(before, after, tmp_path, capsys):
    columns = ["item", "price"]
    for name, rows in {"before": before, "after": after}.items():
        rows[columns].to_csv(tmp_path / f"{name}.csv", index=False)
    first, second = str(tmp_path / "before.csv"), str(tmp_path / "after.csv")
    out = tmp_path / "report.csv"

    assert main([first, first]) == 0
    assert capsys.readouterr().out.endswith("drifted: none\n")
    assert main([first, second, "--out", str(out)]) == 1
    assert capsys.readouterr().out.endswith("drifted: item, price\n")
    report = pd.read_csv(out, index_col="column")
    pd.testing.assert_frame_equal(report, drift_report(before[columns], after[columns]))
    wide = "--max-psi 9 --max-unknown 1 --max-missing 1 --max-out-of-range 1"
    assert main([first, second, *wide.split()]) == 0
    with pytest.raises(SystemExit) as stopped:
        main([first, str(tmp_path / "nothing.csv")])
    assert stopped.value.code == 2
    with pytest.raises(SystemExit):
        main([first, "rows.xlsx"])
    assert "must end in one of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "nowhere/report.csv"], "--out must be a file in a folder that"),
        (["--out", "."], "--out must be a file in a folder that"),
        (["--max-psi", "nan"], "--max-psi must be a number of at least 0"),
        (["--max-missing", "-1"], "--max-missing must be a number of at least 0"),
    ],
)
def test_a_wrong_argument_is_no_drift_and_found_before_the_work(
    tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["never_read.csv", "never_read.csv", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("disk on fire"), MemoryError()])
def test_an_error_of_any_kind_is_no_drift(tmp_path, capsys, monkeypatch, error):
    rows = str(tmp_path / "rows.csv")
    pd.DataFrame({"x": [1.0, 2.0]}).to_csv(rows, index=False)
    monkeypatch.setattr(pd.DataFrame, "to_csv", Mock(side_effect=error))
    with pytest.raises(SystemExit) as stopped:
        main([rows, rows, "--out", str(tmp_path / "report.csv")])
    assert stopped.value.code == 2
    assert (str(error) or "MemoryError") in capsys.readouterr().err


def test_a_limit_that_nothing_is_beyond_is_refused(before):
    report = drift_report(before, before)
    with pytest.raises(ValueError, match=r"max_unknown must be .* Received: nan\.$"):
        drifted_columns(report, max_unknown=float("nan"))


def test_a_model_that_was_dumped_is_a_reference(before, after, tmp_path):
    columns = ["item", "price"]
    path = str(tmp_path / "model.skrec")
    skrec.io.dump(FieldEncoder().fit(before[columns]), path)
    for name, rows in {"before": before, "after": after}.items():
        rows[columns].to_csv(tmp_path / f"{name}.csv", index=False)
    first, second = str(tmp_path / "before.csv"), str(tmp_path / "after.csv")

    assert main([path, first, "--rows", first]) == 0
    assert main([path, second]) == 1
