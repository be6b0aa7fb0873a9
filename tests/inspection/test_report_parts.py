"""Parts of the report: programs, words and diagrams, without a page around them."""

import functools

import numpy as np
import pytest
from scipy.stats import loguniform, randint
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrec.inspection._report_code import Program, program_of
from skrec.inspection._report_diagram import diagram
from skrec.inspection._report_words import number, seconds, text
from skrec.metrics import recommender_scorer
from skrec.model_selection import (
    BayesSearchCV,
    CheapestWithin,
    LeaveLastOut,
    TimeSplit,
    with_costs,
)


@pytest.mark.parametrize(
    "value",
    [
        None,
        -1.5,
        float("inf"),
        np.float32(0.5),
        "a \"quoted\" 'text'\n",
        [1, (2,), {"a": {3}}, set(), ()],
        range(0, 9, 3),
        np.array([[1, 2], [3, 4]]),
        functools.partial(sorted, reverse=True),
        StandardScaler,
        np.median,
        StratifiedKFold(3, shuffle=True, random_state=0),
        LeaveLastOut(time_col="t"),
        TimeSplit("t"),
        CheapestWithin("accuracy"),
        make_scorer(recall_score, greater_is_better=False),
        recommender_scorer(["ndcg@10"], exclude_seen=False),
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression(C=2.0)),
        BayesSearchCV(LogisticRegression(), {"C": (0.1, 1.0)}, n_iter=3),
        with_costs("accuracy"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_code_makes_the_value_again(value):
    program = Program()
    code = program.code(value)
    namespace = {}
    exec(f"{program.header()}\nvalue = {code}", namespace)

    assert program.left_out == program.own == []
    assert repr(namespace["value"]) == repr(
        value.item() if isinstance(value, np.generic) else value
    )


def test_code_of_distributions_draws_the_same():
    program = Program()
    code = program.code({"a": loguniform(1e-3, 1), "b": randint(2, high=9)})
    namespace = {}
    exec(f"{program.header()}\nvalue = {code}", namespace)
    assert namespace["value"]["a"].support() == (1e-3, 1)
    assert namespace["value"]["b"].support() == (2, 8)


def test_what_code_cannot_tell_is_said():
    class Own:
        def __repr__(self):
            return "Own()\nimport os"

    program = program_of(
        GridSearchCV(LogisticRegression(), {"C": [Own(), lambda: 1]}), "search.fit(X)"
    )
    scorer = make_scorer(recall_score, average="macro")  # whose repr is no code
    assert Program().code(scorer) == "..."
    compile(program, "program", "exec")
    assert "# Stands as ... below: Own() import os" in program
    assert '{"C": [..., ...]}' in program


def test_a_diagram_has_no_address_script_or_style():
    found = diagram(make_pipeline(StandardScaler(), LogisticRegression()))
    assert found == diagram(make_pipeline(StandardScaler(), LogisticRegression()))
    assert "StandardScaler" in found and "<td" in found
    for word in ("<script", "<style", "href", "onclick", "http", "<svg"):
        assert word not in found


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234567, "1,234,567"), (-0.12344, "\u22120.1234"), (2.0, "2"), (np.nan, "nan")],
)
def test_numbers(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0123, "0.012 s"), (42.4, "42 s"), (200, "3 min 20 s"), (7260, "2 h 1 min")],
)
def test_seconds(value, shown):
    assert seconds(value) == shown


def test_text_has_no_address_and_an_end():
    assert "0x" not in text(object())
    assert text("x" * 1000).endswith("…") and len(text("x" * 1000)) == 200
    assert text([1.0, "a", None]) == "[1, a, None]"
