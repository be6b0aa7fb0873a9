"""The one door to scikeras: what is taken from it, without what it does to Keras."""

import keras

_PATCHED = (
    (keras.Model, "__reduce__"),
    (keras.Model, "__deepcopy__"),
    (keras.losses.Loss, "__reduce__"),
    (keras.metrics.Metric, "__reduce__"),
    (keras.optimizers.Optimizer, "__reduce__"),
)
_clean = [(kind, name) for kind, name in _PATCHED if name not in vars(kind)]
from scikeras._utils import route_params as route_params  # noqa: E402
from scikeras.utils import metric_name as metric_name  # noqa: E402
from scikeras.utils.transformers import (  # noqa: E402
    ClassifierLabelEncoder as ClassifierLabelEncoder,
)
from scikeras.utils.transformers import (  # noqa: E402
    RegressorTargetEncoder as RegressorTargetEncoder,
)
from scikeras.wrappers import BaseWrapper  # noqa: E402

for _kind, _name in _clean:  # each patch shadows an inherited method that works
    if _name in vars(_kind):
        delattr(_kind, _name)

# Scikit-learn no longer calls this hook and refuses classes that still have it.
if "_more_tags" in vars(BaseWrapper):
    del BaseWrapper._more_tags
