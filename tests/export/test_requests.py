"""What a hostile body costs: time and memory grow with its size alone."""

import json

import pytest

from skrec.export._requests import RequestError, columns_of, parse
from skrec.export._requests import _distinct as distinct
from skrec.export._schema import Column


class Counted(str):
    """A name that counts how often it is compared."""

    n_compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Counted.n_compared += 1
        return str.__eq__(self, other)


def test_a_name_that_comes_twice_is_found_in_one_pass():
    names = [*(f"a{k}" for k in range(2000)), "a1999"]
    with pytest.raises(ValueError, match='"a1999" twice in one object'):
        distinct([(Counted(name), 0) for name in names])
    assert Counted.n_compared < 2 * len(names)


def test_an_answer_names_few_of_many_columns_that_the_model_does_not_have():
    body = json.dumps({"x": 1, **{f"stranger{k:04}": 0 for k in range(5000)}}).encode()

    with pytest.raises(RequestError) as refused:
        columns_of([parse(body)], {"x": Column("x", "number", "float64")}, True)

    problems = refused.value.detail
    assert len(json.dumps(problems)) < len(body) / 10
    assert problems[0]["loc"] == ["body", "stranger0000"]
    assert problems[-1]["msg"] == "4980 more columns are not the model's."
