"""The stores that trackers write to."""

import pytest

from tests.callback.searches import EACH
from tests.callback.stores import TensorBoard


@pytest.fixture(params=EACH)
def store(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def board(tmp_path):
    return TensorBoard(tmp_path)
