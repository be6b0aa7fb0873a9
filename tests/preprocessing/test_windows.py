"""make_windows: against a slow reference, with no leak, and its error messages."""

import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skrec import DINClassifier
from skrec.preprocessing import make_windows

FEATURES = ["price", "seen"]
COLUMNS = {"features": FEATURES, "target": "label"}
TEXT = pd.Series(["a"]).dtype  # "str", and "object" before pandas 3


def make_log(n_events, n_users, n_times, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user_id": rng.integers(n_users, size=n_events),
            "timestamp": rng.integers(n_times, size=n_events),
            "price": rng.normal(size=n_events),
            "seen": rng.random(n_events) < 0.5,
            "label": np.arange(n_events),  # so that y says which event it is
        }
    )


logs = st.builds(
    make_log,
    n_events=st.integers(2, 40),
    n_users=st.integers(1, 6),
    n_times=st.integers(1, 20),
    seed=st.integers(0, 2**32),
)
params = st.fixed_dictionaries(
    {
        "n_steps": st.integers(1, 6),
        "min_history": st.integers(1, 4),
        "stride": st.integers(1, 4),
    }
)


def make_windows_slowly(events, n_steps, min_history, stride):
    """Do one event after the other, as one would with pencil and paper."""
    X, y, groups = [], [], []
    for user in sorted(set(events["user_id"])):
        own = [event for event in events.to_dict("records") if event["user_id"] == user]
        own.sort(key=lambda event: event["timestamp"])
        for i in range(min_history, len(own), stride):
            earlier = [[event[name] for name in FEATURES] for event in own[:i]]
            padding = [[0.0] * len(FEATURES)] * n_steps
            X.append((padding + earlier)[-n_steps:])
            y.append(own[i]["label"])
            groups.append(user)
    return X, y, groups


@given(logs, params)
def test_same_as_the_slow_reference(events, params):
    expected, expected_y, expected_groups = make_windows_slowly(events, **params)
    assume(expected)
    before = events.copy()

    X, y, groups = make_windows(events, **COLUMNS, **params)

    assert X.shape == (len(expected), params["n_steps"], 2)
    assert X.dtype == np.float64
    np.testing.assert_array_equal(X, expected)
    assert y.tolist() == expected_y
    assert groups.tolist() == expected_groups
    pd.testing.assert_frame_equal(events, before)


@given(logs, params, st.data())
def test_an_event_changes_only_windows_of_later_events(events, params, data):
    assume(events["user_id"].value_counts().max() > params["min_history"])
    changed = data.draw(st.integers(0, len(events) - 1))
    altered = events.copy()
    altered.loc[changed, ["price", "seen"]] = [1e6, not events.loc[changed, "seen"]]

    X, y, groups = make_windows(events, **COLUMNS, **params)
    new_X, new_y, new_groups = make_windows(altered, **COLUMNS, **params)

    assert (y == new_y).all() and (groups == new_groups).all()
    # y is the row of the event, and rows of equal time keep their order.
    user, time = events.loc[changed, ["user_id", "timestamp"]]
    later = (events["timestamp"] > time) | (
        (events["timestamp"] == time) & (events.index > changed)
    )
    may_change = (later & (events["user_id"] == user)).to_numpy()[y]
    differs = (new_X != X).any(axis=(1, 2))
    assert not differs[~may_change].any()
    # The window of the very next event has it as its last step.
    assert (new_X[differs] == 1e6).any(axis=(1, 2)).all()
    if params["min_history"] == params["stride"] == 1 and may_change.any():
        first = np.flatnonzero(may_change)[0]
        assert new_X[first, -1, 0] == 1e6


@given(st.permutations(range(30)))
def test_order_of_rows_does_not_matter_without_ties(order):
    events = make_log(n_events=30, n_users=3, n_times=1, seed=0)
    events["timestamp"] = np.random.default_rng(1).permutation(30)

    expected = make_windows(events, **COLUMNS)
    shuffled = make_windows(events.iloc[order], **COLUMNS)

    for one, other in zip(expected, shuffled, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ties_keep_the_order_of_the_table():
    # Above 16 rows, a sort that is not stable would mix them up.
    events = make_log(n_events=200, n_users=1, n_times=1, seed=0)

    X, y, _ = make_windows(events, **COLUMNS, n_steps=1)

    assert y.tolist() == list(range(1, 200))
    np.testing.assert_array_equal(X[:, 0, 0], events["price"].iloc[:-1])


def test_stride_and_min_history_by_hand():
    events = make_log(n_events=8, n_users=1, n_times=1, seed=0)

    X, y, _ = make_windows(events, **COLUMNS, n_steps=4, min_history=2, stride=3)

    assert y.tolist() == [2, 5]
    price = events["price"].tolist()
    assert X[:, :, 0].tolist() == [[0, 0, price[0], price[1]], price[1:5]]


def test_target_may_be_a_feature_and_text_a_user():
    events = pd.DataFrame(
        {
            "who": ["b", "a", "b", "a"],
            "when": pd.to_datetime(
                ["2020-01-02", "2020-01-01", "2020-01-01", "2020-01-03"], utc=True
            ),
            "rating": [1, 2, 3, 4],
        }
    )
    X, y, groups = make_windows(
        events, features=["rating"], target="rating", user="who", time="when", n_steps=2
    )
    assert X[:, :, 0].tolist() == [[0, 2], [0, 3]]
    assert y.tolist() == [4, 1]
    assert groups.tolist() == ["a", "b"]


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "float32", "Float32", "uint8"])
def test_dtypes_of_features(dtype):
    events = make_log(n_events=9, n_users=2, n_times=9, seed=0)
    as_dtype = events.assign(price=events["seen"].astype(dtype))

    X, _, _ = make_windows(as_dtype, **COLUMNS)

    assert X.dtype == np.float64
    np.testing.assert_array_equal(X[:, :, 0], X[:, :, 1])
    assert X.any()


SMALL = make_log(n_events=8, n_users=2, n_times=8, seed=0)


def with_value(column, rows, value):
    events = SMALL.astype({column: float})
    events.loc[rows, column] = value
    return events


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (with_value("price", [2, 5], np.nan), r"'price' .* 2 of 8 rows.* 2, 5\.$"),
        (with_value("price", 3, np.inf), r"'price' has missing or infinite .* 3\.$"),
        (with_value("user_id", 3, np.nan), r"'user_id' has missing values.* 3\.$"),
        (with_value("timestamp", 4, np.nan), r"'timestamp' has missing .* 4\.$"),
        (with_value("label", range(7), np.nan), r"'label' .* 0, 1, 2, 3, 4, \.\.\.\.$"),
        (
            SMALL.assign(timestamp=pd.to_datetime(["2020", None] * 4)),
            r"'timestamp' has missing values.* 4 of 8 rows, by position 1, 3, 5, 7\.$",
        ),
        (
            SMALL.assign(timestamp=list("10987654")),
            rf"'timestamp' must hold numbers or dates.*to_datetime.* dtype {TEXT}\.$",
        ),
        (
            SMALL.assign(price=list("abcdefgh")),
            rf"encode \['price'\].* Received: dtypes {{'price': '{TEXT}'}}\.$",
        ),
        (
            SMALL.drop(columns=["price", "timestamp"]),
            r"lacks the columns \['price', 'timestamp'\].*: columns \['user_id', 'seen",
        ),
        (
            pd.concat([SMALL] * 2, axis=1),
            r"rename \['price', 'seen', 'label', 'user_id', 'timestamp'\]",
        ),
        (SMALL.iloc[:0], r"Received: 0 users; no events\.$"),
    ],
)
def test_bad_events(events, message):
    with pytest.raises(ValueError, match=message):
        make_windows(events, **COLUMNS)


def test_users_with_too_few_events_are_named():
    events = pd.DataFrame(
        {"user_id": list("abbbcc"), "timestamp": 1, "price": 1.0, "label": 1}
    )
    with pytest.raises(ValueError, match="min_history=3") as raised:
        make_windows(events, features=["price"], target="label", min_history=3)

    assert str(raised.value).endswith(
        "Received: 3 users; user 'b' has 3, user 'c' has 2, user 'a' has 1."
    )
    groups = make_windows(events, features=["price"], target="label", min_history=2)[2]
    assert groups.tolist() == ["b"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"features": "price"}, r"'features' .* Got 'price'"),
        ({"features": []}, r"at least one column. Received: \[\]"),
        ({"target": ["label"]}, r"'target' .* Got \['label'\]"),
        ({"n_steps": 0}, r"'n_steps' .* Got 0"),
        ({"min_history": 0}, r"'min_history' .* Got 0"),
        ({"stride": 0}, r"'stride' .* Got 0"),
    ],
)
def test_bad_parameters(params, message):
    events = make_log(n_events=8, n_users=1, n_times=8, seed=0)
    with pytest.raises(ValueError, match=message):
        make_windows(events, **COLUMNS | params)


# ---- tables with histories of ids --------------------------------------------------


def with_items(events, seed=0):
    names = np.array(["tea", "milk", "rye", "jam"])
    items = names[np.random.default_rng(seed).integers(4, size=len(events))]
    return events.assign(item=items)


HISTORY = {"history_features": ["item"], "context_features": ["item"]}


@given(logs, params)
def test_histories_are_the_same_as_the_slow_reference(events, params):
    expected, expected_y, expected_groups = make_windows_slowly(events, **params)
    assume(expected)
    # The row of an event is an id like any other, and says which events these are.
    events = events.assign(row=range(len(events)))
    X, y, groups = make_windows(
        events, target="label", history_features=["row"], features=FEATURES, **params
    )
    assert y.tolist() == expected_y
    assert groups.tolist() == expected_groups == X["user_id"].tolist()
    np.testing.assert_array_equal(np.stack(X["window"]), expected)
    for window, history in zip(expected, X["row_history"], strict=True):
        seen = events.loc[history, FEATURES].astype(float).to_numpy()
        assert (np.array(window)[params["n_steps"] - len(history) :] == seen).all()
        assert 0 < len(history) <= params["n_steps"]


@pytest.mark.parametrize(
    "ids",
    [
        [2**60, 2**60 + 1, 2**60 + 2, 2**60],
        pd.array([2**60, 2**60 + 1, 2**60 + 2, 2**60], dtype="Int64"),
        ["b", "a", "c", "b"],
        pd.Categorical(["b", "a", "c", "b"]),
        [Decimal("0.1"), Decimal("0.10000000000000000001"), Decimal(3), Decimal("0.1")],
        [uuid.UUID(int=2), uuid.UUID(int=1), uuid.UUID(int=3), uuid.UUID(int=2)],
        ["1", 1, 2, "1"],  # without an order
        [(1, 2), (1, 3), (2, 1), (1, 2)],
    ],
)
def test_ids_of_any_type(ids):
    events = pd.DataFrame(
        {"user": ids * 2 if isinstance(ids, list) else pd.concat([pd.Series(ids)] * 2)}
    ).reset_index(drop=True)
    events = events.assign(item=events["user"], at=range(8), bought=range(8))
    X, y, groups = make_windows(
        events, user="user", time="at", target="bought", history_features=["item"]
    )
    ids = list(ids)
    by_user = dict(zip(y.tolist(), X["item_history"], strict=True))
    assert by_user == {
        3: [ids[0]],
        4: [ids[0]] * 2,
        5: [ids[1]],
        6: [ids[2]],
        7: [ids[0]] * 3,
    }
    assert all(
        own == lists[0] for own, lists in zip(groups, by_user.values(), strict=True)
    )


def test_the_next_item_among_the_most_popular():
    events = pd.DataFrame(
        {
            "user_id": ["a"] * 4 + ["b"] * 3,
            "timestamp": [*range(4), *range(3)],
            "item": ["tea", "jam", "milk", "tea", "milk", "tea", "milk"],
        }
    )
    X, y, groups = make_windows(
        events, history_features=["item"], target="item", n_popular=2
    )
    # Jam is no target, but it is in the histories.
    assert y.tolist() == ["milk", "tea", "tea", "milk"]
    assert groups.tolist() == ["a", "a", "b", "b"]
    assert X["item_history"].tolist() == [
        ["tea", "jam"],
        ["tea", "jam", "milk"],
        ["milk"],
        ["milk", "tea"],
    ]
    # Tea and milk are equally frequent: of these, the first in order is taken.
    _, first, _ = make_windows(
        events.iloc[::-1], history_features=["item"], target="item", n_popular=1
    )
    assert set(first) == {"milk"}


# By day, test_docs.py does so in event-logs.
@pytest.mark.nightly
def test_a_table_of_histories_is_what_din_takes():
    rng = np.random.default_rng(0)
    events = pd.DataFrame(
        {
            "user_id": rng.integers(60, size=1200),
            "timestamp": rng.permutation(1200),
            "item": rng.choice([f"i{k}" for k in range(8)], 1200),
        }
    )
    before = events.sort_values("timestamp").groupby("user_id")["item"]
    # Whether an item is clicked: whether it is the one that was shown before.
    events["clicked"] = events["item"].eq(before.shift(1)).astype(int)
    X, y, _ = make_windows(events, target="clicked", n_steps=5, **HISTORY)
    assert X.columns.tolist() == ["user_id", "item", "item_history"]
    assert (
        y == [row[0] == row[1][-1] for row in X[["item", "item_history"]].values]
    ).all()
    X = X.drop(columns="user_id")
    din = DINClassifier(
        units="8", attention_units="8", epochs=1, random_state=0,
        shared_embeddings=[("item", "item_history")],
    ).fit(X, y)  # fmt: skip
    assert din.encoder_.columns_["item_history"].kind == "sequence"
    assert din.predict_proba(X).shape == (len(y), 2)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"context_features": ["item"], "features": ["price"]},
            "history_features make",
        ),
        ({"history_features": ["what"]}, r"lacks the columns \['what'\]"),
        ({**HISTORY, "n_popular": 0}, r"'n_popular' .* Got 0"),
        (
            {"history_features": ["item"], "context_features": ["item_history"]},
            r"two columns of the same name.* \['item_history'\]",
        ),
        ({"history_features": ["gone"]}, r"'gone' has missing values.* position 3\.$"),
    ],
)
def test_bad_parameters_of_histories(params, message):
    events = with_items(make_log(n_events=8, n_users=1, n_times=8, seed=0))
    events["item_history"] = events["gone"] = events["item"]
    events.loc[3, "gone"] = None
    with pytest.raises(ValueError, match=message):
        make_windows(events, target="label", **params)


def test_a_target_that_is_never_popular_says_so():
    events = with_items(make_log(n_events=8, n_users=1, n_times=8, seed=0))
    events["kind"] = ["often"] * 2 + [f"once {k}" for k in range(6)]
    events["timestamp"] = range(8)
    with pytest.raises(ValueError, match=r"raise n_popular\. Received: n_popular=1"):
        make_windows(
            events, target="kind", history_features=["item"], min_history=2, n_popular=1
        )
