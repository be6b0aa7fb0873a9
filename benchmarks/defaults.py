"""Judge every estimator as it comes: nothing tuned, against what everybody has.

Each table is split five times; every system gets the same rows. Compared are the
defaults of skrec's estimators with a linear model, gradient boosting and a network of
scikit-learn, and with RealMLP and TabM of pytabkit, which get an environment of their
own. Half of the tables served to choose skrec's defaults; the other half was held out.
"""

import argparse
from pathlib import Path

from _common import Report, as_list, environment, timed
from _defaults.report import write_half
from _defaults.runs import Results, run_table
from _defaults.systems import BASELINES, PEER_MODELS, PEERS, SYSTEMS
from _defaults.tables import DIAMONDS, HALVES, N_SPLITS, SESSIONS, TABLES, WINDOWS
from _measure import (
    MeasurementError,
    add_environment_options,
    peers_python,
    run_task,
)

PACKAGES = tuple(dict.fromkeys(system.package for system in SYSTEMS.values()))


def protocol(args: argparse.Namespace, notes: list[str]) -> str:
    """Say what is measured, on what and how."""
    facts = {
        "splits": f"{N_SPLITS} of each table, a quarter held out: "
        "StratifiedShuffleSplit, ShuffleSplit for numbers, GroupShuffleSplit for new "
        "users and new items, all with random_state=0; of genre windows a fifth of the "
        "users, with the number of the split as the seed",
        "tables": "of scikit-learn, and of fetch_table (of diamonds "
        f"{DIAMONDS} rows, drawn at random), fetch_scanner, fetch_movielens and "
        "load_criteo with all their columns; genre windows of tune_cnn.py, about "
        f"{WINDOWS}; sessions, {SESSIONS} of make_sessions",
        "settings": "all defaults; random_state is the number of the split; one "
        "thread. CNN and RNN read sequences and images as they are, all others "
        "their numbers side by side; NeuMF the user and the item; DIN and DIEN are "
        "told which column the history belongs to",
        "linear": "one-hot ids, counts of lists, numbers with the median for what is "
        "missing, scaled; LogisticRegression(max_iter=1000) or RidgeCV. Of MovieLens "
        "ratings the user and the item alone: means of both, shrunken",
        "boosting": "HistGradientBoosting with native categories, up to 255; codes of "
        "columns with more",
        "sklearn MLP": "MLPClassifier or MLPRegressor after the columns of the linear "
        "model",
        "peers": f"{', '.join(PEERS)}; the median for what is missing, encoded before "
        "the time is taken",
        "seconds": "of one fit, the median over the splits: of the processor and, in "
        "brackets, by the clock. skrec's networks are traced in the first split of a "
        "table, and found traced in the others",
        "all together": "systems that have every table, over the splits that all of "
        "them have. Shortfall: the score of the best of "
        f"{', '.join(BASELINES)} on a table, less that of the system",
        "run": "tiny size: the scores mean nothing" if args.tiny else "all rows",
        "made with": environment(),
    }
    if notes:
        facts["left out"] = "; ".join(notes)
    return as_list(facts)


# ---- the run -----------------------------------------------------------------------


def run(args: argparse.Namespace, python: Path | None) -> None:
    """Fit what is missing, table by table, each in a process with one thread.

    So no table finds a network that another one has traced.
    """
    results = Results(Path(args.out), args.tiny)
    for system in args.again:
        results.forget(system)
    for name in args.tables:
        task = name, args.systems, args.splits, results, python
        if not results.missing(*task[:3]):
            continue
        if args.tiny:
            run_table(*task)
            continue
        try:
            run_task("_defaults.runs:run_table", *task, timeout=None, show=True)
        except MeasurementError as error:
            print(f"  {name}: {error}", flush=True)


def report(args: argparse.Namespace, notes: list[str]) -> None:
    """Write the tables of what is there."""
    written = Report(args.out, "Defaults")
    written.write(protocol(args, notes))
    results = Results(Path(args.out), args.tiny).frame()
    chosen = results["table"].isin(args.tables) & results["system"].isin(args.systems)
    for half in args.half:
        write_half(written, results[chosen], half)


# ---- command line ------------------------------------------------------------------


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.epilog = (
        "Written to --out: report.md, a csv file for each table, and a file of lines "
        "for each system, which grows as the run does: the same command goes on where "
        "it was interrupted, and only prints the tables where all is done."
    )
    add = parser.add_argument
    add("--out", default="results", help="folder for the results (default: results)")
    add("--half", nargs="+", choices=HALVES, default=HALVES, help="of the tables")
    add("--tables", nargs="+", choices=TABLES, metavar="TABLE", help=", ".join(TABLES))
    add(
        "--systems",
        nargs="+",
        choices=[*SYSTEMS, *PACKAGES],
        default=list(SYSTEMS),
        metavar="SYSTEM",
        help=f"{', '.join(SYSTEMS)}, or all of a package: {', '.join(PACKAGES)}",
    )
    add(
        "--splits",
        type=int,
        choices=range(1, N_SPLITS + 1),
        default=N_SPLITS,
        help=f"the first splits alone (default: {N_SPLITS})",
    )
    add(
        "--again",
        nargs="+",
        choices=[*SYSTEMS, *PACKAGES],
        default=[],
        metavar="SYSTEM",
        help="systems or packages whose results are put aside and computed again, such "
        "as skrec after a change",
    )
    add("--only-report", action="store_true", help="fit nothing, print what is there")
    add_environment_options(parser, "defaults")
    add(
        "--tiny",
        "--quick",
        action="store_true",
        help="few rows; the scores mean nothing",
    )
    args = parser.parse_args(argv)
    args.systems, args.again = _systems(args.systems), _systems(args.again)
    names = args.tables or TABLES
    args.tables = [name for name in names if TABLES[name].half in args.half]
    return args


def _systems(names: list[str]) -> list[str]:
    """Put the systems of a package where it is named."""
    return [name for name in SYSTEMS if name in names or SYSTEMS[name].package in names]


def find_peers(args: argparse.Namespace, notes: list[str]) -> Path | None:
    """Return the peers' interpreter, or note why they are left out."""
    if not PEER_MODELS.keys() & set(args.systems):
        return None
    try:
        return peers_python(args.envs, args.install, PEERS)
    except MeasurementError as error:
        args.systems = [name for name in args.systems if name not in PEER_MODELS]
        notes.append(f"RealMLP and TabM are left out: {error}")
        return None


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    args, notes = parse(argv), []
    if not args.only_report:
        _, seconds = timed(run, args, find_peers(args, notes))
        print(f"Done in {seconds:.0f} seconds; everything is in {args.out}.")
    report(args, notes)


if __name__ == "__main__":
    main()
