"""Programs that articles got wrong end with the error that the page shows."""

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "articles.md"
TEXT = PAGE.read_text("utf-8")
BROKEN = re.findall(r"^```py\n(.*?)^```\n\n```text\n(.*?)^```$", TEXT, re.M | re.S)
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def data():
    """Return what the first block of the page makes: data and imports."""
    first = re.search(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
    namespace = {"__name__": "__main__"}
    exec(compile(first[1], PAGE, "exec"), namespace)
    return namespace


@pytest.mark.parametrize(
    ("program", "shown"),
    BROKEN,
    ids=[shown.split(":")[0] + f"-{k}" for k, (_, shown) in enumerate(BROKEN)],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_a_broken_program_ends_with_the_error_that_the_page_shows(program, shown, data):
    with pytest.raises(Exception) as caught:
        exec(compile(program, PAGE, "exec"), dict(data))

    kind = caught.type.__name__
    if caught.type.__module__ != "builtins":
        kind = f"{caught.type.__module__}.{kind}"
    got = f"{kind}: {caught.value}\n"
    assert doctest.OutputChecker().check_output(shown, got, ALIKE), got


def test_every_broken_program_is_followed_by_its_error():
    assert len(BROKEN) == len(re.findall(r"^```py$", TEXT, re.M)) >= 5


def test_each_link_of_the_table_of_errors_is_an_error_that_the_page_shows():
    table = re.search(r"^\| the error says .*?\n\n", TEXT, re.M | re.S)[0]
    shown = " ".join(error for _, error in BROKEN)
    quoted = re.findall(r"`([^`]+)`", table)

    assert len(quoted) >= 8
    assert [text for text in quoted if text not in shown] == []
