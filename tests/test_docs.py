"""README and guides: their examples run as written, and their links lead on."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs"
PAGES = sorted(FOLDER.glob("*.md"))
README = FOLDER.parent / "README.md"
# They start engines and workers that tests/model_selection/ starts too, or take long
# and show what other tests ask of the same functions.
NIGHTLY = {
    "adapting",
    "articles",
    "choosing-a-search",
    "from-scikeras",
    "inspecting",
    "own-networks",
    "recommending",
    "resuming",
    "scaling-dask",
    "scaling-processes",
    "scaling-ray",
    "shipping",
    "tables",
}
# It needs packages that `.ci/trackers` installs.
TRACKERS = {"tracking"}
MARKED = [(pytest.mark.nightly, NIGHTLY), (pytest.mark.trackers, TRACKERS)]


def blocks(page):
    """Yield the examples, each at its own line so that a traceback names it."""
    text = page.read_text("utf-8")
    for found in re.finditer(r"^```python\n(.*?)^```$", text, re.M | re.S):
        yield "\n" * text[: found.start(1)].count("\n") + found[1]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page.stem,
            marks=[mark for mark, pages in MARKED if page.stem in pages],
        )
        for page in PAGES
    ],
)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where they may leave files
    namespace = {"__name__": "__main__"}

    for block in blocks(page):
        exec(compile(block, page, "exec"), namespace)


# Its examples stand alone; by day, those run that need no workers, data or minutes.
LONG = ("n_jobs", "fetch_", "DINClassifier", "SASRecRecommender")


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(
            block,
            id=f"line {len(block) - len(block.lstrip()) + 1}",
            marks=[pytest.mark.nightly] if any(map(block.__contains__, LONG)) else [],
        )
        for block in blocks(README)
    ],
)
def test_examples_of_the_readme_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, README, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("page", [*PAGES, README], ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_examples_are_found():
    assert sum(1 for page in PAGES for _ in blocks(page)) > len(PAGES) / 2
