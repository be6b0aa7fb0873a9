"""A browser walks the built site: no error in its console, no request that fails.

It needs Chromium (`apt-get install chromium`); `.ci/site --browser` runs it.
"""

import contextlib
import functools
import http.server
import os
import shutil
import threading

import pytest

from tests.docs_site import site
from tests.docs_site.questions import SYMPTOMS

pytestmark = [pytest.mark.site, pytest.mark.browser]

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Each is looked at on a narrow screen too: nothing may be wider than it.
NARROW = [
    "index.html",
    "choosing-a-model.html",
    "tables.html",
    "benchmarks.html",
    "faq.html",
    "articles.html",
    "api/index.html",
    "api/skrec.CNNClassifier.html",
    "api/skrec.model_selection.search_space.html",
    "gallery/plot_recommend.html",
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    """Serve the built site on a free port of this machine."""
    handler = functools.partial(Quiet, directory=site.BUILT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 1400, "height": 900},
        )
        yield context
        context.close()


@pytest.fixture
def watched(browser, address):
    """Return a page, and a list of all that goes wrong on it."""
    wrong = []
    page = browser.new_page()
    page.on("console", lambda said: _note_message(wrong, page, said))
    page.on("pageerror", lambda error: wrong.append((page.url, str(error))))
    page.on("requestfailed", lambda asked: _note_failure(wrong, page, asked))
    page.on("response", lambda answer: _note_answer(wrong, page, answer))
    page.on("request", lambda asked: _note_request(wrong, page, asked, address))
    yield page, wrong
    page.close()


def _note_message(wrong, page, said):
    if said.type == "error":
        wrong.append((page.url, said.text))


def _note_failure(wrong, page, asked):
    # A page that is left takes back what it had not yet got.
    if asked.failure != "net::ERR_ABORTED":
        wrong.append((page.url, f"{asked.url}: {asked.failure}"))


def _note_answer(wrong, page, answer):
    if answer.status >= 400:
        wrong.append((page.url, f"{answer.url}: {answer.status}"))


def _note_request(wrong, page, asked, address):
    if not asked.url.startswith((address, "data:", "blob:")):
        wrong.append((page.url, f"{asked.url}: asked of another server"))


def test_no_page_has_an_error_or_asks_another_server(watched, address):
    page, wrong = watched
    for name in site.pages():
        page.goto(address + name, wait_until="load")

    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_narrow_screen(watched, address, scheme):
    page, wrong = watched
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 400, "height": 800})
    wide = {}
    for name in NARROW:
        page.goto(address + name, wait_until="load")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 400:
            wide[name] = width

    assert wide == {}
    assert wrong == []


@pytest.mark.parametrize("typed", [typed for typed, _ in SYMPTOMS])
def test_search_of_the_site_shows_the_answers(typed, watched, address):
    page, wrong = watched
    page.goto(f"{address}search.html?q={typed.replace(' ', '+')}")
    with contextlib.suppress(Exception):
        page.wait_for_selector("#search-results a[href*='faq.html']", timeout=15000)
    found = page.eval_on_selector_all(
        "#search-results ul.search li > a", "links => links.map(link => link.href)"
    )
    first = [k for k, link in enumerate(found) if "faq.html" in link]

    assert first and first[0] < 5, found[:8]
    assert wrong == []


def test_code_has_a_button_that_copies_it(watched, address):
    page, wrong = watched
    page.goto(address + "index.html", wait_until="load")

    assert page.locator("button.copybtn").count() >= 2
    assert wrong == []
