"""FuxiCTR's DeepFM and DCNv2, tuned on a validation part, in the peers' environment.

The wheel holds FuxiCTR's training loop and layers, but neither of these two models: its
repository has them outside the package, as scripts. They are assembled here from its
layers, in the shape that those scripts give them.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fuxictr.features import FeatureMap
from fuxictr.pytorch.layers import (
    CrossNetV2,
    FactorizationMachine,
    FeatureEmbedding,
    MLP_Block,
)
from fuxictr.pytorch.models import BaseModel
from fuxictr.pytorch.torch_utils import seed_everything
from sklearn.metrics import roc_auc_score

Arrays = dict[str, np.ndarray]
PREDICT_BATCH = 8192
LABEL = "label"


class _Model(BaseModel):
    """Settings that both models share."""

    def __init__(
        self, features: FeatureMap, params: dict[str, Any], folder: str
    ) -> None:
        super().__init__(
            features,
            embedding_regularizer=float(params["embedding_regularizer"]),
            net_regularizer=float(params["net_regularizer"]),
            early_stop_patience=2,
            verbose=0,
            model_root=folder,
            metrics=["AUC"],
        )
        Path(self.model_dir).mkdir(parents=True, exist_ok=True)
        self.embedding_layer = FeatureEmbedding(features, params["embedding_dim"])

    def _tower(self, params: dict[str, Any], output_dim: int | None) -> MLP_Block:
        return MLP_Block(
            input_dim=self.feature_map.sum_emb_out_dim(),
            output_dim=output_dim,
            hidden_units=[int(width) for width in params["units"].split("-")],
            hidden_activations="ReLU",
            output_activation=None,
            dropout_rates=params["dropout"],
        )

    def _finish(self, params: dict[str, Any]) -> None:
        self.compile("adam", "binary_crossentropy", params["learning_rate"])
        self.reset_parameters()
        self.model_to_device()


class DeepFM(_Model):
    """Factorisation machine and tower on the same vectors, added."""

    def __init__(
        self, features: FeatureMap, params: dict[str, Any], folder: str
    ) -> None:
        super().__init__(features, params, folder)
        self.fm = FactorizationMachine(features)
        self.tower = self._tower(params, 1)
        self._finish(params)

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return probabilities."""
        X = self.get_inputs(inputs)
        vectors = self.embedding_layer(X)
        logits = self.fm(X, vectors) + self.tower(vectors.flatten(start_dim=1))
        return {"y_pred": self.output_activation(logits)}


class DCNv2(_Model):
    """Cross layers beside a tower, both read by one dense layer."""

    def __init__(
        self, features: FeatureMap, params: dict[str, Any], folder: str
    ) -> None:
        super().__init__(features, params, folder)
        width = features.sum_emb_out_dim()
        self.cross = CrossNetV2(width, params["cross_layers"])
        self.tower = self._tower(params, None)
        last = int(params["units"].split("-")[-1])
        self.fc = torch.nn.Linear(width + last, 1)
        self._finish(params)

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return probabilities."""
        vectors = self.embedding_layer(self.get_inputs(inputs), flatten_emb=True)
        both = torch.cat([self.cross(vectors), self.tower(vectors)], dim=-1)
        return {"y_pred": self.output_activation(self.fc(both))}


MODELS = {"DeepFM": DeepFM, "DCNv2": DCNv2}


class Batches:
    """Rows in memory, cut into batches; shuffled at each pass where asked for."""

    def __init__(self, arrays: Arrays, size: int, shuffle: bool) -> None:
        self.tensors = {name: torch.as_tensor(a) for name, a in arrays.items()}
        self.n_rows = len(arrays[LABEL])
        self.size, self.shuffle = size, shuffle

    def __len__(self) -> int:
        return -(-self.n_rows // self.size)

    def __iter__(self) -> Any:
        order = torch.randperm(self.n_rows) if self.shuffle else None
        for start in range(0, self.n_rows, self.size):
            rows: Any = slice(start, start + self.size)
            rows = rows if order is None else order[rows]
            yield {name: tensor[rows] for name, tensor in self.tensors.items()}


def feature_map(
    fields: dict[str, dict[str, Any]], embedding_dim: int, folder: str
) -> FeatureMap:
    """Describe the encoded fields as FuxiCTR's own preprocessing would."""
    features = FeatureMap("rows", folder)
    for name, field in fields.items():
        spec = {"source": "", **field}
        if field["type"] == "sequence":
            spec["feature_encoder"] = "layers.MaskedAveragePooling()"
        features.features[name] = spec
    features.labels = [LABEL]
    features.num_fields = features.get_num_fields()
    features.set_column_index()
    features.default_emb_dim = embedding_dim
    return features


def search(
    name: str,
    fields: dict[str, dict[str, Any]],
    candidates: list[dict[str, Any]],
    n_epochs: int,
    seed: int,
    parts: dict[str, Arrays],
) -> dict[str, Any]:
    """Train all candidates; predict with the one of the highest validation AUC.

    `parts` are the rows "train", "valid" and "test", a column to an array.
    """
    valid, test = (
        Batches(parts[part], PREDICT_BATCH, shuffle=False) for part in ("valid", "test")
    )
    best: dict[str, Any] = {"auc": -np.inf}
    with tempfile.TemporaryDirectory() as folder:
        for params in candidates:
            seed_everything(seed)
            start = time.perf_counter()
            train = Batches(parts["train"], params["batch_size"], shuffle=True)
            features = feature_map(fields, params["embedding_dim"], folder)
            model = MODELS[name](features, params, folder)
            model.fit(train, epochs=n_epochs, validation_data=valid)
            seconds = time.perf_counter() - start
            auc = roc_auc_score(parts["valid"][LABEL], model.predict(valid))
            if auc > best["auc"]:
                best = {"auc": auc, "params": params, "seconds": seconds}
                fitted = model
        return best | {"predicted": fitted.predict(test)}
