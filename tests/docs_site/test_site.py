"""The built site: whole links, a page for each public name, answers within two clicks.

`.ci/site` builds the site and runs these.
"""

import importlib
import pkgutil

import pytest

import skrec
from tests.docs_site import site
from tests.docs_site.questions import QUESTIONS, SYMPTOMS

pytestmark = pytest.mark.site


@pytest.fixture(scope="module")
def index():
    return site.Index()


def test_no_link_within_the_site_is_broken():
    broken = []
    for page in site.pages():
        for there, anchor in site.links(page):
            if there not in site.pages():
                if not (site.BUILT / there).is_file():
                    broken.append((page, there))
            elif anchor and anchor not in site.anchors(there):
                broken.append((page, f"{there}#{anchor}"))

    assert broken == []


def test_nothing_is_fetched_from_elsewhere():
    fetched = [
        (page, element[name])
        for page, tree in site.pages().items()
        for tag, name in [("script", "src"), ("link", "href"), ("img", "src")]
        for element in tree.select(f"{tag}[{name}]")
        if element[name].startswith(("http:", "https:", "//"))
        and element.get("rel") != ["canonical"]
    ]
    assert fetched == []


def test_every_public_name_has_a_page():
    modules = [skrec] + [
        importlib.import_module(f"skrec.{found.name}")
        for found in pkgutil.iter_modules(skrec.__path__)
        if not found.name.startswith("_")
    ]
    here = set(skrec.__all__)
    names = [
        f"{module.__name__}.{name}"
        for module in modules
        for name in module.__all__
        if module is skrec or name not in here
    ]

    assert len(names) > 100
    assert [name for name in names if f"api/{name}.html" not in site.pages()] == []


def test_a_page_of_a_class_has_its_parameters_methods_and_example():
    text = site.text_of(site.pages()["api/skrec.CNNClassifier.html"].article)

    for word in ["default=32", "learning_rate", "partial_fit", "model_"]:
        assert word in text


@pytest.mark.parametrize(
    ("question", "page", "answer"), QUESTIONS, ids=[asked for asked, *_ in QUESTIONS]
)
def test_a_question_is_answered_within_two_clicks(question, page, answer):
    assert site.clicks().get(page, 99) <= 2, question
    assert answer in site.text_of(site.pages()[page].article), question


@pytest.mark.parametrize(
    ("typed", "heading"), SYMPTOMS, ids=[typed for typed, _ in SYMPTOMS]
)
def test_search_finds_the_answer_to_a_symptom(typed, heading, index):
    headings = [
        site.text_of(found)
        for found in site.pages()["faq.html"].select("article h2, article h3")
    ]

    assert [found for found in headings if found.startswith(heading)]
    assert "faq" in index.find(typed)


def test_every_symptom_of_the_page_is_asked_for():
    headings = [site.text_of(found) for found in site.pages()["faq.html"].select("h3")]
    asked = tuple(heading for _, heading in SYMPTOMS)

    # "A list is shorter than n" is all stop words and a letter.
    left = [found for found in headings if not found.startswith(asked)]
    assert [found.rstrip("#") for found in left] == ["A list is shorter than n"]


def test_search_does_not_find_what_is_not_there(index):
    assert index.find("memory of elephants") == set()
    assert "faq" not in index.find("psi drift_report")
