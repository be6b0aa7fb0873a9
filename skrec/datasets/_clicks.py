"""Synthetic clicks that depend on a cross of two columns and on a browsing history."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils import Bunch

from skrec._sklearn import Interval, validate_params

DESCR = """\
Synthetic clicks
================
data         site_id and ad_id, whose product matters; category_id and browsed, the
             categories looked at before, of which it matters whether category_id is
             one; user_id, device and price, which do not matter.
target       1 for a click, else 0.
probability  with which the row was a click. No model can rank better on average.
cross        1 where the hidden kinds of site and advertisement agree, else -1.
interest     1 where category_id is in browsed, else -1.
"""

DEVICES = ["desktop", "phone", "tablet"]


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_sites": [Interval(Integral, 2, None, closed="left")],
        "n_ads": [Interval(Integral, 2, None, closed="left")],
        "n_categories": [Interval(Integral, 2, None, closed="left")],
        "n_browsed": [Interval(Integral, 1, None, closed="left")],
        "n_users": [Interval(Integral, 1, None, closed="left")],
        "cross": [Interval(Real, 0, None, closed="left")],
        "interest": [Interval(Real, 0, None, closed="left")],
        "random_state": [
            Interval(Integral, 0, None, closed="left"),
            np.random.Generator,
            np.random.RandomState,
            None,
        ],
    },
    prefer_skip_nested_validation=True,
)
def make_clicks(
    n_samples: int = 20_000,
    *,
    n_sites: int = 20,
    n_ads: int = 20,
    n_categories: int = 200,
    n_browsed: int = 20,
    n_users: int = 500,
    cross: float = 2.0,
    interest: float = 2.0,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> Bunch:
    r"""Make clicks in which a field cross and an interest are planted.

    The log-odds of a click are ``cross * a + interest * b``, where `a` and `b` are 1
    or -1, each with probability one half, whatever any single column says:

    - *The cross.* Half of the sites and half of the advertisements, at random, are of
      one hidden kind, the rest of another. `a` is 1 where site and advertisement are of
      the same kind. As every site is shown with both kinds of advertisements equally
      often, and the other way round, neither `site_id` nor `ad_id` tells anything
      alone. A linear model cannot use them; a product of two embeddings can.
    - *The interest.* `b` is 1 where `category_id` is one of the categories in
      `browsed`, once, at a random place, and -1 where it is none of them. The rest of
      `browsed` is drawn from the other categories. Attention with the target as query
      only has to learn that equal is equal. A mean of the history's embeddings mixes
      `n_browsed` vectors: the target's share of the dot product with it stands out
      against the others' like ``sqrt(d / n)``, for `n` random vectors of
      dimension `d`.

    Parameters
    ----------
    n_samples : int, default=20_000
        Number of rows.
    n_sites, n_ads : int, default=20
        Number of sites and of advertisements, both even.
    n_categories : int, default=200
        Number of categories.
    n_browsed : int, default=20
        Length of the histories.
    n_users : int, default=500
        Number of values of the column `user_id`, which is noise.
    cross, interest : float, default=2.0
        How much each of them moves the log-odds; 0 switches it off. With the same
        `random_state`, `data` is the same whatever they are.
    random_state : int, Generator, RandomState or None, default=None
        Source of the random numbers. Pass an int for the same clicks at each call. The
        global state of NumPy is neither read nor changed.

    Returns
    -------
    clicks : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : DataFrame of shape (n_samples, 7)
            `site_id`, `ad_id`, `category_id`, `user_id` and `device` (category),
            `browsed` (lists of ids as in `category_id`) and `price` (float).
        target : ndarray of int of shape (n_samples,)
            1 for a click, else 0; one half of the rows on average.
        probability : ndarray of shape (n_samples,)
            True probability of a click. The ROC AUC of these is the best that a model
            can reach, up to chance.
        cross, interest : ndarray of int of shape (n_samples,)
            The planted terms `a` and `b`, 1 or -1.
        DESCR : str
            Description of the columns.

    Raises
    ------
    ValueError
        If a parameter is out of range, or `n_sites` or `n_ads` is odd.

    See Also
    --------
    load_criteo : Real clicks, from files that the user has.
    make_sessions : Synthetic sessions, of which the order matters.

    References
    ----------
    .. [1] H. Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR
       Prediction", IJCAI 2017, on crosses of fields.
    .. [2] G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
       KDD 2018, on attention to a history.

    Examples
    --------
    >>> from sklearn.metrics import roc_auc_score
    >>> from skrec.datasets import make_clicks
    >>> clicks = make_clicks(1000, interest=0, random_state=0)
    >>> clicks.data.shape
    (1000, 7)
    >>> round(roc_auc_score(clicks.target, clicks.probability), 2)
    0.89
    """
    for name, value in [("n_sites", n_sites), ("n_ads", n_ads)]:
        if value % 2:
            raise ValueError(
                f"{name} must be even, or the two kinds would not be equally frequent. "
                f"Received: {name}={value}."
            )
    rng = np.random.default_rng(random_state)
    sites = rng.integers(n_sites, size=n_samples)
    ads = rng.integers(n_ads, size=n_samples)
    agree = _kinds(n_sites, rng)[sites] * _kinds(n_ads, rng)[ads]
    categories = rng.integers(n_categories, size=n_samples)
    known = rng.choice([-1, 1], size=n_samples)
    browsed = _browse(categories, known > 0, n_categories, n_browsed, rng)
    data = pd.DataFrame(
        {
            "site_id": pd.Categorical(sites),
            "ad_id": pd.Categorical(ads),
            "category_id": pd.Categorical(categories),
            "browsed": browsed.tolist(),
            "user_id": pd.Categorical(rng.integers(n_users, size=n_samples)),
            "device": pd.Categorical(rng.choice(DEVICES, size=n_samples)),
            "price": rng.lognormal(3.0, 0.5, size=n_samples).round(2),
        }
    )
    probability = expit(cross * agree + interest * known)
    return Bunch(
        data=data,
        target=(rng.random(n_samples) < probability).astype(int),
        probability=probability,
        cross=agree,
        interest=known,
        DESCR=DESCR,
    )


def _kinds(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a hidden kind for each of `n` ids: 1 for one half of them, else -1."""
    return rng.permutation(np.repeat([-1, 1], n // 2))


def _browse(
    targets: np.ndarray,
    known: np.ndarray,
    n_categories: int,
    n_browsed: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw histories of other categories than the target, and put it into some."""
    browsed = rng.integers(n_categories - 1, size=(len(targets), n_browsed))
    browsed += browsed >= targets[:, np.newaxis]
    places = rng.integers(n_browsed, size=len(targets))
    browsed[known, places[known]] = targets[known]
    return browsed
