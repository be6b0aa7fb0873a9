"""The built site as tests read it: pages, their links, and the index of its search.

Packages of the extra `docs` are imported where they are used, since the tests of a
built site are collected, and left out, where it is not installed.
"""

import functools
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

DOCS = Path(__file__).parents[2] / "docs"
BUILT = Path(os.environ.get("SKREC_SITE", DOCS / "_build" / "html"))


@functools.cache
def pages():
    """Return the parsed pages by their path in the site."""
    from bs4 import BeautifulSoup

    found = sorted(BUILT.rglob("*.html"))
    assert found, f"build the site first: make -C docs html. Received: {BUILT}."
    return {
        path.relative_to(BUILT).as_posix(): BeautifulSoup(
            path.read_text("utf-8"), "html.parser"
        )
        for path in found
        if "_static" not in path.parts
    }


@functools.cache
def anchors(page):
    """Return the ids in a page."""
    return {element["id"] for element in pages()[page].select("[id]")}


def text_of(element):
    """Return what a reader sees, with single spaces."""
    return re.sub(r"\s+", " ", element.get_text()).strip()


def links(page, *, within=None):
    """Yield (page, anchor) of the links within the site; `within` selects a part."""
    tree = pages()[page]
    tree = tree if within is None else tree.select_one(within)
    for link in tree.select("a[href]") if tree else []:
        parts = urlsplit(urljoin(page, link["href"]))
        if not parts.scheme:
            yield unquote(parts.path), unquote(parts.fragment)


@functools.cache
def clicks(start="index.html"):
    """Return how many clicks on links of the text lead from the start to each page."""
    reached, edge = {start: 0}, [start]
    while edge:
        following = []
        for page in edge:
            for there, _ in links(page, within="article"):
                if there in pages() and there not in reached:
                    reached[there] = reached[page] + 1
                    following.append(there)
        edge = following
    return reached


class Index:
    """The index that the search of the site reads, asked as that does.

    Parameters
    ----------
    path : Path, default=None
        Of searchindex.js; None is that of the built site.
    """

    def __init__(self, path=None):
        from sphinx.search.en import SearchEnglish

        text = (path or BUILT / "searchindex.js").read_text("utf-8")
        self.data = json.loads(text[text.index("(") + 1 : text.rindex(")")])
        self.language = SearchEnglish({})

    def terms(self, query):
        """Return the stems of a query, without the words that are never indexed."""
        words = re.findall(r"\w+", query.lower())
        kept = [
            word
            for word in words
            if word not in self.language.stopwords and not word.isdigit()
        ]
        return [self.language.stem(word) for word in kept]

    def find(self, query):
        """Return the names of the pages that hold every word of the query."""
        found = None
        for term in self.terms(query):
            holding = set()
            for where in ("terms", "titleterms"):
                numbers = self.data[where].get(term, [])
                holding.update([numbers] if isinstance(numbers, int) else numbers)
            found = holding if found is None else found & holding
        return {self.data["docnames"][number] for number in found or ()}
