"""Splitters of events: what is on which side, ties, order of rows, and bad columns."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator, GridSearchCV, GroupKFold

from skrec.metrics import recommender_scorer
from skrec.model_selection import (
    LeaveLastOut,
    PerUserKFold,
    TimeSplit,
    UserGroupKFold,
)
from tests.metrics.made import FixedRecommender


def make_log(n_rows, n_users, n_times, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user": rng.integers(n_users, size=n_rows),
            "item": np.arange(n_rows),  # says which event it is
            "time": rng.integers(n_times, size=n_rows),
        }
    )


logs = st.builds(
    make_log,
    n_rows=st.integers(2, 40),
    n_users=st.integers(1, 8),
    n_times=st.integers(1, 20),
    seed=st.integers(0, 2**32),
)
LOG = make_log(60, 7, 25, 1)
SPLITTERS = [
    LeaveLastOut(),
    LeaveLastOut(time_col="time", k=2),
    TimeSplit("time", n_splits=3),
    TimeSplit("time", cuts=[8, 15]),
    PerUserKFold(3),
    PerUserKFold(3, shuffle=True, random_state=0),
    UserGroupKFold(3),
    UserGroupKFold(3, shuffle=True, random_state=0),
]


def sides(splitter, X):
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(X)]


# ---- which rows --------------------------------------------------------------------


@given(log=logs, k=st.integers(1, 3), timed=st.booleans())
def test_the_last_events_of_each_user_are_left_out(log, k, timed):
    last, n_ties = [], 0
    for user in set(log["user"]):
        own = [row for row in range(len(log)) if log["user"][row] == user]
        if timed:
            own.sort(key=lambda row: log["time"][row])  # which is stable
        if len(own) > k:
            last += own[-k:]
            n_ties += log["time"][own[-k]] == log["time"][own[-k - 1]]
    assume(last)
    splitter = LeaveLastOut("user", "time" if timed else None, k)

    ((train, test),) = sides(splitter, log)

    assert test == sorted(last)
    assert sorted(train + test) == list(range(len(log)))
    described = splitter.describe(log).loc[0]
    assert described["n_ties"] == (n_ties if timed else 0)
    assert described["n_cold_users"] == described["n_rows_left_out"] == 0
    few = (log["user"].value_counts() <= k).sum()
    assert described["n_users_left_out"] == few


@given(log=logs, n_splits=st.integers(1, 4))
def test_the_future_is_left_out(log, n_splits):
    splitter = TimeSplit("time", n_splits)
    times = log["time"].to_numpy()
    size = len(log) // (n_splits + 1)
    cuts = np.sort(times)[len(log) - size * n_splits :: size] if size else []
    assume(len(cuts) and len(set(cuts)) == n_splits and cuts[0] > times.min())

    found = sides(splitter, log)

    for (train, test), cut, end in zip(found, cuts, [*cuts[1:], np.inf], strict=True):
        assert train == np.flatnonzero(times < cut).tolist()
        assert test == np.flatnonzero((times >= cut) & (times < end)).tolist()
    described = splitter.describe(log)
    assert described["n_rows_left_out"].tolist() == [
        len(log) - len(train) - len(test) for train, test in found
    ]
    assert described["n_ties"].tolist() == [(times == cut).sum() for cut in cuts]


@given(log=logs, n_splits=st.integers(2, 5), shuffle=st.booleans())
def test_each_user_is_divided_over_the_folds(log, n_splits, shuffle):
    counts = log["user"].map(log["user"].value_counts())
    assume((counts > 1).sum() >= n_splits)
    seed = 0 if shuffle else None
    splitter = PerUserKFold(n_splits, "user", shuffle, seed)

    found = sides(splitter, log)

    tested = sorted(row for _, test in found for row in test)
    assert tested == np.flatnonzero(counts > 1).tolist()
    sizes = [len(test) for _, test in found]
    assert max(sizes) - min(sizes) <= 1
    per_user = [log["user"].iloc[test].value_counts() for _, test in found]
    table = pd.concat(per_user, axis=1).fillna(0)
    assert (table.max(axis=1) - table.min(axis=1)).max() <= 1
    assert (splitter.describe(log)["n_cold_users"] == 0).all()
    assert found == sides(splitter, log)


def test_folds_are_drawn_by_the_seed():
    drawn = [
        sides(PerUserKFold(3, shuffle=True, random_state=seed), LOG) for seed in (0, 1)
    ]

    assert drawn[0] != drawn[1]
    assert sides(PerUserKFold(3), LOG) not in drawn


@pytest.mark.parametrize("shuffle", [False, True])
def test_users_are_divided_as_groups_are(shuffle):
    seed = 0 if shuffle else None
    splitter = UserGroupKFold(3, "user", shuffle, seed)
    folds = GroupKFold(3, shuffle=shuffle, random_state=seed)

    assert sides(splitter, LOG) == [
        (train.tolist(), test.tolist())
        for train, test in folds.split(LOG, groups=LOG["user"])
    ]
    described = splitter.describe(LOG)
    assert (described["n_cold_users"] == described["n_test_users"]).all()


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_no_row_is_on_both_sides(splitter):
    found = sides(splitter, LOG)

    assert len(found) == splitter.get_n_splits(LOG)
    described = splitter.describe(LOG)
    for (train, test), (_, row) in zip(found, described.iterrows(), strict=True):
        assert not set(train) & set(test)
        users = [set(LOG["user"].iloc[side]) for side in (train, test)]
        assert row.tolist()[:7] == [
            len(train),
            len(test),
            *map(len, users),
            len(users[1] - users[0]),
            LOG["user"].nunique() - len(users[1]),
            len(LOG) - len(train) - len(test),
        ]


# ---- order, kinds of tables, dates --------------------------------------------------


@pytest.mark.parametrize("splitter", SPLITTERS[1:4] + SPLITTERS[6:], ids=repr)
def test_the_order_of_rows_does_not_matter(splitter):
    log = LOG.drop_duplicates(["user", "time"]).reset_index(drop=True)
    mixed = log.sample(frac=1, random_state=0)

    expected = [tuple(map(set, split)) for split in sides(splitter, log)]
    found = [
        tuple(set(mixed["item"].iloc[side]) for side in split)
        for split in sides(splitter, mixed)
    ]
    items = [
        tuple({log["item"][row] for row in side} for side in split)
        for split in expected
    ]
    assert found == items


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_tables_of_any_kind(splitter):
    expected = sides(splitter, LOG)

    strings = LOG.assign(user=LOG["user"].astype(str))
    for X in (
        pl.from_pandas(LOG),
        strings,
        strings.astype({"user": "category"}),
        LOG.assign(time=pd.to_timedelta(LOG["time"], unit="D"))
        if getattr(splitter, "cuts", None) is None
        else LOG.astype({"time": float}),
    ):
        assert sides(splitter, X) == expected
    by_position = clone(splitter, safe=False)
    if by_position.time_col is not None:
        by_position.time_col = 2
    assert sides(by_position, LOG.to_numpy()) == expected
    assert sides(by_position, LOG.astype(object).to_numpy()) == expected
    moved = LOG[["time", "user", "item"]]
    if splitter.time_col is not None:
        assert sides(splitter, moved) == expected


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_times_may_be_dates(zone, unit):
    start = pd.Timestamp("2025-03-01", tz=zone)
    dates = (start + pd.to_timedelta(LOG["time"], unit="D")).astype(
        f"datetime64[{unit}]" if zone is None else f"datetime64[{unit}, {zone}]"
    )
    log = LOG.assign(time=dates)
    cuts = [start + pd.Timedelta(days=days) for days in (8, 15)]

    for one, other in (
        (LeaveLastOut(time_col="time"), LeaveLastOut(time_col="time")),
        (TimeSplit("time"), TimeSplit("time")),
        (TimeSplit("time", cuts=[8, 15]), TimeSplit("time", cuts=cuts)),
        (
            TimeSplit("time", cuts=[8, 15]),
            TimeSplit("time", cuts=[str(cut) for cut in cuts]),
        ),
        (TimeSplit("time", cuts=8), TimeSplit("time", cuts=cuts[0])),
    ):
        assert sides(other, log) == sides(one, LOG)
        assert sides(other, log.astype({"time": object})) == sides(one, LOG)


def test_ties_keep_the_order_of_rows():
    log = pd.DataFrame({"user": 0, "item": range(40), "time": 1})

    ((_, test),) = sides(LeaveLastOut(time_col="time"), log)

    assert test == [39]
    assert LeaveLastOut(time_col="time").describe(log)["n_ties"].tolist() == [1]


# ---- as scikit-learn's --------------------------------------------------------------


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_scikit_learn_takes_them(splitter):
    log = LOG.assign(item=LOG["item"] % 10)
    scorer = recommender_scorer(["ndcg@10", "recall@5"])
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            FixedRecommender(),
            {"strength": [-1.0, 1.0]},
            cv=splitter,
            scoring=scorer,
            refit="ndcg@10",
            error_score="raise",
        ).fit(log)

    assert search.n_splits_ == splitter.get_n_splits()
    assert isinstance(splitter, BaseCrossValidator)
    assert splitter.get_metadata_routing().split.requests == {}
    again = pickle.loads(pickle.dumps(splitter))
    assert sides(again, LOG) == sides(clone(splitter, safe=False), LOG)


def test_they_say_what_they_are():
    assert repr(LeaveLastOut(time_col="t")) == (
        "LeaveLastOut(k=1, time_col='t', user_col=None)"
    )
    assert repr(TimeSplit("t", cuts=3)) == (
        "TimeSplit(cuts=3, n_splits=5, time_col='t', user_col=None)"
    )
    assert repr(PerUserKFold(3)) == (
        "PerUserKFold(n_splits=3, random_state=None, shuffle=False, user_col=None)"
    )


def test_groups_are_not_used():
    with pytest.warns(UserWarning, match="ignored by LeaveLastOut"):
        next(LeaveLastOut().split(LOG, groups=LOG["user"]))


# ---- bad input ----------------------------------------------------------------------

DATES = LOG.assign(time=pd.Timestamp("2025-01-01") + pd.to_timedelta(LOG["time"], "D"))
BERLIN = DATES.assign(time=DATES["time"].dt.tz_localize("Europe/Berlin"))
LAST = LeaveLastOut(time_col="time")
NOT_TIMES = "'time' must hold times, as numbers or dates"


@pytest.mark.parametrize(
    ("splitter", "X", "message"),
    [
        (LeaveLastOut("customer"), LOG, "user_col must name columns.*no column 'cust"),
        (LAST, LOG[["user", "item"]], "time_col must name columns.*no column 'time'"),
        (LeaveLastOut(time_col="time"), LOG.to_numpy(), "no column 'time'"),
        (LeaveLastOut(user_col=7), LOG, "no column 7"),
        (LeaveLastOut("time", "time"), LOG, "must be different columns"),
        (LAST, LOG[["time"]], "must be different columns"),
        (
            LAST,
            LOG.astype({"time": float}).replace({"time": {3: np.nan}}),
            "no time in",
        ),
        (LAST, DATES.assign(time=DATES["time"].where(LOG.index != 4)), "time in row 4"),
        (LAST, LOG.astype({"time": str}), NOT_TIMES),
        (LAST, LOG.astype({"time": object}).replace({"time": {3: "x"}}), NOT_TIMES),
        (LAST, LOG.assign(user=LOG["user"].where(LOG.index != 5)), "no id in row 5"),
        (LAST, LOG.astype({"user": object}).replace({"user": {3: "x"}}), "of one type"),
        (LAST, LOG.iloc[:0], r"0 sample\(s\)"),
        (LeaveLastOut(k=60), LOG, "no user has more than k=60 events"),
        (TimeSplit("time", 60), LOG, "n_splits=60 needs 61 rows"),
        (TimeSplit("time", 40), LOG.assign(time=1), "no events to fit on before cut 0"),
        (TimeSplit("time", 20), LOG, "lower n_splits.*different times in 60 rows"),
        (TimeSplit("time", cuts=0), LOG, "no events to fit on before cut 0 of 1"),
        (
            TimeSplit("time", cuts=[8, 99]),
            LOG,
            "score on after cut 1 of 2: change cuts",
        ),
        (TimeSplit("time", cuts=[8, 8]), LOG, "do not ascend"),
        (TimeSplit("time", cuts=[9, 8]), LOG, "do not ascend"),
        (TimeSplit("time", cuts=[]), LOG, "an empty list"),
        (TimeSplit("time", cuts="soon"), LOG, "cuts must be numbers or dates.*'soon'"),
        (
            TimeSplit("time", cuts="soon"),
            DATES,
            "cuts must be numbers or dates.*'soon'",
        ),
        (TimeSplit("time", cuts=8), DATES, "another kind"),
        (TimeSplit("time", cuts="2025-01-09"), BERLIN, "has a time zone"),
        (TimeSplit("time", cuts=np.nan), LOG, "cuts must be numbers"),
        (PerUserKFold(61), LOG, "n_splits=61 needs so many events"),
        (PerUserKFold(2), LOG.assign(user=range(60)), "more than one. Received: 0"),
        (UserGroupKFold(8), LOG, "n_splits=8 needs so many users at least.*7"),
    ],
)
def test_bad_tables_are_named(splitter, X, message):
    with pytest.raises(ValueError, match=message):
        next(splitter.split(X))
    with pytest.raises(ValueError, match=message):
        splitter.describe(X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeaveLastOut(k=0), "'k' parameter of LeaveLastOut"),
        (lambda: LeaveLastOut(user_col=1.5), "'user_col' parameter"),
        (lambda: TimeSplit(None), "'time_col' parameter"),
        (lambda: TimeSplit("t", 0), "'n_splits' parameter"),
        (lambda: PerUserKFold(1), "'n_splits' parameter"),
        (lambda: UserGroupKFold(shuffle="yes"), "'shuffle' parameter"),
        (lambda: PerUserKFold(random_state=0), "no effect without shuffle=True"),
    ],
)
def test_bad_parameters_are_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
