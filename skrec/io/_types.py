"""What a file may make without being asked about it: a list of ours, never of a file.

None of these runs code of a file: they are filled with numbers and text. scikit-learn's
trees are not among them, since a tree with wrong numbers reads beyond its arrays.
"""

import inspect

import keras
import numpy as np
import sklearn.metrics
import sklearn.model_selection

_SKREC = {
    "skrec.estimators._deploy": ("Head",),
    "skrec.estimators._keras_parameters": ("_Pickled",),
    "skrec.estimators._kept_models": ("KeptArchitecture", "KeptModel"),
    "skrec.estimators._labels": ("LabelEncoder",),
    "skrec.estimators._outputs": ("Head",),
    "skrec.estimators._targets": ("Labels", "Numbers"),
    "skrec.estimators.autoint": ("AutoIntClassifier", "AutoIntRegressor"),
    "skrec.estimators.cnn": ("CNNClassifier", "CNNRegressor"),
    "skrec.estimators.dcn": ("DCNClassifier", "DCNRegressor"),
    "skrec.estimators.deepfm": ("DeepFMClassifier", "DeepFMRegressor"),
    "skrec.estimators.dien": ("DIENClassifier", "DIENRegressor"),
    "skrec.estimators.din": ("DINClassifier", "DINRegressor"),
    "skrec.estimators.fm": ("FMClassifier", "FMRegressor"),
    "skrec.estimators.generic": ("KerasClassifier", "KerasRegressor"),
    "skrec.estimators.late_fusion": ("LateFusionClassifier", "LateFusionRegressor"),
    "skrec.estimators.mlp": ("MLPClassifier", "MLPRegressor"),
    "skrec.estimators.neumf": ("NeuMFClassifier", "NeuMFRegressor"),
    "skrec.estimators.rnn": ("RNNClassifier", "RNNRegressor"),
    "skrec.estimators.wide_deep": ("WideDeepClassifier", "WideDeepRegressor"),
    "skrec.io._plain": ("Pairs",),
    "skrec.metrics.scoring": ("_RecommenderScorer",),
    "skrec.model_selection.bayes": ("BayesSearchCV",),
    "skrec.model_selection.hyperband": ("HyperbandSearchCV",),
    "skrec.model_selection.optuna_search": ("OptunaSearchCV",),
    "skrec.model_selection.pareto": (
        "CheapestWithin",
        "_Latency",
        "_NumberOfParameters",
    ),
    "skrec.model_selection.splitters": (
        "LeaveLastOut",
        "PerUserKFold",
        "TimeSplit",
        "UserGroupKFold",
    ),
    "skrec.networks._network": ("Network",),
    "skrec.preprocessing._array_scaler": ("ArrayScaler",),
    "skrec.preprocessing._interactions": ("Interactions", "Log"),
    "skrec.preprocessing._network_inputs": ("ArrayInputs", "TableInputs"),
    "skrec.preprocessing._numbers": ("NumberScaler",),
    "skrec.preprocessing._padding": ("ZeroSteps",),
    "skrec.preprocessing._ranges": ("Range",),
    "skrec.preprocessing._scaling": ("ChannelScaler", "LogScaler", "RobustScaler"),
    "skrec.preprocessing._spec": ("FieldSpec",),
    "skrec.preprocessing._vocabulary": ("Vocabulary",),
    "skrec.preprocessing.fields": ("FieldEncoder",),
    "skrec.recommenders._features": ("Features",),
    "skrec.recommenders._next": ("EventInputs", "NextItems"),
    "skrec.recommenders._sides": ("Features", "Side", "TowerInputs"),
    "skrec.recommenders.als": ("ALSRecommender",),
    "skrec.recommenders.bpr": ("BPRRecommender",),
    "skrec.recommenders.caser": ("CaserRecommender",),
    "skrec.recommenders.ease": ("EASERecommender",),
    "skrec.recommenders.gru4rec": ("GRU4RecRecommender",),
    "skrec.recommenders.item_knn": ("ItemKNNRecommender",),
    "skrec.recommenders.neumf": ("NeuMFRecommender",),
    "skrec.recommenders.popular": ("PopularRecommender",),
    "skrec.recommenders.sasrec": ("BSARecRecommender", "SASRecRecommender"),
    "skrec.recommenders.two_stage": ("TwoStageRecommender",),
    "skrec.recommenders.two_tower": ("TwoTowerRecommender",),
    "skrec.training.copies": ("_Description", "_Leaf", "_Variable"),
    "skrec.training.state": ("State",),
}
_TUPLES = {
    "skrec.estimators._growth.Layout",
    "skrec.model_selection.hyperband._Place",
    "skrec.networks.late_fusion.FieldGroup",
    "skrec.preprocessing._interactions.Columns",
    "skrec.preprocessing._lists.Reading",
    "skrec.preprocessing._spec.SequenceSpec",
}
_OTHER_OBJECTS = {
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "keras.src.dtype_policies.dtype_policy.DTypePolicy",
    "scikeras.utils.transformers.RegressorTargetEncoder",
    "scikeras.utils.transformers.TargetReshaper",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
}
_BUILDERS = {
    "autoint": ("build_autoint",),
    "bpr": ("build_bpr",),
    "caser": ("build_caser",),
    "cnn": ("build_cnn",),
    "dcn": ("build_dcn",),
    "dien": ("build_dien",),
    "din": ("build_din",),
    "fm": ("build_deepfm", "build_fm"),
    "gru4rec": ("build_gru4rec",),
    "late_fusion": ("build_late_fusion",),
    "mlp": ("build_field_mlp", "build_mlp"),
    "ncf": ("build_ncf",),
    "neumf": ("build_neumf",),
    "rnn": ("build_rnn",),
    "sasrec": ("build_sasrec",),
    "two_tower": ("build_two_tower",),
    "wide_deep": ("build_wide_deep",),
}
_LOOKING = {"get", "deserialize", "get_scorer"}


def name_of(item: object) -> str:
    """Return the name by which a file knows a class or function.

    Parameters
    ----------
    item : class or function
        The class or function.

    Returns
    -------
    str
        Its module and its name.
    """
    return f"{getattr(item, '__module__', None)}.{getattr(item, '__name__', None)}"


def _public(module: object, of: type, kind: object) -> set[str]:
    """List the classes of one base, or the functions, that a module hands out."""
    found = [item for name, item in vars(module).items() if not name.startswith("_")]
    if kind is type:
        return {name_of(i) for i in found if inspect.isclass(i) and issubclass(i, of)}
    # Not those that look for something by a name, as `keras.losses.get` does.
    names = {name_of(item) for item in found if inspect.isfunction(item)}
    return {name for name in names if name.rpartition(".")[2] not in _LOOKING}


def _scikit_learn() -> set[str]:
    """List scikit-learn's estimators and splitters; skops knows the same estimators."""
    from sklearn.utils import all_estimators

    found = {name_of(kind) for _, kind in all_estimators()}
    splitter = sklearn.model_selection.BaseCrossValidator
    found |= _public(sklearn.model_selection, splitter, type)
    shuffles = sklearn.model_selection.BaseShuffleSplit
    return found | _public(sklearn.model_selection, shuffles, type)


NAMED_TUPLES = frozenset(_TUPLES)
OBJECTS = frozenset(
    {f"{module}.{name}" for module, names in _SKREC.items() for name in names}
    | _OTHER_OBJECTS
    | _scikit_learn()
    | _public(keras.optimizers.schedules, object, type)
)
# Called with numbers and text of the file: values that may be ids.
CONSTRUCTED = frozenset(
    {
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "decimal.Decimal",
    }
)
FUNCTIONS = frozenset(
    {
        f"skrec.networks.{file}.{name}"
        for file, names in _BUILDERS.items()
        for name in names
    }
    | _public(sklearn.metrics, object, None)
    | _public(keras.losses, object, None)
    | _public(keras.metrics, object, None)
    | {f"numpy.{name}" for name, item in vars(np).items() if isinstance(item, np.ufunc)}
    | {"scipy.special._ufuncs.expit", "scipy.special._ufuncs.logit"}
)
KEYS = frozenset(
    {"builtins.str", "builtins.int", "builtins.float"}
    | {f"numpy.{kind}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64)}
    | {"numpy.float32", "numpy.float64", "numpy.str_"}
)
# Not called: they say what an object is, or are values themselves.
CLASSES = frozenset(
    KEYS
    | {"builtins.bool", "builtins.type"}
    | {"numpy.bool", "numpy.float16", "numpy.bytes_", "numpy.object_"}
    | _public(keras.optimizers, keras.optimizers.Optimizer, type)
    | _public(keras.losses, keras.losses.Loss, type)
    | _public(keras.metrics, keras.metrics.Metric, type)
)
SCALARS = frozenset(
    {f"numpy.{kind}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64)}
    | {"numpy.bool", "numpy.bool_", "numpy.float16", "numpy.float32", "numpy.float64"}
    | {"numpy.str_", "numpy.bytes_", "numpy.datetime64", "numpy.timedelta64"}
)
SPARSE = frozenset(
    f"scipy.sparse._{form}.{form}_{kind}"
    for form in ("bsr", "coo", "csc", "csr", "dia")
    for kind in ("array", "matrix")
)
# What skops is told to trust, which asks no more than this.
ALL = frozenset(
    OBJECTS
    | NAMED_TUPLES
    | CONSTRUCTED
    | FUNCTIONS
    | CLASSES
    | SCALARS
    | SPARSE
    | {"numpy.dtype", "sklearn.utils._bunch.Bunch"}
    | {"numpy.random.mtrand.RandomState", "numpy.random._generator.Generator"}
)
