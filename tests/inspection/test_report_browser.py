"""The report in a browser: it opens without a message, sorts, and fits every screen.

It needs Chromium; `.ci/browser` installs it and runs this.
"""

import os
import shutil

import numpy as np
import pytest

from skrec.inspection import search_report
from tests.inspection.report_cases import rows, small_search, wide_search

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
QUIET += ["--disable-background-networking", "--disable-component-update"]
QUIET += ["--disable-sync"]
SCREENS = [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return reports of a large search, and of one in which candidates fail."""
    folder = tmp_path_factory.mktemp("reports")
    X, y = rows()
    wide = search_report(
        wide_search(120), folder / "wide.html", X, y, X_train=X, y_train=y
    )
    with pytest.warns(UserWarning, match="fits failed|non-finite"):
        search = small_search(
            {"fails": [False, True], "rate": [0.1, 0.01, 0.001], "kind": ["b", "a"]}
        )
    values = [10, "auto", None, 9.5, "10", True, 1e-07, ""]
    mixed = search_report(small_search({"units": values}), folder / "mixed.html")
    failed = search_report(search, folder / "failed.html")
    return {"wide": wide, "failed": failed, "mixed": mixed}


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def opened(browser, files):
    """Open a report; whatever the console says in the meantime fails the test."""
    said, contexts = [], []

    def open_(name, width=1400, scheme="light"):
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.extend(_outside(request.url)))
        page.goto(files[name].as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []


def _outside(address):
    return [] if address.startswith(("file:", "data:")) else [address]


def column(page, place):
    cells = page.locator(f"table.sortable tbody td:nth-child({place + 1})")
    return cells.all_inner_texts()


def labels(page):
    buttons = page.locator("table.sortable th button").all_inner_texts()
    return [text.strip() for text in buttons]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("name", ["wide", "failed"])
def test_it_opens_in_silence_and_never_scrolls_sideways(name, width, scheme, opened):
    page = opened(name, width, scheme)
    inner, outer = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert inner <= outer == width
    pictures = page.locator("figure svg")
    assert pictures.count() >= 5
    assert all(
        pictures.nth(k).bounding_box()["height"] > 100 for k in range(pictures.count())
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind(scheme, opened):
    page = opened("wide", scheme=scheme)
    for where, least in (("main > section > p", 7), ("dd.more", 4.5), ("dt", 4.5)):
        assert contrast(page, where) >= least, where
    drawn = page.locator("#convergence-title").locator("xpath=ancestor::figure")
    text = drawn.locator("svg text").first
    assert ratio(color(text, "fill"), color(drawn, "background-color")) >= 7


def contrast(page, where):
    """Return the least contrast of elements with what is behind them."""
    behind = """e => {
        for (; e; e = e.parentElement) {
            const found = getComputedStyle(e).backgroundColor;
            if (!found.endsWith(", 0)")) return found;
        }
    }"""
    return min(
        ratio(color(element, "color"), numbers(element.evaluate(behind)))
        for element in page.locator(where).all()
    )


def color(element, name):
    return numbers(element.evaluate("(e, name) => getComputedStyle(e)[name]", name))


def numbers(text):
    return [float(part) for part in text.split("(")[1].rstrip(")").split(",")][:3]


def ratio(first, second):
    """Return the contrast of WCAG 2."""

    def light(rgb):
        parts = np.asarray(rgb) / 255
        steep = ((parts + 0.055) / 1.055) ** 2.4
        return np.where(parts <= 0.04045, parts / 12.92, steep) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    low, high = sorted([light(first), light(second)])
    return (high + 0.05) / (low + 0.05)


def test_a_press_sorts_by_numbers_and_another_turns_them_round(opened):
    page = opened("wide")
    place = labels(page).index("rate")
    before = column(page, place)
    button = page.locator("table.sortable th button").nth(place)
    header = page.locator("table.sortable th").nth(place)

    button.click()
    rising = [float(value) for value in column(page, place)]
    assert rising == sorted(map(float, before)) != [*map(float, before)]
    assert header.get_attribute("aria-sort") == "ascending"
    assert page.locator("th[aria-sort=ascending]").count() == 1
    assert "rate, lowest first" in page.locator("#sorted").inner_text()
    button.click()
    assert [float(value) for value in column(page, place)] == rising[::-1]
    assert header.get_attribute("aria-sort") == "descending"


def test_numbers_come_before_text_and_blanks_last_whichever_way(opened):
    page = opened("mixed")
    place = labels(page).index("units")
    button = page.locator("table.sortable th button").nth(place)

    button.click()
    numbers, text = ["1e-07", "9.5", "10"], ["10", "auto", "None", "True"]
    assert column(page, place) == [*numbers, *text, ""]
    button.click()
    assert column(page, place) == [*numbers[::-1], *text[::-1], ""]


def test_the_keyboard_reaches_and_sorts(opened):
    page = opened("failed")
    page.keyboard.press("Tab")
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused) == "Skip to the content"
    for _ in range(60):
        page.keyboard.press("Tab")
        if (
            page.evaluate(focused) == "kind"
            and page.evaluate("document.activeElement.tagName") == "BUTTON"
        ):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    place = labels(page).index("kind")
    page.keyboard.press("Enter")
    assert column(page, place) == ["a"] * 6 + ["b"] * 6
    page.keyboard.press("Space")
    assert column(page, place) == ["b"] * 6 + ["a"] * 6


def test_candidates_without_a_score_stay_last(opened):
    page = opened("failed")
    place = labels(page).index("score")
    button = page.locator("table.sortable th button").nth(place)
    for _ in range(2):
        button.click()
        assert column(page, place)[6:] == ["failed"] * 6


def test_boxes_of_the_model_open_by_keyboard(opened):
    page = opened("failed")
    box = page.locator(".diagram input").first
    content = page.locator(".sk-toggleable__content").first
    assert not content.is_visible()
    box.focus()
    page.keyboard.press("Space")
    assert content.is_visible()


def test_sections_can_be_gone_to(opened):
    page = opened("wide")
    for link in page.locator("nav a").all():
        link.click()
        target = page.locator(link.get_attribute("href"))
        page.wait_for_function(
            "id => { const t = document.querySelector(id).getBoundingClientRect().top;"
            " return t < innerHeight && t > -1; }",
            arg=link.get_attribute("href"),
        )
        assert target.is_visible()
