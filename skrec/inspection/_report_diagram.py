"""scikit-learn's diagram of an estimator, without anything that runs or is fetched."""

import re
from html import escape
from html.parser import HTMLParser
from typing import Any

from sklearn.base import clone
from sklearn.utils import estimator_html_repr

_KEPT = {
    *("b", "code", "details", "div", "input", "label", "pre", "span", "summary"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
_WITHOUT_END = {"br", "img", "input", "hr", "link", "meta", "source", "wbr"}
# Gone with all that is in them.
_DROPPED = {"script", "style", "button", "head", "template", "iframe", "object", "svg"}
# What is a help in a notebook: links to documentation, with the text that hovers
# there, and the plain text for viewers that run no scripts.
_DROPPED_CLASSES = {
    "param-doc-description",
    "sk-estimator-doc-link",
    "sk-text-repr-fallback",
}
_ATTRIBUTES = {"class", "id", "for", "type", "open"}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def diagram(estimator: Any) -> str:
    """Draw an estimator as nested boxes, each with its parameters.

    Parameters
    ----------
    estimator : estimator
        The estimator; what it has learnt is not shown.

    Returns
    -------
    str
        HTML for the middle of a page: elements and attributes of a short list alone,
        and neither scripts, styles nor addresses.
    """
    reader = _Reader()
    # Not the fitted one: what it has learnt may be anything, and much.
    reader.feed(estimator_html_repr(clone(estimator)))
    reader.close()
    return _ADDRESS.sub("", "".join(reader.parts))


class _Reader(HTMLParser):
    """Keeps what is on the list, and numbers ids from 1 in each diagram."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        # Elements around, whether they are kept, and whether dropped with all in them.
        self._open: list[tuple[str, bool, bool]] = []
        self._dropped = 0  # elements around that are dropped with what is in them
        self._ids: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _WITHOUT_END:
            if tag in _KEPT and not self._dropped:
                self.parts.append(self._start(tag, given))
            return
        classes = set(given.get("class", "").split())
        is_dropped = tag in _DROPPED or bool(classes & _DROPPED_CLASSES)
        is_kept = tag in _KEPT and not is_dropped and not self._dropped
        self._dropped += is_dropped
        self._open.append((tag, is_kept, is_dropped))
        if is_kept:
            self.parts.append(self._start(tag, given))

    def _start(self, tag: str, given: dict[str, str]) -> str:
        if tag == "input" and given.get("type") != "checkbox":
            return ""
        for name in ("id", "for"):
            if name in given:
                number = len(self._ids) + 1
                given[name] = self._ids.setdefault(given[name], f"diagram-{number}")
        kept = [
            f' {name}="{escape(value)}"'
            for name, value in given.items()
            if name in _ATTRIBUTES
        ]
        return f"<{tag}{''.join(kept)}>"

    def handle_endtag(self, tag: str) -> None:
        if tag not in (name for name, _, _ in self._open):
            return
        while self._open:
            name, is_kept, is_dropped = self._open.pop()
            self._dropped -= is_dropped
            if is_kept:
                self.parts.append(f"</{name}>")
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._dropped:
            self.parts.append(escape(data))
