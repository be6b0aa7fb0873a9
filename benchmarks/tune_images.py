"""Tune the learning rate and the augmentation of an image classifier.

The images are read from a folder that holds a folder of images for each class
(--images). A network of the user's own, with layers that shift, turn and zoom the
images in training, and skrec's CNNClassifier are each searched by StratifiedKFold(5,
shuffle=True, random_state=1), scored by accuracy, macro recall and macro F1, and
judged on images that no search has seen. --full tries five learning rates and four
strengths of the augmentation.

Without --images the digits of scikit-learn that are most alike, 1, 3, 5, 8 and 9, are
written as PNG files to --out/digits, and read from there.

Written to --out: report.md (how and with what result), report.html (the best search,
for a browser), results.csv, searches.csv,
effects.csv (mean score by each value of each parameter), confusion.csv, candidates.csv
(each candidate, fold by fold).
"""

import argparse
from pathlib import Path
from typing import Any

import _common as bench
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split

from skrec import CNNClassifier, KerasClassifier

RATES = {
    "full": [0.0001, 0.0003, 0.001, 0.003, 0.01],
    "short": [0.0001, 0.001, 0.01],
    "tiny": [0.0001, 0.01],
}
STRENGTHS = {"full": [0.0, 0.05, 0.1, 0.2], "short": [0.0, 0.1], "tiny": [0.1]}
AMOUNTS = {"epochs": bench.Amount(20, 15, 2, "epochs of each fit")}
DIGITS = (1, 3, 5, 8, 9)
MIN_PIXELS = 4  # two poolings halve them


# ---- images ------------------------------------------------------------------------


def write_digits(folder: Path) -> None:
    """Write the digits of five classes as PNG files, a folder a class."""
    digits = load_digits()
    pixels = (digits.images * 255 / 16).astype(np.uint8)
    for number, (image, label) in enumerate(zip(pixels, digits.target, strict=True)):
        if label in DIGITS:
            path = folder / f"digit {label}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)


def read_image(path: Path, size: int) -> np.ndarray:
    """Read one image, whatever its format, and resize it."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize((size, size)))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read as an image: mend or remove it. Received: {error}."
        ) from None


def visible(folder: Path) -> list[Path]:
    """List a folder, without hidden files."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def read_folders(folder: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of all classes and their classes, the names of the folders."""
    if not folder.is_dir():
        raise ValueError(f"--images must name a folder. Received: {folder}.")
    files = {path.name: visible(path) for path in visible(folder) if path.is_dir()}
    counts = {name: len(paths) for name, paths in files.items()}
    if len(files) < 2 or min(counts.values()) < bench.MIN_CLASS_ROWS:
        raise ValueError(
            f"{folder} must hold a folder for each of at least two classes, with "
            f"{bench.MIN_CLASS_ROWS} images or more in each. Received: {counts}."
        )
    X = np.stack([read_image(path, size) for paths in files.values() for path in paths])
    if (X[..., :1] == X).all():  # grey: one channel says it all
        X = X[..., :1]
    return X.astype(np.float32), np.repeat(list(counts), list(counts.values()))


def load(args: argparse.Namespace) -> bench.Samples:
    """Read the images, and hold a part of each class out."""
    folder = Path(args.images or Path(args.out, "digits"))
    source = str(folder)
    if args.images is None:
        write_digits(folder)
        source = f"digits {DIGITS} of scikit-learn (Alpaydin and Kaynak, 1998)"
    X, y = read_folders(folder, args.size)
    rows = np.arange(len(y))
    train, test = train_test_split(
        rows, test_size=bench.TEST_SIZE, stratify=y, random_state=args.seed
    )
    return bench.Samples(
        *(X[train], y[train], train),
        *(X[test], y[test], test),
        by_user=False,
        facts={"data": source, "samples": f"images as {X.shape[1:]}, from 0 to 255"},
    )


# ---- models ------------------------------------------------------------------------


def build(meta: dict[str, Any], strength: float = 0.1) -> Any:
    """Build the network; `strength` is the share of a side by which images move."""
    import keras  # not before skrec, which starts TensorFlow without its chatter

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            layers.Rescaling(1 / 255),
            layers.RandomTranslation(strength, strength),
            layers.RandomRotation(strength / 2),
            layers.RandomZoom(strength),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def make_models(args: argparse.Namespace) -> dict[str, Any]:
    """Return the two networks, as they are before a search."""
    own = KerasClassifier(
        build,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        epochs=args.epochs,
        random_state=args.seed,
        verbose=0,
    )
    cnn = CNNClassifier(  # in as many steps as the other
        "32-64",
        batch_size=32,
        epochs=args.epochs,
        early_stopping=False,
        random_state=args.seed,
    )
    return {"own network": own, "CNNClassifier": cnn}


def make_searches(
    models: dict[str, Any], args: argparse.Namespace, settings: dict[str, Any]
) -> dict[str, GridSearchCV]:
    """Return a grid search for each network."""
    rates, strengths = RATES[args.mode], STRENGTHS[args.mode]
    grids = {
        "own network": {"optimizer__learning_rate": rates, "strength": strengths},
        "CNNClassifier": {"learning_rate": rates},
    }
    return {
        f"{name}, tuned": GridSearchCV(model, grids[name], **settings)
        for name, model in models.items()
    }


# ---- results -----------------------------------------------------------------------


def confusion_frame(model: Any, samples: bench.Samples) -> pd.DataFrame:
    """Count the held-out images of each class by what they are taken for."""
    classes = samples.classes
    predicted = model.predict(samples.X_test)
    counts = confusion_matrix(samples.y_test, predicted, labels=classes)
    frame = pd.DataFrame(counts, columns=classes)
    frame.insert(0, "true class", classes)
    return frame


def run(args: argparse.Namespace, samples: bench.Samples) -> None:
    """Search, judge what was found, explain it, and write what comes out."""
    cv = StratifiedKFold(5, shuffle=True, random_state=1)
    models = make_models(args)
    searches = make_searches(models, args, bench.search_settings(args, samples, cv))
    report = bench.Report(args.out, "An image classifier with augmentation, tuned")
    facts = {
        **models,
        "grid": f"learning rate {RATES[args.mode]}; of the own network also the "
        f"strength of its augmentation {STRENGTHS[args.mode]}; the best by accuracy",
    }
    report.write(bench.protocol(args, samples, cv, facts))

    untuned = {f"{name}, not tuned": model for name, model in models.items()}
    results = bench.judge({**bench.baselines(), **untuned, **searches}, samples)
    report.searches(searches, results)
    report.page(searches, **samples.parts)
    effects = bench.effects_frame(searches)
    report.table("effects", "What each parameter does, over the folds", effects)
    best = max(searches, key=lambda name: searches[name].best_score_)
    confused = confusion_frame(searches[best], samples)
    report.table("confusion", f"What {best}, takes the images for", confused)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = bench.make_parser(__doc__)
    parser.add_argument(
        "--images", metavar="DIR", help="folder with a folder of images for each class"
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="side that the images are resized to (default: 32; 8 for the digits)",
    )
    args = bench.parse_options(parser, argv, AMOUNTS)
    if args.size is None:
        args.size = 8 if args.images is None else 32
    if args.size < MIN_PIXELS:
        parser.error(f"--size must be at least {MIN_PIXELS}. Received: {args.size}.")
    bench.run_script(parser, args, load, run)


if __name__ == "__main__":
    main()
