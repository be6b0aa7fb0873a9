"""How far rows of today are from those that a model was fitted on."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import beta
from sklearn.utils.validation import check_is_fitted

from skrec._inside import innermost
from skrec._sklearn import num_samples
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._floats import as_floats
from skrec.preprocessing._frames import as_frame, is_polars
from skrec.preprocessing._lists import flatten, stack
from skrec.preprocessing._numbers import number_block
from skrec.preprocessing._ranges import Range
from skrec.preprocessing._shares import NOTHING, Difference, of_ids, of_numbers
from skrec.preprocessing._vocabulary import UNKNOWN, Vocabulary, factorize

__all__ = ["drift_report", "drifted_columns"]

LIMITS = {
    "max_psi": 0.2,
    "max_unknown": 0.1,
    "max_missing": 0.1,
    "max_out_of_range": 0.05,
}


def drift_report(reference: Any, X_new: Any, *, X_reference: Any = None) -> Any:
    """Compare new rows, column by column, with those that a model was fitted on.

    Parameters
    ----------
    reference : estimator, FieldEncoder or DataFrame
        What is known of the rows before: a fitted estimator or recommender of skrec, a
        search or pipeline around one, an encoder, or these rows themselves.
    X_new : DataFrame or array-like of shape (n_rows, n_columns)
        Rows as `predict` takes them; events, of a recommender.
    X_reference : DataFrame or array-like of shape (n_rows, n_columns), default=None
        Rows before, where `reference` is an estimator. An estimator keeps the ids and
        the range of numbers, and not how frequent they were: `psi` and
        `missing_before` need these rows.

    Returns
    -------
    DataFrame of shape (n_columns, 8)
        Indexed by ``"column"``:

        - ``kind``: "id", "number", "sequence" or "array";
        - ``n_rows``: how many new rows the shares are of;
        - ``unknown``: share of the ids that are there which `fit` did not know;
        - ``missing``: share of values that are missing, and of lists without an item;
        - ``missing_before``: the same in the rows before; 0 also where an estimator
          learnt nothing of missing values;
        - ``out_of_range``: share of the numbers that are there which lie below the
          smallest or above the largest one of `fit`;
        - ``psi``: the population stability index [1]_, the sum over ten bins of
          (q - p) log(q / p), where p is the share before and q the new one. The bins
          of numbers lie between the deciles before; ids are their nine most frequent
          ones before, and all others. Below .1 is usually called no change, and above
          .25 a large one;
        - ``psi_noise``: what `psi` would exceed in one of 100 cases if nothing had
          changed, since there are only so many rows [1]_.

        NaN where a column has nothing of the kind, or it is not known.

    Raises
    ------
    TypeError
        If `reference` is nothing of skrec's.
    ValueError
        If the columns are others, or hold another kind of values.

    See Also
    --------
    drifted_columns : The columns that need a look.

    References
    ----------
    .. [1] B. Yurdakul, J. Naranjo, "Statistical properties of the population stability
       index", Journal of Risk Model Validation 14(4), 2020.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.drift import drift_report
    >>> before = pd.DataFrame({"item": ["tea", "jam"] * 50, "price": range(100)})
    >>> after = pd.DataFrame({"item": ["tea", "figs"] * 50, "price": range(50, 150)})
    >>> drift_report(before, after)[["unknown", "out_of_range"]]
            unknown  out_of_range
    column
    item        0.5           NaN
    price       NaN           0.5
    """
    if is_polars(reference) or isinstance(reference, pd.DataFrame):
        X_reference = reference
        reference = FieldEncoder(numbers=None).fit(reference)
    known, X_new, X_reference = innermost(reference, X_new, X_reference)
    after = list(_columns(known, X_new))
    before: list[_Values | None] = [None] * len(after)
    if X_reference is not None:
        before = list(_columns(known, X_reference))
    n_rows = num_samples(X_new)
    rows = {
        own.name: _compared(own, other, n_rows)
        for own, other in zip(after, before, strict=True)
    }
    report = pd.DataFrame.from_dict(rows, orient="index")
    return report.rename_axis("column")


def drifted_columns(
    report: pd.DataFrame,
    *,
    max_psi: float = LIMITS["max_psi"],
    max_unknown: float = LIMITS["max_unknown"],
    max_missing: float = LIMITS["max_missing"],
    max_out_of_range: float = LIMITS["max_out_of_range"],
) -> list:
    """Return the columns of a report that have changed by more than they may.

    All of it beyond the noise of so many rows, so that a single unknown id in a small
    batch is no alarm: the lower end of a share's 99 % confidence interval counts [1]_.

    Parameters
    ----------
    report : DataFrame
        From :func:`drift_report`.
    max_psi : float, default=0.2
        Population stability index.
    max_unknown : float, default=0.1
        Share of unknown ids.
    max_missing : float, default=0.1
        By how much the share of missing values may have risen.
    max_out_of_range : float, default=0.05
        Share of numbers out of range.

    Returns
    -------
    list
        Their names.

    Raises
    ------
    ValueError
        If a limit is negative, or not a number.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits
       illustrated in the case of the binomial", Biometrika 26(4), 1934.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.drift import drift_report, drifted_columns
    >>> before = pd.DataFrame({"item": ["tea", "jam"] * 50, "price": range(100)})
    >>> after = pd.DataFrame({"item": ["tea", "jam"] * 50, "price": range(50, 150)})
    >>> drifted_columns(drift_report(before, after))
    ['price']
    """
    given = max_psi, max_unknown, max_missing, max_out_of_range
    for name, limit in zip(LIMITS, given, strict=True):
        _require_limit(name, limit)
    n_rows = report["n_rows"]
    n_there = n_rows * (1 - report["missing"])
    missing = _at_least(report["missing"], n_rows)
    too_far = (
        (report["psi"] - report["psi_noise"] > max_psi)
        | (_at_least(report["unknown"], n_there) > max_unknown)
        | (missing - report["missing_before"] > max_missing)
        | (_at_least(report["out_of_range"], n_there) > max_out_of_range)
    )
    return report.index[too_far].tolist()


def _at_least(share: pd.Series, n_rows: pd.Series) -> np.ndarray:
    """Return what a share is at least, in 99 of 100 samples of so many rows."""
    count = (share * n_rows).to_numpy(float)
    return beta.ppf(0.01, count, n_rows - count + 1)  # NaN, above no limit, for none


def _require_limit(name: str, limit: float) -> None:
    """Refuse what no share compares with: nothing would ever be beyond NaN."""
    if not limit >= 0:
        raise ValueError(f"{name} must be a number of at least 0. Received: {limit!r}.")


# ---- what is known -------------------------------------------------------------------


class _Values(NamedTuple):
    """A column of rows, read as what it was fitted as.

    Parameters
    ----------
    name : object
        Its name.
    kind : str
        "id", "number", "sequence" or "array".
    values : ndarray
        Codes of the ids that are there, or numbers, NaN where they are missing.
    missing : float
        Share of what is missing.
    had_missing : bool
        Whether `fit` may have learnt from missing values.
    least, most : float
        Range of the numbers in `fit`.
    """

    name: Any
    kind: str
    values: np.ndarray
    missing: float
    had_missing: bool
    least: Any = np.nan
    most: Any = np.nan


def _columns(known: Any, X: Any) -> Iterator[_Values]:
    """Read all columns as an estimator does."""
    if isinstance(known, FieldEncoder):
        check_is_fitted(known)
        yield from _of_encoder(known, known._checked(X))
        return
    if hasattr(known, "_checked_events"):
        check_is_fitted(known)
        yield from _of_events(known, X)
        return
    if not hasattr(known, "_inputs"):
        raise TypeError(
            "reference must be a fitted named estimator or recommender of skrec, a "
            "search or pipeline around one, a FieldEncoder or a pandas or polars "
            f"frame. Received: {type(known).__name__}"
            f"{'' if hasattr(known, 'fit') else f', {known!r}'}."
        )
    checked, inputs = known._checked(X, reset=False), known._inputs
    if hasattr(inputs, "encoder"):
        yield from _of_encoder(inputs.encoder, inputs._selected(checked))
    else:
        yield from _of_arrays(inputs, checked)


def _of_encoder(encoder: FieldEncoder, table: Any) -> Iterator[_Values]:
    """Read the columns of a table."""
    frame = as_frame(table)
    tables: dict[Any, Vocabulary] = dict(enumerate(encoder._vocabularies))
    for c, (name, column) in enumerate(encoder.columns_.items()):
        series = frame.iloc[:, c]
        if column.kind == "number":
            had = column.position in {*encoder.indicators_, *encoder._numbers.empty}
            block = number_block(frame, [c], list(encoder.columns_))
            yield _number(
                name, block[:, 0], had, encoder._numbers.seen, column.position
            )
        elif column.kind == "array":
            array = stack(series, name, encoder._shapes[column.position])
            seen = encoder._array_scalers[column.position].seen
            missing = float(series.isna().mean())
            flat = as_floats(array).reshape(-1, array.shape[-1])
            yield _Values(name, "array", flat, missing, True, seen.least, seen.most)
        elif column.kind == "sequence":
            reading = encoder._readings[column.position]
            lengths, flat = flatten(series, name, encoder.max_len, reading)
            own = _ids(name, flat, tables[column.table], lengths)
            missing = float((lengths == 0).mean())
            yield own._replace(kind="sequence", missing=missing, had_missing=True)
        else:
            yield _ids(name, series, tables[column.table])


def _ids(
    name: Any, series: pd.Series, vocabulary: Vocabulary, lengths: Any = None
) -> _Values:
    """Read a column of ids."""
    factor = factorize(series, name, lengths)
    is_there = factor.positions >= 0
    codes = vocabulary.codes(factor)[is_there]
    missing = float(1 - is_there.mean()) if len(is_there) else np.nan
    return _Values(name, "id", codes, missing, vocabulary.missing)


def _number(
    name: Any, values: np.ndarray, had_missing: bool, seen: Range, position: int
) -> _Values:
    """Read a column of numbers."""
    missing = float(np.isnan(values).mean())
    least, most = seen.least[position], seen.most[position]
    return _Values(name, "number", values, missing, had_missing, least, most)


def _of_arrays(inputs: Any, X: Any) -> Iterator[_Values]:
    """Read the features of rows, or the channels of sequences and images."""
    dense = X.toarray() if hasattr(X, "toarray") else X
    rows = as_floats(dense).reshape(-1, X.shape[-1])
    names = range(rows.shape[1]) if inputs.names is None else inputs.names
    for k, name in enumerate(names):
        yield _number(name, rows[:, k], True, inputs.seen, k)


def _of_events(recommender: Any, X: Any) -> Iterator[_Values]:
    """Read the users and the items of events."""
    frame = as_frame(recommender._checked_events(X, reset=False))
    known = recommender._interactions
    sides = (recommender.user_col_, known.users), (recommender.item_col_, known.items)
    for (name, vocabulary), place in zip(sides, known.columns[:2], strict=True):
        yield _ids(name, frame.iloc[:, place], vocabulary)


# ---- what has changed ----------------------------------------------------------------


def _compared(after: _Values, before: _Values | None, n_rows: int) -> dict[str, Any]:
    """Compare a column with what it was."""
    numeric = after.kind in ("number", "array")
    missing_before = np.nan if after.had_missing else 0.0
    difference: Difference = NOTHING
    if before is not None:
        missing_before = before.missing
        if after.kind != "array":
            compare = of_numbers if numeric else of_ids
            difference = compare(before.values, after.values)
    return {
        "kind": after.kind,
        "n_rows": n_rows,
        "unknown": np.nan if numeric else _share(after.values == UNKNOWN),
        "missing": after.missing,
        "missing_before": missing_before,
        "out_of_range": _out_of_range(after) if numeric else np.nan,
        "psi": difference.psi,
        "psi_noise": difference.noise,
    }


def _out_of_range(own: _Values) -> float:
    """Return the share of numbers that lie beyond those of `fit`."""
    outside = (own.values < own.least) | (own.values > own.most)
    return _share(outside[~np.isnan(own.values)])


def _share(which: np.ndarray) -> float:
    return float(which.mean()) if which.size else np.nan


# ---- for a scheduler -----------------------------------------------------------------


READERS: dict[str, Callable[[str], pd.DataFrame]] = {
    ".csv": pd.read_csv,
    ".parquet": pd.read_parquet,
    ".jsonl": partial(pd.read_json, lines=True),
}


def _read(path: str) -> pd.DataFrame:
    """Read a table by the end of its name."""
    if (end := Path(path).suffix) not in READERS:
        raise ValueError(
            f"{path!r} must end in one of {[*READERS]}. Received: {end!r}."
        )
    return READERS[end](path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Report on two files: ``python -m skrec.drift model.skrec new.csv``.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Those of the command line; the process's own if None.

    Returns
    -------
    int
        0 where nothing has changed by more than it may, 1 where something has; 2 is
        that of wrong arguments, and of whatever else goes wrong.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return _reported(given)
    except Exception as error:  # whatever it is: 1 would say that something has drifted
        parser.error(str(error) or type(error).__name__)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(prog="python -m skrec.drift", description=__doc__)
    parser.add_argument(
        "reference", help=".csv, .parquet, .jsonl, or a model of skrec.io.dump"
    )
    parser.add_argument("new", help=".csv, .parquet or .jsonl")
    parser.add_argument("--rows", help="rows before, where the reference is a model")
    parser.add_argument("--trusted", nargs="*", default=(), help="as skrec.io.load")
    parser.add_argument("--ignore", nargs="+", default=(), help="columns to leave out")
    parser.add_argument("--out", help="write the report to this .csv")
    for name, default in LIMITS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=float, default=default, help=f"{default}")
    return parser


def _reported(given: argparse.Namespace) -> int:
    """Do what the command line says; what can be refused is, before the work."""
    limits = {name: getattr(given, name) for name in LIMITS}
    for name, limit in limits.items():
        _require_limit(f"--{name.replace('_', '-')}", limit)
    if given.out:
        _require_writable(given.out)
    if Path(given.reference).suffix in READERS:
        reference: Any = _read(given.reference)
    else:
        skrec_io = import_module("skrec.io")
        reference = skrec_io.load(given.reference, trusted=given.trusted)
    rows = None if given.rows is None else _read(given.rows)
    report = drift_report(reference, _read(given.new), X_reference=rows)
    report = report.drop(index=list(given.ignore), errors="ignore")
    if given.out:
        report.to_csv(given.out)
    print(report.round(4).to_string())
    found = drifted_columns(report, **limits)
    print(f"drifted: {', '.join(map(str, found)) or 'none'}", flush=True)
    return int(bool(found))


def _require_writable(path: str) -> None:
    """Refuse a file that cannot be written."""
    folder, is_folder = Path(path).parent, Path(path).is_dir()
    target = Path(path) if Path(path).exists() else folder
    if is_folder or not folder.is_dir() or not os.access(target, os.W_OK):
        raise ValueError(
            "--out must be a file in a folder that exists and can be written. "
            f"Received: {path!r}."
        )


if __name__ == "__main__":
    sys.exit(main())
