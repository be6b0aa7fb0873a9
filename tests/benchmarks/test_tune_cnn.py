"""benchmarks/tune_cnn.py: what it writes, for whom it is judged, what it refuses."""

import _common
import _tables
import joblib
import keras
import numpy as np
import pandas as pd
import pytest
import tune_cnn

FILES = {
    "best_model.joblib",
    "best_model.keras",
    "candidates.csv",
    "encoder.joblib",
    "predictions.csv",
    "report.html",
    "report.md",
    "results.csv",
    "searches.csv",
    "tune_cnn.png",
}
MODELS = [
    "majority class",
    "logistic regression, C tuned",
    "gradient boosting",
    "CNN, defaults",
    "CNN, not tuned",
    "CNN, GridSearchCV",
    "CNN, RandomizedSearchCV",
    "CNN, BayesSearchCV",
]
SCORES = ["accuracy", "accuracy_se", "macro_recall", "macro_f1", "log_loss", "seconds"]


def run(out, *options):
    argv = ["--tiny", "--n-jobs", "1", "--out", str(out), *options]
    tune_cnn.main(argv)
    args = tune_cnn.parse(argv)[1]
    samples = tune_cnn.load(args)
    return out, samples.table, samples


# Half a minute, for nightly tests.
@pytest.fixture(scope="module")
def movielens_run(tmp_path_factory):
    return run(tmp_path_factory.mktemp("movielens"))


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.nightly)
        for name in ("movielens_run", "windows_run")
    ]
)
def of_users(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def movielens():
    return tune_cnn.load(tune_cnn.parse(["--tiny"])[1])


@pytest.fixture(scope="module")
def rows(rows_options):
    return tune_cnn.load(tune_cnn.parse(["--tiny", *rows_options])[1])


@pytest.fixture(scope="module")
def rows_options(tmp_path_factory, make_csv):
    csv = make_csv(tmp_path_factory.mktemp("rows") / "own.csv")
    return ["--csv", csv, "--target", "colour"]


@pytest.fixture(scope="module")
def rows_run(tmp_path_factory, rows_options):
    return run(tmp_path_factory.mktemp("rows_out"), *rows_options)


@pytest.fixture(scope="module")
def windows_options(tmp_path_factory, make_csv):
    csv = make_csv(tmp_path_factory.mktemp("windows") / "own.csv")
    columns = ["--target", "colour", "--user-col", "who", "--time-col", "when"]
    return ["--csv", csv, *columns]


@pytest.fixture(scope="module")
def windows(windows_options):
    return tune_cnn.load(tune_cnn.parse(["--tiny", *windows_options])[1])


@pytest.fixture(scope="module")
def windows_run(tmp_path_factory, windows_options):
    return run(tmp_path_factory.mktemp("windows_out"), *windows_options)


# By day, test_tune_mlp.py runs a script; here, tables are read and cleaned.
@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.nightly)
        for name in ("movielens_run", "rows_run", "windows_run")
    ]
)
def finished(request):
    return request.getfixturevalue(request.param)


@pytest.mark.nightly
def test_files_and_tables(finished):
    out, _, samples = finished

    extra = {"leak.csv"} if samples.by_user else set()
    assert {path.name for path in out.iterdir()} == FILES | extra
    results = pd.read_csv(out / "results.csv")
    assert results.columns.tolist() == ["model", *SCORES]
    assert results["model"].tolist() == MODELS
    assert np.isfinite(results[SCORES]).all(axis=None)
    majority = pd.Series(samples.y_train).mode()[0]
    expected = (samples.y_test == majority).mean()
    assert results["accuracy"][0] == pytest.approx(expected)
    searches = pd.read_csv(out / "searches.csv")
    assert searches["fits"].tolist() == [24, 6, 6]
    candidates = pd.read_csv(out / "candidates.csv")
    assert candidates["search"].value_counts().tolist() == [8, 2, 2]
    assert candidates["param_learning_rate"].between(0.001, 0.01).all()


def test_report_tells_the_protocol(finished):
    out, table, samples = finished

    report = (out / "report.md").read_text("utf-8")
    for fact in (
        f"{len(samples.y_test)} samples; {len(samples.y_train)} samples to train",
        "random_state=0, shuffle=True",
        "the best by neg_log_loss",
        "scikit-learn 1.9",
        *table.notes,
        "| majority class |",
    ):
        assert fact in report


def test_saved_models_predict_the_same(finished):
    out, _, samples = finished

    written = pd.read_csv(out / "predictions.csv")
    estimator = joblib.load(out / "best_model.joblib")
    network = keras.models.load_model(out / "best_model.keras", compile=False)
    assert (written["true"] == samples.y_test).all()
    assert (estimator.predict(samples.X_test) == written["predicted"]).all()
    np.testing.assert_allclose(
        network.predict(samples.X_test, verbose=0),
        estimator.predict_proba(samples.X_test),
        atol=1e-5,
    )
    best = pd.read_csv(out / "results.csv").set_index("model")["accuracy"]
    assert (written["true"] == written["predicted"]).mean() in best.tolist()


def test_held_out_users_are_new(of_users):
    out, table, samples = of_users
    train, test = set(samples.groups_train), set(samples.groups_test)
    assert not train & test
    assert train | test == set(table.frame[table.user])
    assert set(pd.read_csv(out / "predictions.csv")["user"]) == test


def test_leak_is_measured_for_users(of_users):
    leak = pd.read_csv(of_users[0] / "leak.csv")

    assert leak["model"].nunique() == 2
    assert leak["measured on"].tolist()[:3] == [
        "cv=3, users in several folds",
        "folds by user",
        "users held out",
    ]
    assert leak["accuracy"].between(0, 1).all()


def test_movielens_windows(movielens):
    samples, table = movielens, movielens.table

    assert samples.classes.tolist() == ["Action", "Comedy", "Drama", "other"]
    assert samples.X_train.shape[1:] == (10, 26)
    assert "dropped 10 ratings of films of no genre" in table.notes
    # The training rows of a user do not lie together.
    assert (np.diff(pd.factorize(samples.groups_train)[0]) == 0).mean() < 0.1


def test_cleaning_of_an_own_table(rows, windows):
    samples, table = rows, rows.table
    assert table.notes == [
        "dropped 2 rows without 'colour'",
        "dropped columns, as text with 358 different values in 358 rows: when, comment",
        "dropped columns, as constant: shop",
        "dropped 1 rows of 1 classes with fewer than 10 rows: ['mauve']",
    ]
    assert table.features == ["who", "price", "shelf"]
    # A price, whether it was missing, 20 names of users, two shelves.
    assert samples.X_train.shape[1] == 1 + 1 + 20 + 2

    assert windows.table.features == ["price", "shelf"]
    # The last two, the time since the last event, a flag and three colours.
    assert windows.X_train.shape[1:] == (10, 2 + 2 + 1 + 1 + 3)


def test_encoder_knows_the_training_part_alone(rows):
    samples, table = rows, rows.table

    train = table.frame.loc[samples.groups_train]
    test = table.frame.loc[samples.groups_test]
    assert len(train) + len(test) == len(table.frame)
    imputer = samples.encoder.named_transformers_["numbers"]
    assert imputer.statistics_[0] == pytest.approx(train["price"].median())
    np.testing.assert_array_equal(samples.encoder.transform(test), samples.X_test)


def test_stride_bounds_the_windows(movielens):
    table = movielens.table
    sizes = []
    for n_rows in (2000, 10_000):
        samples = _tables.make_samples(table, n_rows, seed=0)
        sizes.append(len(samples.y_train) + len(samples.y_test))

    n_users = table.frame["user_id"].nunique()
    assert sizes[0] <= 2000 + n_users and 9000 < sizes[1] <= 10_000 + n_users


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "has no column 'genre'"),
        ({"genre": "one"}, "at least two classes with 10 rows each. Received: {'one'"),
        ({"genre": np.linspace(0, 1, 60)}, "must hold classes, at most 100"),
        (
            {"genre": np.arange(60) % 2, "size": [f"size {i}" for i in range(60)]},
            "no column is left to predict from",
        ),
    ],
)
def test_unusable_csv(columns, message, tmp_path, capsys):
    frame = pd.DataFrame({"size": np.random.default_rng(0).normal(size=60)})
    frame.assign(**columns).to_csv(tmp_path / "own.csv", index=False)

    csv = str(tmp_path / "own.csv")
    with pytest.raises(SystemExit, match="2"):
        tune_cnn.main(
            ["--csv", csv, "--target", "genre", "--out", str(tmp_path / "out")]
        )
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--csv", "x", "--target", "y", "--time-col", "z"], "needs --user-col"),
        (["--user-col", "x", "--time-col", "y"], "needs --csv"),
        (["--scoring", "luck"], "invalid choice: 'luck'"),
    ],
)
def test_unusable_options(options, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        tune_cnn.main(options)
    assert message in capsys.readouterr().err


def test_help_names_its_own_options(capsys):
    with pytest.raises(SystemExit, match="0"):
        tune_cnn.main(["--help"])
    shown = capsys.readouterr().out
    options = ["csv", "target", "user-col", "time-col", "scoring"]
    assert all(f"--{option}" in shown for option in options)


def test_full_size_is_the_grid_of_the_article():
    args = tune_cnn.parse(["--full"])[1]

    model, full = tune_cnn.start_model(args), tune_cnn.GRIDS[args.mode]
    searches = _common.make_searches("CNN", model, full, 0, {})
    grid, random, bayes = searches.values()
    assert len(_common.ParameterGrid(grid.param_grid)) == 81
    assert random.n_iter == bayes.n_iter == 20
