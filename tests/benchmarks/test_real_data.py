"""benchmarks/quality_ctr.py on data that no package has: accuracies that are known."""

import pytest
from _quality import baselines, data, evaluation

pytestmark = pytest.mark.real_data

# Of copying the last choice, of prices, and of prices and the household.
KNOWN = {"yogurt": [440 / 519, 0.480, 0.784], "catsup": [363 / 674, 0.614, 0.718]}


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("name", KNOWN)
def test_baselines_have_the_accuracies_that_are_known(name):
    task = data.scanner_choice(name, 1, seed=0, tiny=True)
    found = [
        evaluation.tune_and_judge(
            task.folds[0], 0, task=task, model=model, n_candidates=1, n_jobs=1
        )["accuracy"]
        for model in baselines.choice_models(task)[:3]
    ]
    assert found == pytest.approx(KNOWN[name], abs=0.002)


def test_clicks_of_the_sample_are_all_judged():
    task = data.criteo_clicks(data.criteo_folder(None), 1, seed=0, tiny=False)
    assert len(task.folds) == 5
    assert sorted(row for fold in task.folds for row in fold.test) == list(range(8000))
