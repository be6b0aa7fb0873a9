"""Cases that each take a second or more: by day, a few stand for all."""

import pytest


def by_day(cases, *names):
    """Leave to the night all cases but those of these names.

    A case is a `pytest.param` with an id, a class or function, or its own name.
    """
    marked = [_marked(case, names) for case in cases]
    unknown = set(names) - {case.id for case in marked}
    assert not unknown, f"no such case: {unknown}"
    return marked


def _marked(case, names):
    values, marks = (case,), []
    name = getattr(case, "id", None) or getattr(case, "__name__", str(case))
    if hasattr(case, "marks"):
        values, marks = case.values, case.marks
    if name not in names:
        marks = [*marks, pytest.mark.nightly]
    return pytest.param(*values, id=name, marks=marks)
