"""An exported file, opened: columns in, outputs out, in onnxruntime."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skrec._extras import import_extra
from skrec.export._schema import KEY, Schema


class OnnxModel:
    """A file that ``to_onnx`` wrote, ready to run.

    Parameters
    ----------
    path : str or path-like
        The file.
    threads : int, default=1
        Threads that one call may use; 0 for one for each core.

    Attributes
    ----------
    schema : Schema
        What the file says of itself.
    digest : str
        The first 16 digits of its SHA-256, to tell files apart.
    outputs : list of str
        Names of what it computes.
    """

    def __init__(self, path: str | os.PathLike, threads: int = 1) -> None:
        runtime = import_extra("onnxruntime", "serve", "Running an ONNX file")
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f"There is no file to read: give one that skrec.export.to_onnx wrote. "
                f"Received: {str(path)!r}."
            )
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self.session = runtime.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has a class for each of its codes
            raise ValueError(
                f"{str(path)!r} is no ONNX file that onnxruntime {runtime.__version__} "
                f"can read: export the model anew. Received: {error}"
            ) from error
        text = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        self.schema = Schema.parse(text, repr(str(path)))
        self.digest = _digest(self.path)
        self.outputs = [output.name for output in self.session.get_outputs()]
        self._require_inputs()

    def run(self, columns: Mapping[str, np.ndarray], first: int = 0) -> dict[str, Any]:
        """Compute the outputs of rows.

        Parameters
        ----------
        columns : dict of str to ndarray of shape (n_rows, ...)
            Values of each column, in its dtype.
        first : int, default=0
            Number of the first row, for the error.

        Returns
        -------
        dict of str to ndarray of shape (n_rows, ...)
            By the names of the outputs.

        Raises
        ------
        ValueError
            If one is not a number: a value is missing in a model of arrays.
        """
        found = self.session.run(None, dict(columns))
        outputs = dict(zip(self.outputs, found, strict=True))
        for name, values in outputs.items():
            _require_answers(name, values, first)
        return outputs

    def _require_inputs(self) -> None:
        """Raise where the file and what it says of itself do not fit."""
        inputs = {one.name for one in self.session.get_inputs()}
        if inputs != self.schema.inputs:
            raise ValueError(
                f"{str(self.path)!r} does not hold what it says it does: export the "
                f"model anew. Received: inputs {sorted(inputs)}, described "
                f"{sorted(self.schema.inputs)}."
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _require_answers(name: str, values: np.ndarray, first: int) -> None:
    """Raise where an output is not a number."""
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return
    row = first + int(np.isnan(values).reshape(len(values), -1).any(axis=1).argmax())
    raise ValueError(
        f"The model has no {name} for row {row}: a value is missing that it cannot do "
        "without, or is too large. Fill it in. Received: NaN from the model."
    )
