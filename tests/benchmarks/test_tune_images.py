"""benchmarks/tune_images.py: folders of images, what it writes, what it refuses."""

import numpy as np
import pandas as pd
import pytest
import tune_images
from PIL import Image
from sklearn.datasets import load_digits

OWN, CNN = "own network, tuned", "CNNClassifier, tuned"


# Minutes, for nightly tests. By day, test_tune_mlp.py runs a script.
@pytest.fixture(scope="module")
def finished(run_tiny):
    return run_tiny(tune_images)


def make_photos(folder, colours, n_images=12):
    """Write noisy photos of one colour a class, no two of them of the same size."""
    rng = np.random.default_rng(0)
    for name, colour in colours.items():
        (folder / name).mkdir(parents=True)
        for number in range(n_images):
            noise = rng.integers(-40, 40, size=(20 + number, 31, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.jpg")
    return folder


@pytest.fixture
def photos(tmp_path):
    return make_photos(tmp_path / "photos", {"sea": (0, 0, 200), "wood": (0, 200, 0)})


def refused(argv, capsys):
    with pytest.raises(SystemExit, match="2"):
        tune_images.main([*argv, "--tiny"])
    return capsys.readouterr().err


@pytest.mark.nightly
def test_files_and_fits(finished):
    tables = ["candidates", "confusion", "effects", "results", "searches"]
    names = {"digits", "report.html", "report.md", *(f"{name}.csv" for name in tables)}
    assert {path.name for path in finished.iterdir()} == names
    searches = pd.read_csv(finished / "searches.csv", index_col="search")
    assert searches["candidates"].to_dict() == {OWN: 2, CNN: 2}
    assert searches["fits"].to_dict() == {OWN: 10, CNN: 10}
    candidates = pd.read_csv(finished / "candidates.csv")
    assert {
        "mean_test_accuracy",
        "mean_test_macro_recall",
        "mean_test_macro_f1",
    } <= set(candidates.columns)


@pytest.mark.nightly
def test_digits_come_back_from_their_files(finished):
    X, y = tune_images.read_folders(finished / "digits", 8)

    assert X.shape[1:] == (8, 8, 1)
    digits = load_digits()
    for label in tune_images.DIGITS:
        expected = (digits.images[digits.target == label] * 255 / 16).astype(np.uint8)
        found = X[y == f"digit {label}", :, :, 0]
        assert sorted(map(bytes, found.astype(np.uint8))) == sorted(
            map(bytes, expected)
        )


@pytest.mark.nightly
def test_tuned_beats_majority(finished, read_results):
    accuracy = read_results(finished)["accuracy"]

    assert accuracy["majority class"] < 0.25
    assert accuracy[[OWN, CNN]].min() > 0.7


@pytest.mark.nightly
def test_confusion_adds_up(finished, read_results):
    confusion = pd.read_csv(finished / "confusion.csv", index_col="true class")
    searches = pd.read_csv(finished / "searches.csv", index_col="search")

    assert confusion.index.tolist() == confusion.columns.tolist()
    _, y = tune_images.read_folders(finished / "digits", 8)
    a_fifth = pd.Series(y).value_counts()[confusion.index] / 5
    assert (abs(confusion.sum(axis=1) - a_fifth) <= 1).all()
    n_test = confusion.sum().sum()
    assert f"{n_test} samples; " in (finished / "report.md").read_text("utf-8")
    best = searches["fold_accuracy"].idxmax()
    found = np.trace(confusion) / n_test
    assert found == pytest.approx(read_results(finished).loc[best, "accuracy"])


@pytest.mark.nightly
def test_effects_explain_the_learning_rate(finished):
    effects = pd.read_csv(finished / "effects.csv").set_index(["search", "parameter"])
    rates = effects.loc[(OWN, "optimizer__learning_rate")].set_index("value")

    assert rates.index.tolist() == [0.0001, 0.01]
    assert rates.loc[0.01, "mean_accuracy"] > rates.loc[0.0001, "mean_accuracy"] + 0.2
    assert effects.loc[(OWN, "strength"), "candidates"] == 2


@pytest.mark.nightly
def test_report_tells_the_protocol(finished):
    report = (finished / "report.md").read_text("utf-8")
    for fact in (
        "StratifiedKFold(n_splits=5, random_state=1, shuffle=True)",
        "images as (8, 8, 1), from 0 to 255",
        "KerasClassifier(",
        "scikit-learn 1.9",
    ):
        assert fact in report


def test_augmentation_moves_images_in_training_alone():
    meta = {"X_shape_": (None, 8, 8, 1), "n_classes_": 5}
    image = np.random.default_rng(0).random((1, 8, 8, 1)).astype("float32")

    for strength, moves in ((0.0, False), (0.2, True)):
        model = tune_images.build(meta, strength)
        plain = [np.asarray(model(image, training=False)) for _ in range(2)]
        np.testing.assert_array_equal(*plain)
        trained = np.asarray(model(image, training=True))
        assert np.allclose(trained, plain[0], atol=1e-6) != moves
    kinds = {type(layer).__name__ for layer in model.layers}
    assert {"RandomTranslation", "RandomRotation", "RandomZoom"} < kinds


@pytest.mark.nightly
def test_own_photos(photos, run_tiny, read_results):
    (photos / ".hidden").write_text("not an image")
    (photos / "sea" / ".DS_Store").write_text("not an image")
    own = ["--images", str(photos), "--size", "12", "--epochs", "6"]
    out = run_tiny(tune_images, *own)

    report = (out / "report.md").read_text("utf-8")
    assert f"- data: {photos}" in report and "images as (12, 12, 3)" in report
    assert not (out / "digits").exists()
    assert read_results(out).loc["logistic regression", "accuracy"] == 1
    confusion = pd.read_csv(out / "confusion.csv")
    assert confusion["true class"].tolist() == ["sea", "wood"]


def test_unreadable_file_is_named(photos, capsys):
    path = photos / "wood" / "3.jpg"
    whole = path.read_bytes()
    for content in (b"not an image", whole[: len(whole) // 2]):
        path.write_bytes(content)
        message = refused(["--images", str(photos)], capsys)
        assert f"{path} cannot be read as an image: mend or remove it." in message


def test_too_few_classes_or_images(tmp_path, capsys):
    missing = refused(["--images", str(tmp_path / "nowhere")], capsys)
    assert f"--images must name a folder. Received: {tmp_path / 'nowhere'}" in missing
    folder = make_photos(tmp_path / "one", {"sea": (0, 0, 200)})
    alone = refused(["--images", str(folder)], capsys)
    assert f"{folder} must hold a folder for each of at least two classes" in alone
    assert "Received: {'sea': 12}" in alone
    make_photos(folder / "x", {"few": (0, 0, 0)}, n_images=3)
    (folder / "x" / "few").rename(folder / "few")
    (folder / "x").rmdir()
    few = refused(["--images", str(folder)], capsys)
    assert "10 images or more in each. Received: {'few': 3, 'sea': 12}" in few


def test_size_is_checked(capsys):
    assert "--size must be at least 4. Received: 2" in refused(["--size", "2"], capsys)
