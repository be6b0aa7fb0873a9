"""Writes estimators as ONNX files, and runs these without skrec."""

import json

import numpy as np
import onnxruntime

from skrec.export import to_onnx
from skrec.export._columns import tensors_of_rows
from skrec.export._schema import Schema


class Written:
    """A file that was written, opened by onnxruntime alone."""

    def __init__(self, fitted, path, verify, **options):
        to_onnx(fitted, path, verify, **options)
        self.session = onnxruntime.InferenceSession(path)
        about = self.session.get_modelmeta().custom_metadata_map["skrec.schema"]
        self.schema = json.loads(about)
        self.shapes = {one.name: one.shape for one in self.session.get_inputs()}
        self.outputs = {one.name: one.shape for one in self.session.get_outputs()}

    def run(self, given):
        return dict(zip(self.outputs, self.session.run(None, given), strict=True))

    def __call__(self, X):
        schema = Schema.parse(json.dumps(self.schema), "the file")
        return self.run(tensors_of_rows(schema, X, "X"))


def assert_says_the_same(written, fitted, X, tol=1e-5):
    """Compare outputs for all rows, each row alone, and none."""
    found = written(X)
    if written.schema["task"] == "classifier":
        p = fitted.predict_proba(X)
        np.testing.assert_allclose(found["probabilities"], p, atol=tol, rtol=0)
        top = np.sort(p, axis=1)
        clear = top[:, -1] - top[:, -2] > 2 * tol
        assert found["label"][clear].tolist() == fitted.predict(X)[clear].tolist()
    else:
        wanted = fitted.predict(X)
        np.testing.assert_allclose(found["prediction"], wanted, atol=tol, rtol=tol)
    for rows in (slice(0, 0), slice(0, 1), slice(1, 2), slice(2, 5)):
        some = X.iloc[rows] if hasattr(X, "iloc") else X[rows]
        for name, values in written(some).items():
            assert values.dtype == found[name].dtype
            if values.dtype.kind == "f":
                np.testing.assert_allclose(values, found[name][rows], atol=tol)
            else:
                assert values.tolist() == found[name][rows].tolist()
