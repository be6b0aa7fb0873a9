"""Where the linear part of a network starts: at the solution of a linear model."""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from skrec.estimators._start import BIAS
from skrec.networks._fields import WEIGHT_OF_NUMBERS, is_linear, tables_of
from skrec.preprocessing._spec import FieldSpec
from skrec.training._seeds import START, derive
from skrec.training.program import Program
from skrec.training.rows import Rows
from skrec.training.state import State

# Of more rows, so many are drawn at random: as have that many values, in these bounds.
MOST_VALUES, FEWEST_ROWS, MOST_ROWS = 2**21, 10_000, 50_000
MOST_NUMBERS = 1000  # columns of numbers; a solution in more takes as long as training
# Those of scikit-learn's LogisticRegression, and of ridge regression on a target of
# variance 1.
C, ALPHA = 1.0, 10.0
MOST_ITERATIONS = 100  # it need not be exact: training goes on from it


def at_linear_model(
    state: State, program: Program, rows: Rows, fields: FieldSpec, seed: int
) -> State:
    """Start the linear part, and the bias, at the solution of a linear model.

    Logistic or ridge regression on what the linear part of the network reads. By steps
    of an optimizer, weights of rare ids would need as many epochs as make vectors of
    frequent ones over-fit.

    Parameters
    ----------
    state : State
        Untrained state, at the base rate.
    program : Program
        The program that it belongs to.
    rows : Rows
        Rows to train on, with the targets that the loss takes.
    fields : FieldSpec
        Sizes of the fields.
    seed : int
        Seed of the fit.

    Returns
    -------
    State
        The state with other weights of the linear part; unchanged if the network has
        none, or there are no rows of some class.
    """
    parts = [v for v in program.model.weights if is_linear(v.path.split("/")[-2])]
    n_numbers = fields.n_numbers + sum(map(_size, fields.arrays))
    if not parts or n_numbers > MOST_NUMBERS:
        return state
    most = MOST_VALUES // max(1, n_numbers)
    most = min(max(most, FEWEST_ROWS), MOST_ROWS)
    if len(rows) > most:
        draw = np.random.default_rng(derive(seed, START))
        rows = rows.select(np.sort(draw.choice(len(rows), most, replace=False)))
    blocks = [(_design(x, fields), y, weight) for x, y, weight in rows.blocks()]
    designs, targets, weights = zip(*blocks, strict=True)
    design = designs[0] if len(designs) == 1 else _stack(designs)
    target = np.concatenate(targets)
    # Sums in another order, by more threads, would be other bits.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        loss = program.model.loss.name
        n_outputs = program.model.output.shape[-1]
        solved = _solved(design, target, np.concatenate(weights), loss, n_outputs)
    if solved is None:
        return state
    coefficients, intercept = solved
    values = list(state.weights)
    for index, variable in enumerate(program.model.weights):
        layer = variable.path.split("/")[-2]
        value = values[index]
        if layer == WEIGHT_OF_NUMBERS:
            values[index] = coefficients[:n_numbers].astype(value.dtype)
        elif is_linear(layer):
            chosen = [
                slice(start, start + fields.tables[t])
                for t in tables_of(layer)
                for start in [n_numbers + sum(fields.tables[:t])]
            ]
            values[index] = np.concatenate([coefficients[one] for one in chosen])
            values[index] = values[index].astype(value.dtype)
        elif variable.path.endswith(BIAS):
            values[index] = intercept.astype(value.dtype)
    return State(values, state.optimizer, state.epoch)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


def _stack(designs: tuple[Any, ...]) -> Any:
    if sparse.issparse(designs[0]):
        return sparse.vstack(designs, format="csr")
    return np.concatenate(designs)


def _design(x: Any, fields: FieldSpec) -> Any:
    """Return what the linear part reads: numbers, arrays, and a column for each code.

    Of a list, each item counts as its share of the list, as in the network.
    """
    x = x if isinstance(x, dict) else {"numbers": x}
    n_rows = len(next(iter(x.values())))
    dense = [x["numbers"]] if fields.n_numbers else []
    dense += [x[f"array_{k}"].reshape(n_rows, -1) for k in range(len(fields.arrays))]
    numbers = np.concatenate(dense, axis=1).astype(np.float64) if dense else None
    if not fields.tables:
        return numbers
    starts = np.concatenate([[0], np.cumsum(fields.tables)])
    every = np.arange(n_rows)
    places, columns, values = [], [], []
    for c, table in enumerate(fields.ids):
        places.append(every)
        columns.append(starts[table] + x["ids"][:, c])
        values.append(np.ones(n_rows))
    for k, (table, _) in enumerate(fields.sequences):
        codes = x[f"sequence_{k}"]
        row, step = np.nonzero(codes)
        places.append(row)
        columns.append(starts[table] + codes[row, step])
        values.append(1 / np.count_nonzero(codes, axis=1)[row])
    entries = np.concatenate(values), (np.concatenate(places), np.concatenate(columns))
    codes = sparse.csr_array(entries, shape=(n_rows, starts[-1]))
    if numbers is None:
        return codes
    return sparse.hstack([sparse.csr_array(numbers), codes], format="csr")


def _solved(
    design: Any, target: np.ndarray, weight: np.ndarray, loss: str, n_outputs: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return coefficients (n_columns, n_outputs) and intercepts (n_outputs,)."""
    if "crossentropy" not in loss:
        ridge = Ridge(ALPHA).fit(design, target, weight)
        return ridge.coef_.reshape(target.shape[1], -1).T, np.ravel(ridge.intercept_)
    if target.ndim == 1:
        return _logistic(design, target, weight, n_outputs)
    found = [_logistic(design, label, weight, 2) for label in (target > 0).T]
    if any(one is None for one in found):
        return None
    coefficients, intercepts = zip(*[one for one in found if one], strict=True)
    return np.hstack(coefficients), np.concatenate(intercepts)


def _logistic(
    design: Any, classes: np.ndarray, weight: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Fit logistic regression; None if a class has no rows."""
    if len(np.unique(classes)) < n_classes:
        return None
    model = LogisticRegression(C=C, max_iter=MOST_ITERATIONS)
    model.fit(design, classes, weight)
    return model.coef_.T, model.intercept_
