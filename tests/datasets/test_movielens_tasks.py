"""fetch_movielens with a task: typed columns, known facts, and the click protocol."""

import pandas as pd
import pytest

from skrec.datasets import fetch_movielens


@pytest.fixture(scope="module")
def movielens():
    return fetch_movielens()


@pytest.mark.parametrize("task", ["rating", "click"])
def test_table_of_a_task_says_which_field_each_column_is(task):
    data = fetch_movielens(task=task).data

    ids = ["user_id", "item_id", "gender", "occupation"]
    assert data.columns.tolist() == [*ids, "age", "year", "genres"]
    assert all(isinstance(data[name].dtype, pd.CategoricalDtype) for name in ids)
    assert (data[["age", "year"]].dtypes == "float64").all()
    assert data["genres"].map(type).eq(list).all()
    assert not data.drop(columns="year").isna().any(axis=None)


def test_rating_task_holds_what_the_files_say(movielens):
    rating = fetch_movielens(task="rating")
    data = rating.data

    assert data.shape == (100_000, 7)
    assert rating.target.dtype == float
    assert rating.target.tolist() == movielens.target.tolist()
    for name in ["user_id", "item_id", "gender", "occupation", "age"]:
        assert data[name].tolist() == movielens.data[name].tolist()
    years = movielens.data["year"]
    assert data["year"].fillna(0).tolist() == years.fillna(0).tolist()
    assert data["year"].isna().sum() == (data["item_id"] == 267).sum() == 9
    flags = movielens.data[movielens.genres]
    counts = data["genres"].explode().value_counts()
    assert counts.to_dict() == flags.sum()[counts.index].to_dict()
    assert data["genres"].iloc[0] == flags.columns[flags.iloc[0] == 1].tolist()
    pd.testing.assert_frame_equal(rating.ratings, movielens.ratings)


def test_click_task_drops_threes_and_keeps_the_order(movielens):
    click = fetch_movielens(task="click")
    ratings = movielens.ratings.loc[click.data.index]

    assert click.data.shape == (72_855, 7)
    assert click.target.value_counts().to_dict() == {1: 34174 + 21201, 0: 6110 + 11370}
    assert click.target.name == "click"
    assert (ratings["rating"] != 3).all()
    assert ((ratings["rating"] >= 4) == click.target).all()
    assert (ratings["user_id"] == click.data["user_id"].astype(int)).all()
    assert click.data.index.is_monotonic_increasing
    assert click.target.index.equals(click.data.index)


def test_other_tasks_are_refused():
    with pytest.raises(ValueError, match="'task' parameter of fetch_movielens"):
        fetch_movielens(task="next")
