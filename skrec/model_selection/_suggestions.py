"""What `BayesSearchCV` tries next: dimensions of its space, and points in it."""

import copy
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, product
from math import prod
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult
from sklearn.base import clone
from skopt import Optimizer, space
from skopt.learning import GaussianProcessRegressor
from skopt.space.transformers import Pipeline, Transformer
from skopt.utils import cook_estimator, create_result

from skrec.model_selection._candidates import key_of

Point = list[Any]

# Points drawn at random in place of one that was evaluated, before all are listed.
N_DRAWS = 100
# A space with at most so many points is listed once nearly all were evaluated.
MAX_LISTED = 10_000
# The acquisition is read at so many points, and followed from the best of them. With
# that and one start of the surrogate's fit a suggestion takes a tenth of the time, for
# no worse results (measured on 2026-11-22, docs/benchmarks.md).
ACQUISITION = {"n_points": 1_000, "n_restarts_optimizer": 2}


# ---- dimensions --------------------------------------------------------------------


def make_dimension(name: str, values: Any) -> space.Dimension:
    """Return the dimension that a value of the search space describes.

    Parameters
    ----------
    name : str
        Name of the parameter.
    values : Dimension, tuple, or iterable
        A tuple of two numbers, with a prior and a base behind them if need be, is a
        range; any other tuple, list or iterable is a set of choices.

    Returns
    -------
    dimension : Dimension
        A new object, which the optimizer may change.

    Raises
    ------
    ValueError
        If it is neither, or if the range is not one.
    """
    if isinstance(values, space.Categorical):
        choices = [_native(value) for value in values.categories]
        return Choices(choices, values.prior, values.transform_, name)
    if isinstance(values, space.Dimension):
        dimension = copy.deepcopy(values)
        dimension.name = name
        return dimension
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        raise ValueError(
            f"search_spaces[{name!r}] must be a list of choices, a tuple "
            f"(low, high) or (low, high, prior), or a Dimension of scikit-optimize. "
            f"Received: {values!r}."
        )
    if isinstance(values, tuple) and _is_range(values):
        return _make_range(name, values)
    choices = [_native(value) for value in values]
    if not choices:
        raise ValueError(
            f"search_spaces[{name!r}] must hold at least one choice. "
            f"Received: {values!r}."
        )
    return Choices(choices, name=name)


def _is_range(values: tuple) -> bool:
    """Tell whether a tuple starts with two numbers and goes on with no third."""
    bounds = values[:2]
    return (
        2 <= len(values) <= 4
        and all(isinstance(bound, Real) for bound in bounds)
        and not any(isinstance(bound, bool | np.bool_) for bound in bounds)
        and (len(values) == 2 or isinstance(values[2], str))
    )


def _make_range(name: str, values: tuple) -> space.Dimension:
    low, high, *prior_and_base = values
    whole = isinstance(low, Integral) and isinstance(high, Integral)
    kind, number = (space.Integer, int) if whole else (space.Real, float)
    try:
        return kind(number(low), number(high), *prior_and_base, name=name)
    except ValueError as error:
        raise ValueError(
            f"search_spaces[{name!r}] is no range: {error}. A set of choices is "
            f"written as a list. Received: {values!r}."
        ) from error


class Choices(space.Categorical):
    """A set of choices of any type: tuples, None, arrays, estimators, functions.

    Scikit-optimize puts choices through arrays, which turn strings into NumPy's and
    fail for tuples. Here the arrays hold the positions of the choices. It also compares
    choices by ``==``, which arrays answer with an array, NaN with no and True with 1.
    Here two choices are one where they have one position.
    """

    categories: tuple
    transformer: Transformer

    def set_transformer(self, transform: str = "onehot") -> None:
        """Choose how choices become numbers.

        Parameters
        ----------
        transform : str, default="onehot"
            A name that scikit-optimize knows.
        """
        choices = self.categories
        self.categories = tuple(range(len(choices)))
        super().set_transformer(transform)
        self.categories = choices
        self.transformer = Pipeline([_Positions(choices), self.transformer])

    def inverse_transform(self, Xt: Any) -> list:
        """Return the choices behind numbers.

        Parameters
        ----------
        Xt : array-like
            Choices as numbers.

        Returns
        -------
        choices : list
            The objects that the user gave.
        """
        return self.transformer.inverse_transform(Xt)

    def distance(self, a: Any, b: Any) -> int:
        """Return 0 where two choices are one, else 1.

        Parameters
        ----------
        a, b : object
            Choices.

        Returns
        -------
        distance : int
            0 or 1.
        """
        return int(self._position(a) != self._position(b))

    def __contains__(self, point: Any) -> bool:
        return self._position(point) is not None

    def _position(self, choice: Any) -> int | None:
        return _position(self.categories, choice)


class _Positions(Transformer):
    """Choices to their positions, and back."""

    def __init__(self, choices: Sequence[Any]) -> None:
        self.choices = choices

    def transform(self, X: Iterable[Any]) -> list[int]:
        positions = []
        for x in X:
            position = _position(self.choices, x)
            if position is None:
                raise ValueError(
                    f"No such choice in {self.choices!r}. Received: {x!r}."
                )
            positions.append(position)
        return positions

    def inverse_transform(self, Xt: Iterable[Any]) -> list[Any]:
        return [self.choices[int(position)] for position in Xt]


def _position(choices: Sequence[Any], x: Any) -> int | None:
    """Return where a choice is: the object itself, else one of its type and value."""
    for position, choice in enumerate(choices):
        if choice is x:
            return position
    key = key_of(x)
    for position, choice in enumerate(choices):
        if key_of(choice) == key:
            return position
    return None


def _native(value: Any) -> Any:
    """Return Python's own number or string for one of NumPy's, which it equals."""
    is_native = isinstance(value, np.generic) and value.dtype.kind in "biufcSU"
    return value.item() if is_native else value


# ---- points ------------------------------------------------------------------------


def make_optimizer(
    dimensions: list[space.Dimension],
    optimizer_kwargs: dict[str, Any],
    rng: np.random.RandomState,
) -> Optimizer:
    """Return scikit-optimize's optimizer with settings that cost little.

    Parameters
    ----------
    dimensions : list of Dimension
        The space.
    optimizer_kwargs : dict
        The user's settings, which win.
    rng : RandomState
        Where randomness comes from.

    Returns
    -------
    optimizer : Optimizer
        It has seen no point.
    """
    settings: dict[str, Any] = {
        "model_queue_size": 1,
        **optimizer_kwargs,
        "acq_optimizer_kwargs": {
            **ACQUISITION,
            **(optimizer_kwargs.get("acq_optimizer_kwargs") or {}),
        },
        "random_state": rng,
    }
    if "base_estimator" not in settings:
        settings["base_estimator"] = cook_estimator(
            "GP",
            space=dimensions,
            random_state=rng.randint(np.iinfo(np.int32).max),
            n_restarts_optimizer=0,
        )
    with _quiet():
        return Optimizer(dimensions, **settings)


class Suggestions:
    """Points that an optimizer suggests, none twice, and what came of them.

    Parameters
    ----------
    optimizer : Optimizer
        Suggests points. It is told of failures as the worst score so far, and of none
        before the first score.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self._repeats = not optimizer.avoid_duplicates
        # Its own test takes rates below 1e-8 for one point, and may repeat another.
        optimizer.avoid_duplicates = False
        self._failed: list[Point] = []
        self._seen: set[bytes] = set()

    def ask(self, n_points: int) -> list[Point]:
        """Return points to evaluate.

        Parameters
        ----------
        n_points : int
            Number of points.

        Returns
        -------
        points : list of list
            Fewer, or none, where the space has no more.
        """
        optimizer = self.optimizer
        if n_points > 1 or self._failed:
            optimizer = _fork(optimizer)
        points: list[Point] = []
        with _quiet():
            _lie(optimizer, self._failed)
            while len(points) < n_points:
                point = self._new_point(optimizer)
                if point is None:
                    break
                points.append(point)
                self._seen.add(self._key(point))
                if len(points) < n_points:
                    _lie(optimizer, [point])
        return points

    def tell(self, points: list[Point], scores: np.ndarray) -> OptimizeResult:
        """Take the scores of points.

        Parameters
        ----------
        points : list of list
            What was evaluated.
        scores : ndarray of shape (n_points,)
            Higher is better, NaN or infinite where it failed.

        Returns
        -------
        result : OptimizeResult
            All points so far, with losses, which are lower where better.
        """
        losses = -np.asarray(scores, dtype=float)
        finite = np.isfinite(losses)
        optimizer = self.optimizer
        if not optimizer.yi and not finite.any():
            self._failed += points
            losses_so_far = [np.nan] * len(self._failed)
            return create_result(
                self._failed, losses_so_far, optimizer.space, optimizer.rng, models=[]
            )
        worst = max([*optimizer.yi, *losses[finite]])
        told = [worst] * len(self._failed) + np.where(finite, losses, worst).tolist()
        points, self._failed = self._failed + points, []
        with _quiet():
            return optimizer.tell(points, told)

    def _new_point(self, optimizer: Optimizer) -> Point | None:
        """Return the best point if it is new, else a random one, else None."""
        constraint = optimizer.space.constraint
        for values in chain([optimizer.ask()], self._others()):
            point = [_native(value) for value in values]
            allowed = constraint is None or constraint(point)
            if allowed and (self._repeats or self._key(point) not in self._seen):
                return point
        return None

    def _others(self) -> Iterator[Sequence[Any]]:
        """Yield random points, and then all points if they can be listed."""
        optimizer = self.optimizer
        for _ in range(N_DRAWS):
            yield optimizer.space.rvs(random_state=optimizer.rng)[0]
        listed = [_list_values(dimension) for dimension in optimizer.space]
        finite = [values for values in listed if values is not None]
        if len(finite) == len(listed) and prod(map(len, finite)) <= MAX_LISTED:
            points = list(product(*finite))
            for i in optimizer.rng.permutation(len(points)):
                yield points[i]

    def _key(self, point: Point) -> bytes:
        return self.optimizer.space.transform([point]).tobytes()


def _list_values(dimension: space.Dimension) -> Sequence[Any] | None:
    """Return all values of a dimension, or None where they are not finite in number."""
    if isinstance(dimension, space.Integer):
        return range(dimension.low, dimension.high + 1)
    return getattr(dimension, "categories", None)


def _fork(optimizer: Optimizer) -> Optimizer:
    """Return a copy that can be lied to; its surrogate keeps its hyper-parameters."""
    fork = copy.copy(optimizer)
    fork.Xi, fork.yi, fork.models = [*fork.Xi], [*fork.yi], [*fork.models]
    if hasattr(fork, "gains_"):
        fork.gains_ = fork.gains_.copy()
    model = fork.models[-1] if fork.models else None
    if isinstance(model, GaussianProcessRegressor):
        kernel = clone(model.kernel_)
        if model.noise_ is not None:  # scikit-optimize sets it to 0 for predictions
            levels = [key for key in kernel.get_params() if "noise_level" in key]
            levels = [key for key in levels if not key.endswith("bounds")]
            kernel.set_params(**dict.fromkeys(levels, model.noise_))
        fork.base_estimator_ = clone(model).set_params(kernel=kernel, optimizer=None)
    return fork


def _lie(optimizer: Optimizer, points: list[Point]) -> None:
    """Tell of points, whose scores are unknown, that they are as good as the best."""
    if points:
        lie = min(optimizer.yi, default=0.0)
        optimizer.tell(points, [lie] * len(points))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back scikit-optimize's warnings, of which the user can do nothing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(skopt|sklearn\.gaussian_process)\.")
        yield
