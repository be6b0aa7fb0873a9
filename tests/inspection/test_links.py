"""Diagrams of estimators link to our pages, by the name that users import."""

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrec import CNNClassifier, KerasRegressor, MLPClassifier
from skrec._docs_address import BASE
from skrec.model_selection import BayesSearchCV
from skrec.preprocessing import FieldEncoder
from skrec.recommenders import EASERecommender, SASRecRecommender

PAGES = [
    (CNNClassifier(), "skrec.CNNClassifier"),
    (KerasRegressor(), "skrec.KerasRegressor"),
    (SASRecRecommender(), "skrec.recommenders.SASRecRecommender"),
    (EASERecommender(), "skrec.recommenders.EASERecommender"),
    (FieldEncoder(), "skrec.preprocessing.FieldEncoder"),
    (BayesSearchCV(MLPClassifier(), {}), "skrec.model_selection.BayesSearchCV"),
]


@pytest.mark.parametrize(("estimator", "page"), PAGES, ids=[page for _, page in PAGES])
def test_the_diagram_links_to_the_page_of_the_class(estimator, page):
    assert f'href="{BASE}/api/{page}.html"' in estimator._repr_html_()


def test_a_pipeline_links_each_step_to_its_own_documentation():
    html = make_pipeline(StandardScaler(), MLPClassifier())._repr_html_()

    assert f'href="{BASE}/api/skrec.MLPClassifier.html"' in html
    assert "https://scikit-learn.org/1.9/modules/generated/" in html


def test_a_class_of_the_user_s_own_has_no_page_here():
    class Mine(MLPClassifier):
        pass

    assert BASE not in Mine()._repr_html_()
