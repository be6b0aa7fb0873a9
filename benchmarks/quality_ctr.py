"""Compare rating, click and product-choice models with their peers on real data.

Ratings: scikit-surprise's SVD and SVD++. Clicks: logistic regression, gradient boosting
and FuxiCTR's DeepFM and DCNv2. Product choice: logistic regression and "copy the last
choice". Every model is tuned inside the training part of each fold and sees the same
rows.
"""

import argparse
import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from _common import (
    Amount,
    Report,
    as_list,
    environment,
    make_parser,
    parse_options,
    timed,
)
from _measure import MeasurementError, Records, add_environment_options, peers_python
from _quality import baselines, data, neural, peers, tables
from _quality.data import Task
from _quality.evaluation import evaluate, tune_and_judge

PARTS = ["rating", "clicks", "choice"]
AMOUNTS = {
    "candidates": Amount(20, 4, 1, "candidates of each search of a network or a peer"),
    "baseline_candidates": Amount(20, 8, 1, "candidates of each other search"),
    "rating_folds": Amount(5, 5, 1, "folds of the ratings, of five"),
    "click_repeats": Amount(10, 3, 1, "random splits of MovieLens clicks"),
    "criteo_repeats": Amount(5, 1, 1, "repetitions of five folds of criteo-8k"),
    "choice_repeats": Amount(10, 3, 1, "seeds of the models of product choice"),
    "epochs": Amount(60, 40, 2, "epochs of a network at most"),
}
FUXI = {"DeepFM": "FuxiCTR DeepFM", "DCNv2": "FuxiCTR DCNv2"}
SVD = {"SVD": "Surprise SVD", "SVD++": "Surprise SVD++"}
REFERENCES = {
    "rating": [["user + movie biases", *SVD.values()]],
    "clicks": [["logistic regression"], list(FUXI.values())],
    "choice": [
        [
            "copy the last choice",
            "logistic regression: prices",
            "logistic regression: prices, household id",
        ]
    ],
}


class Job(NamedTuple):
    """One model and how it is judged on a fold."""

    name: str
    judge: Callable[..., dict[str, Any]]


# ---- what is compared --------------------------------------------------------------


def load_tasks(args: argparse.Namespace) -> tuple[list[Task], list[str]]:
    """Return the tasks of the chosen parts, and what is left out and why."""
    tiny, seed, notes = args.mode == "tiny", args.seed, []
    tasks: list[Task] = []
    if "rating" in args.only:
        tasks.append(data.movielens_rating(args.rating_folds, seed, tiny))
    if "clicks" in args.only:
        tasks.append(data.movielens_clicks(args.click_repeats, seed, tiny))
        folder = data.criteo_folder(args.criteo)
        if folder is None:
            notes.append(
                "criteo-8k is left out: it is not downloaded; name its folder with "
                "--criteo, or set SKREC_DATA_MIRROR"
            )
        else:
            tasks.append(data.criteo_clicks(folder, args.criteo_repeats, seed, tiny))
    if "choice" in args.only:
        for name in ("yogurt", "catsup"):
            tasks.append(data.scanner_choice(name, args.choice_repeats, seed, tiny))
    return tasks, notes


def jobs_of(task: Task, args: argparse.Namespace, python: Path | None) -> list[Job]:
    """Return the models of a task: baselines, peers if they are there, and skrec's."""
    fixed = {"epochs": args.epochs, "memory": str(Path(args.out, "memory"))}
    tune = partial(tune_and_judge, task=task, n_jobs=args.n_jobs)
    few, many = args.candidates, args.baseline_candidates
    simple = [
        Job(model.name, partial(tune, model=model, n_candidates=many))
        for model in baselines.MODELS[task.part](task)
    ]
    networks = [
        Job(model.name, partial(tune, model=model, n_candidates=few))
        for model in neural.MODELS[task.part](task, fixed)
    ]
    others = _peers(task, args, python) if python is not None else []
    return [*simple, *others, *networks]


def _peers(task: Task, args: argparse.Namespace, python: Path) -> list[Job]:
    common = {"task": task, "python": python}
    if task.part == "rating":
        # A fit of SVD++ takes a minute: without --full its defaults have to do.
        budget = {"SVD": args.candidates, "SVD++": args.candidates if args.full else 1}
        judge = partial(peers.svd_search, **common)
        return [
            Job(SVD[name], partial(judge, name=name, n_candidates=n))
            for name, n in budget.items()
        ]
    if task.part == "clicks":
        judge = partial(peers.fuxi_search, **common, n_candidates=args.candidates)
        return [Job(FUXI[name], partial(judge, name=name)) for name in FUXI]
    return []


# ---- the report --------------------------------------------------------------------


def protocol(args: argparse.Namespace, tasks: list[Task], notes: list[str]) -> str:
    """Say what is measured, on what and how."""
    facts = {
        **{task.name: f"{len(task.X)} rows; {task.protocol}" for task in tasks},
        "tuning": f"RandomizedSearchCV on one split inside the training part; "
        f"{args.candidates} candidates for networks and peers, "
        f"{args.baseline_candidates} for other models; the best candidate is trained "
        "again on the whole training part, of which the networks for MovieLens clicks "
        "hold a tenth out to stop early by the AUC; elsewhere epochs are tuned",
        "scores in the searches": "RMSE of ratings, AUC of clicks, log-loss of choices",
        "folds": "the same rows for every model: folds_<task>.npz",
        "se": "standard error of the mean over folds; of a gain, over the differences "
        "fold by fold. Folds overlap in their training rows, so it is a lower bound",
        "seconds": "median over folds of one training with the chosen candidate, "
        "preprocessing included; of a network also tracing, where no search has done "
        "it in this process. Peers: training alone, on rows already encoded",
        "FuxiCTR": "its layers and training loop (Adam, early stopping with patience 2 "
        "on the AUC of the validation tenth, the rate cut on a plateau), trained on "
        "eight tenths; DeepFM and DCNv2 put together as in its model zoo, which its "
        "wheel leaves out; the same fields, encoded by skrec's FieldEncoder, of "
        f"criteo-8k with min_count={peers.RARE}; "
        f"embedding size {peers.EMBEDDING_DIM}, random search as above",
        "Surprise": "SVD: its defaults and candidates around them; SVD++: "
        + ("the same" if args.full else "its defaults"),
        "peers": ", ".join(peers.PACKAGES),
        "run": f"{args.mode} size, n_jobs={args.n_jobs}, seed {args.seed}",
        "made with": environment(),
    }
    if notes:
        facts["left out"] = "; ".join(notes)
    return as_list(facts)


def quality_part(
    args: argparse.Namespace, report: Report, task: Task, python: Path | None
) -> None:
    """Judge all models of a task and write its table."""
    records = Records(Path(args.out, "folds.jsonl"), ["task", "model", "fold"])
    data.save_folds(task, Path(args.out))
    print(f"{task.name} ...", flush=True)
    for name, judge in jobs_of(task, args, python):
        try:
            evaluate(task, name, judge, records, args.seed)
        except MeasurementError as error:
            report.write(f"{name} failed: {error}")
    table = tables.summary(pd.DataFrame(records.rows), task.name, REFERENCES[task.part])
    name = task.name.lower().replace(" ", "_")
    report.table(name, task.name, tables.for_reading(table))


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Read the options."""
    parser = make_parser(__doc__)
    parser.epilog = (
        "Written to --out: report.md, a csv file for each table, and folds.jsonl with "
        "every model on every fold, which grows as the run does: the same command goes "
        "on where it was interrupted, and only prints the tables where all is done."
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        metavar="PART",
        help=f"parts to run: {', '.join(PARTS)} (default: all)",
    )
    parser.add_argument(
        "--criteo",
        type=Path,
        metavar="DIR",
        help="folder of criteo-8k (default: in SKREC_DATA_MIRROR)",
    )
    add_environment_options(parser, "quality_ctr")
    args = parse_options(parser, argv, AMOUNTS)
    return parser, args


def check_settings(args: argparse.Namespace) -> None:
    """Raise if the folder holds results of other settings, or else keep these."""
    names = ["mode", "seed", *AMOUNTS]
    settings = {name: getattr(args, name) for name in names}
    path = Path(args.out, "settings.json")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    elif json.loads(path.read_text()) != settings:
        raise ValueError(
            f"{args.out} holds results of other settings: choose another --out. "
            f"Received: {settings}; there: {path.read_text()}."
        )


def find_peers(args: argparse.Namespace, notes: list[str]) -> Path | None:
    """Return the peers' interpreter, or note why they are left out."""
    if args.only == ["choice"]:
        return None
    try:
        return peers_python(args.envs, args.install, peers.PACKAGES)
    except MeasurementError as error:
        notes.append(f"FuxiCTR and Surprise are left out: {error}")
        return None


def run(args: argparse.Namespace, tasks: list[Task], notes: list[str]) -> None:
    """Run the chosen parts."""
    python = find_peers(args, notes)
    report = Report(args.out, "Ratings, clicks and product choice")
    report.write(protocol(args, tasks, notes))
    with warnings.catch_warnings():
        # New genres or households in a test part are what the models are for.
        warnings.filterwarnings("ignore", "Found unknown categories", UserWarning)
        for task in tasks:
            quality_part(args, report, task, python)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser, args = parse(argv)
    try:
        tasks, notes = load_tasks(args)
        check_settings(args)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    _, seconds = timed(run, args, tasks, notes)
    print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")


if __name__ == "__main__":
    main()
