"""Ready ranges of the named estimators, as each kind of search takes them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from scipy.stats import loguniform, uniform
from skopt.space import Categorical, Integer, Real

from skrec.estimators.cnn import _CNN
from skrec.estimators.mlp import _MLP
from skrec.estimators.rnn import _RNN
from skrec.estimators.tables import TableNetwork
from skrec.estimators.wrappers import KerasEstimator
from skrec.model_selection._optuna import import_optuna
from skrec.recommenders import (
    EASERecommender,
    ItemKNNRecommender,
    PopularRecommender,
)
from skrec.recommenders.base import BaseRecommender
from skrec.recommenders.pairs import PairRecommender
from skrec.recommenders.sequences import SequenceRecommender


@dataclass(frozen=True)
class _Choice:
    """One of some values."""

    values: tuple
    grid: tuple = ()  # what a grid tries; without any it leaves the default alone

    def random(self) -> list:
        return list(self.values)

    def bayes(self) -> Categorical:
        return Categorical(self.values)

    def optuna(self) -> Any:
        return import_optuna().distributions.CategoricalDistribution(self.values)


@dataclass(frozen=True)
class _Integer:
    """A whole number between bounds that belong to it, in steps."""

    low: int
    high: int
    step: int
    grid: tuple = ()

    def random(self) -> list[int]:
        return list(range(self.low, self.high + 1, self.step))

    def bayes(self) -> Integer:
        return Integer(self.low, self.high)  # which knows no steps

    def optuna(self) -> Any:
        return import_optuna().distributions.IntDistribution(
            self.low, self.high, step=self.step
        )


@dataclass(frozen=True)
class _Real:
    """A number between bounds, drawn on a logarithmic scale or a linear one."""

    low: float
    high: float
    log: bool
    grid: tuple = ()

    def random(self) -> Any:
        if self.log:
            return loguniform(self.low, self.high)
        return uniform(self.low, self.high - self.low)

    def bayes(self) -> Real:
        return Real(self.low, self.high, prior="log-uniform" if self.log else "uniform")

    def optuna(self) -> Any:
        return import_optuna().distributions.FloatDistribution(
            self.low, self.high, log=self.log
        )


_Range = _Choice | _Integer | _Real

_BATCH_SIZES = _Choice((32, 64, 128), grid=(32, 64, 128))
_DROPOUT = _Real(0.0, 0.5, log=False)
_PENALTY = _Real(1e-6, 1e-3, log=True)

# family -> parameter -> range; `search_space` says where they come from.
_RANGES: Mapping[type, Mapping[str, _Range]] = MappingProxyType(
    {
        _CNN: {
            "filters": _Choice((16, 32, 64), grid=(16, 32, 64)),
            "units": _Choice((64, 128, 256), grid=(64, 128, 256)),
            "learning_rate": _Real(1e-4, 1e-2, log=True, grid=(1e-4, 1e-3, 1e-2)),
            "batch_size": _BATCH_SIZES,
            "dropout": _DROPOUT,
            "l2": _PENALTY,
        },
        _RNN: {
            "cell": _Choice(("gru", "lstm"), grid=("gru", "lstm")),
            "units": _Integer(64, 224, step=32, grid=(64, 96, 224)),
            "learning_rate": _Real(1e-3, 1e-1, log=True, grid=(1e-3, 1e-2, 1e-1)),
            "batch_size": _BATCH_SIZES,
            "dropout": _DROPOUT,
        },
        _MLP: {
            "units": _Integer(16, 512, step=16, grid=(64, 128, 256)),
            "learning_rate": _Real(1e-5, 1.0, log=True, grid=(1e-3, 1e-2, 1e-1)),
            "batch_size": _BATCH_SIZES,
            "lr_schedule": _Choice((None, "step", "exponential", "cosine")),
            "batch_norm": _Choice((False, True)),
            "dropout": _DROPOUT,
            "l1": _PENALTY,
            "l2": _PENALTY,
        },
        # The other families on tables; each has some of these.
        TableNetwork: {
            "embedding_dim": _Choice((4, 8, 16, 32), grid=(8, 16, 32)),
            "num_factors": _Choice((8, 16, 32, 64), grid=(8, 16, 32)),
            "learning_rate": _Real(4e-4, 4e-2, log=True, grid=(1e-3, 4e-3, 1.6e-2)),
            "embedding_l2": _Real(1e-6, 1e-2, log=True, grid=(1e-5, 1e-4, 1e-3)),
            "units": _Choice(("64-32", "128-128", "256-128-64", "400-400-400")),
            "cross_layers": _Integer(1, 4, step=1),
            "attention_layers": _Integer(1, 4, step=1),
            "fusion": _Choice(("concat", "sum", "gated")),
            "batch_size": _Choice((128, 256, 512, 1024)),
            "dropout": _DROPOUT,
            "modality_dropout": _DROPOUT,
        },
        EASERecommender: {"l2": _Real(10, 2000, log=True, grid=(30, 100, 300, 1000))},
        ItemKNNRecommender: {
            "n_neighbors": _Integer(20, 1000, step=20, grid=(40, 100, 200)),
            "shrink": _Real(0.1, 100, log=True),
        },
        SequenceRecommender: {
            "units": _Choice((32, 64, 128), grid=(32, 64, 128)),
            "learning_rate": _Real(2e-4, 5e-3, log=True, grid=(5e-4, 1e-3, 2e-3)),
            "dropout": _Real(0.1, 0.7, log=False, grid=(0.2, 0.4, 0.6)),
            "filters": _Choice((4, 16, 32)),
            "batch_size": _Choice((128, 256, 512)),
            "num_blocks": _Integer(1, 3, step=1),
        },
        PairRecommender: {
            "embedding_dim": _Choice((32, 64, 128), grid=(32, 64, 128)),
            "num_factors": _Choice((8, 16, 32, 64), grid=(8, 16, 32)),
            "learning_rate": _Real(2e-4, 1e-2, log=True, grid=(5e-4, 1e-3, 2e-3)),
            "embedding_l2": _Real(1e-6, 1e-2, log=True, grid=(1e-5, 1e-4, 1e-3)),
            "batch_size": _Choice((128, 256, 512, 1024)),
        },
    }
)
_KINDS: Mapping[str, Callable[[_Range], Any]] = MappingProxyType(
    {
        "grid": lambda values: list(values.grid),
        "random": lambda values: values.random(),
        "bayes": lambda values: values.bayes(),
        "optuna": lambda values: values.optuna(),
    }
)


def search_space(
    estimator: Any, kind: str = "random", prefix: str = ""
) -> dict[str, Any]:
    """Return ranges to search for a named estimator.

    They are the ranges of published searches over such networks, with the names of this
    package. The dict is the caller's: entries may be left out, changed and added.

    Parameters
    ----------
    estimator : estimator class or instance
        One of the named classifiers, regressors and recommenders, or a subclass.
    kind : {"grid", "random", "bayes", "optuna"}, default="random"
        Search that the space is for:

        - ``"grid"``: lists that make 81 candidates of a CNN, 54 of an RNN and 27 of the
          others, for :class:`~sklearn.model_selection.GridSearchCV`;
        - ``"random"``: lists and SciPy distributions, for
          :class:`~sklearn.model_selection.RandomizedSearchCV` and searches that halve;
        - ``"bayes"``: dimensions of scikit-optimize;
        - ``"optuna"``: distributions of Optuna, which the extra ``optuna`` installs.
    prefix : str, default=""
        Name of the step of a pipeline that the estimator is, with or without the two
        underscores that follow: ``"clf"`` gives ``clf__units``.

    Returns
    -------
    dict of str to list, distribution or dimension
        Range of each parameter.

    Raises
    ------
    ValueError
        If nothing is known of the estimator, or there is nothing to tune in it, as in
        :class:`~skrec.recommenders.PopularRecommender`, or `kind` is not one of the
        four.

    Notes
    -----
    ======================= =============== ================= ===============
    parameter               CNN             RNN               MLP
    ======================= =============== ================= ===============
    `filters`               16, 32, 64 [1]
    `cell`                                  gru, lstm
    `units`                 64, 128,        64 to 224 by      16 to 512 by
                            256 [1]         steps of 32 [4]   steps of 16 [2]
    `learning_rate` (log)   1e-4 to         1e-3 to           1e-5 to
                            1e-2 [1]        1e-1 [4]          1 [2]
    `batch_size`            32, 64,         32, 64, 128       32, 64,
                            128 [1]                           128 [3]
    `dropout`               0 to 0.5 [5]    0 to 0.5 [4]      0 to 0.5 [3]
    `l2` (log)              1e-6 to                           1e-6 to
                            1e-3 [5]                          1e-3 [3]
    `l1` (log)                                                1e-6 to
                                                              1e-3 [3]
    `lr_schedule`                                             none, step,
                                                              exponential,
                                                              cosine [3]
    `batch_norm`                                              no, yes [3]
    ======================= =============== ================= ===============

    The other families on tables have those of the following that are parameters of
    theirs:

    ========================= =====================================================
    `embedding_dim`           4, 8, 16, 32 [6]
    `num_factors`             8, 16, 32, 64 [7]
    `learning_rate` (log)     4e-4 to 4e-2 [9]
    `embedding_l2` (log)      1e-6 to 1e-2 [9]
    `units`                   64-32, 128-128, 256-128-64, 400-400-400 [6]
    `cross_layers`            1 to 4 [8]
    `attention_layers`        1 to 4 [11]
    `fusion`                  concat, sum, gated
    `batch_size`              128, 256, 512, 1024 [7]
    `dropout`                 0 to 0.5 [6]
    `modality_dropout`        0 to 0.5
    ========================= =====================================================

    Recommenders have those of the following that are parameters of theirs; EASE `l2`
    from 10 to 2000, ItemKNN 20 to 1000 neighbours and a `shrink` of 0.1 to 100:

    ========================= ========================= ==========================
    parameter                 sequences                 pairs
    ========================= ========================= ==========================
    `units`                   32, 64, 128
    `embedding_dim`                                     32, 64, 128
    `num_factors`                                       8, 16, 32, 64 [7]
    `learning_rate` (log)     2e-4 to 5e-3 [10]         2e-4 to 1e-2
    `dropout`                 0.1 to 0.7 [10]
    `filters`                 4, 16, 32
    `embedding_l2` (log)                                1e-6 to 1e-2
    `batch_size`              128, 256, 512             128, 256, 512, 1024 [7]
    `num_blocks`              1, 2, 3 [10]
    ========================= ========================= ==========================

    Numbers in brackets are those of the references: [1]_, [2]_, [3]_, [4]_, [5]_, [6]_,
    [7]_, [8]_, [9]_, [10]_ and [11]_.

    A grid has a few values of the first ones and leaves the others at their defaults.
    The number of units is any integer between the bounds under ``"bayes"``, whose
    dimensions know no steps. ``"cosine"`` spreads the decay over all epochs, so that a
    candidate with it cannot go on from a fit of fewer epochs.

    References
    ----------
    .. [1] The grid that ``benchmarks/tune_cnn.py`` searches, of an article on the
       recommendation of products from browsing records.
    .. [2] The space that ``benchmarks/tune_mlp.py`` draws from (16 to 496 units by
       steps of 32, rates from 1e-5 to 1), and that of ``benchmarks/tune_optimizers.py``
       (32 to 512 units by steps of 32), of articles on search by chance and on
       optimizers.
    .. [3] The grids of ``benchmarks/tune_schedules.py``, of an article on schedules and
       regularisation.
    .. [4] B. Hidasi, A. Karatzoglou, L. Baltrunas and D. Tikk, "Session-based
       recommendations with recurrent neural networks", ICLR 2016; B. Hidasi and A.
       Karatzoglou, "Recurrent neural networks with top-k gains for session-based
       recommendations", CIKM 2018.
    .. [5] J. Tang and K. Wang, "Personalized top-N sequential recommendation via
       convolutional sequence embedding", WSDM 2018: dropout of 0.5, penalty of 1e-6.
    .. [6] J. Zhu, J. Liu, S. Yang, Q. Zhang and X. He, "Open benchmarking for
       click-through rate prediction", CIKM 2021: the kind of ranges tuned there, with
       smaller dimensions and towers for smaller data.
    .. [7] X. He, L. Liao, H. Zhang, L. Nie, X. Hu and T.-S. Chua, "Neural collaborative
       filtering", WWW 2017: factors of 8 to 64, batches of 128 to 1024.
    .. [8] R. Wang et al., "DCN V2: improved deep & cross network and practical lessons
       for web-scale learning to rank systems", WWW 2021: one to four layers.
    .. [9] Around the defaults, which ``benchmarks/defaults.py`` compares with others:
       .004 (DCN .002, AutoInt .001), and 15 / n_samples or 1e-4.
    .. [10] Around the settings of W.-C. Kang and J. McAuley, "Self-attentive sequential
       recommendation", ICDM 2018, and of later work on sparse data, which drops more.
    .. [11] W. Song et al., "AutoInt: automatic feature interaction learning via
       self-attentive neural networks", CIKM 2019: around its three layers.

    Examples
    --------
    >>> from skrec import CNNClassifier
    >>> from skrec.model_selection import search_space
    >>> grid = search_space(CNNClassifier, "grid", prefix="clf")
    >>> grid["clf__filters"]
    [16, 32, 64]
    >>> sorted(search_space(CNNClassifier()))
    ['batch_size', 'dropout', 'filters', 'l2', 'learning_rate', 'units']
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {sorted(_KINDS)}. Received: {kind!r}.")
    spaces = {
        name: _KINDS[kind](values) for name, values in _ranges_of(estimator).items()
    }
    prefix = f"{prefix.removesuffix('__')}__" if prefix else ""
    # A range that a grid leaves out has no values there.
    return {prefix + name: space for name, space in spaces.items() if space != []}


def _ranges_of(estimator: Any) -> Mapping[str, _Range]:
    """Return the ranges of the estimator's family."""
    kind = estimator if inspect.isclass(estimator) else type(estimator)
    for family, ranges in _RANGES.items():
        if issubclass(kind, family):
            names = inspect.signature(kind).parameters
            return {name: values for name, values in ranges.items() if name in names}
    if issubclass(kind, PopularRecommender):
        raise ValueError(
            f"There is nothing to tune in {kind.__name__}: it counts events, and its "
            "parameters say how to read them. Fit it as it is, to compare others with. "
            f"Received: {estimator!r}."
        )
    if issubclass(kind, KerasEstimator):
        reason = "has the parameters of your own build function"
    elif issubclass(kind, BaseRecommender):
        reason = "has none that were published or measured"
    else:
        reason = "is none of skrec's named estimators"
    raise ValueError(
        f"search_space knows no ranges for {kind.__name__}, which {reason}: write the "
        "dict, for example {'units': [32, 64]}, or, for a pipeline, pass the step that "
        f"is a network, and its name as prefix. Received: {estimator!r}."
    )
