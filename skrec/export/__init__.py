"""Fitted estimators for where there is no skrec: ONNX files."""

from skrec.export._onnx import to_onnx

__all__ = ["to_onnx"]
