"""FuxiCTR's DeepFM and DCNv2: tuned on a validation part, or timed.

The wheel holds FuxiCTR's training loop and layers, but neither of these two models: its
repository has them outside the package, as scripts. They are assembled here from its
layers, in the shape that those scripts give them.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fuxictr.features import FeatureMap
from fuxictr.pytorch.dataloaders import RankDataLoader
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
        self, features: FeatureMap, params: dict[str, Any], folder: Path
    ) -> None:
        super().__init__(
            features,
            embedding_regularizer=float(params["embedding_regularizer"]),
            net_regularizer=float(params["net_regularizer"]),
            early_stop_patience=2,
            verbose=0,
            model_root=str(folder),
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
        self, features: FeatureMap, params: dict[str, Any], folder: Path
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
        self, features: FeatureMap, params: dict[str, Any], folder: Path
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
        if not self.shuffle:
            for start in range(0, self.n_rows, self.size):
                rows = slice(start, start + self.size)
                yield {name: tensor[rows] for name, tensor in self.tensors.items()}
            return
        order = torch.randperm(self.n_rows)
        for start in range(0, self.n_rows, self.size):
            rows = order[start : start + self.size]
            yield {name: tensor[rows] for name, tensor in self.tensors.items()}


def feature_map(job: dict[str, Any], folder: Path) -> FeatureMap:
    """Describe the encoded fields as FuxiCTR's own preprocessing would."""
    features = FeatureMap("rows", str(folder))
    for name, field in job["fields"].items():
        spec = {"source": "", **field}
        if field["type"] == "sequence":
            spec["feature_encoder"] = "layers.MaskedAveragePooling()"
        features.features[name] = spec
    features.labels = [LABEL]
    features.num_fields = features.get_num_fields()
    features.set_column_index()
    return features


def _build(job: dict[str, Any], params: dict[str, Any], folder: Path) -> _Model:
    features = feature_map(job, folder)
    features.default_emb_dim = params["embedding_dim"]
    return MODELS[job["model"]](features, params, folder)


def _part(arrays: Arrays, name: str) -> Arrays:
    prefix = name + "."
    found = {key: a for key, a in arrays.items() if key.startswith(prefix)}
    return {key.removeprefix(prefix): array for key, array in found.items()}


def search(
    job: dict[str, Any], arrays: Arrays, folder: Path
) -> tuple[dict[str, Any], Arrays]:
    """Train all candidates; predict with the one of the highest validation AUC."""
    parts = {name: _part(arrays, name) for name in ("train", "valid", "test")}
    valid = Batches(parts["valid"], PREDICT_BATCH, shuffle=False)
    best: dict[str, Any] = {"auc": -np.inf}
    for params in job["candidates"]:
        seed_everything(job["seed"])
        start = time.perf_counter()
        train = Batches(parts["train"], params["batch_size"], shuffle=True)
        model = _build(job, params, folder)
        model.fit(train, epochs=job["epochs"], validation_data=valid)
        seconds = time.perf_counter() - start
        auc = roc_auc_score(parts["valid"][LABEL], model.predict(valid))
        if auc > best["auc"]:
            best = {"auc": auc, "params": params, "seconds": seconds, "model": model}
    test = Batches(parts["test"], PREDICT_BATCH, shuffle=False)
    probability = best.pop("model").predict(test)
    return best, {"probability": probability}


def timing(
    job: dict[str, Any], arrays: Arrays, folder: Path
) -> tuple[dict[str, Any], Arrays]:
    """Time two trainings of so many epochs, without validation."""
    data = _part(arrays, "train")
    np.savez(folder / "train.npz", **data)
    seconds = []
    for _ in range(2):
        seed_everything(job["seed"])
        start = time.perf_counter()
        model = _build(job, job["candidates"][0], folder)
        model.eval_step = lambda m=model: m.save_weights(m.checkpoint)
        model.fit(_timed_batches(job, model, data, folder), epochs=job["epochs"])
        seconds.append(time.perf_counter() - start)
    rows = Batches(data, PREDICT_BATCH, shuffle=False)
    auc = roc_auc_score(data[LABEL], model.predict(rows))
    return {"cold": seconds[0], "seconds": seconds[1], "auc": auc}, {}


def _timed_batches(
    job: dict[str, Any], model: _Model, data: Arrays, folder: Path
) -> Any:
    """Return FuxiCTR's own loader of the rows, or batches cut in memory."""
    batch_size = job["candidates"][0]["batch_size"]
    if job["loader"] == "memory":
        return Batches(data, batch_size, shuffle=True)
    train, _ = RankDataLoader(
        model.feature_map,
        stage="train",
        train_data=str(folder / "train.npz"),
        batch_size=batch_size,
        num_workers=job["num_workers"],
    )
    return train
