"""A sparse matrix counts by its values, in whatever form it stores them."""

import numpy as np
import pytest
from scipy import sparse

from skrec import FMClassifier, MLPClassifier
from skrec.preprocessing._sparse import canonical
from skrec.training import memory_info
from tests.night import by_day

GENERATOR = np.random.default_rng(0)
DENSE = GENERATOR.normal(size=(40, 6)).astype("float32")
DENSE[GENERATOR.random(DENSE.shape) < 0.5] = 0
X, Y = sparse.csr_array(DENSE), DENSE[:, 0] > 0


def with_parts(data, indices, indptr):
    return sparse.csr_array((data, indices, indptr), shape=X.shape)


def unsorted():
    rows = [slice(*X.indptr[row : row + 2]) for row in range(X.shape[0])]
    order = np.concatenate([np.arange(r.start, r.stop)[::-1] for r in rows])
    return with_parts(X.data[order], X.indices[order], X.indptr)


def in_halves():
    return with_parts(np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2)


def with_zeros():
    n_rows, n_columns = X.shape
    columns = np.tile(np.arange(n_columns), n_rows)
    return with_parts(DENSE.ravel(), columns, np.arange(n_rows + 1) * n_columns)


def wide():
    matrix = X.copy()
    matrix.indices, matrix.indptr = (
        matrix.indices.astype(int),
        matrix.indptr.astype(int),
    )
    return matrix


FORMS = {form: X.asformat(form) for form in ("csr", "csc", "coo", "lil", "dok")}
FORMS |= {"matrix": sparse.csr_matrix(X), "unsorted": unsorted()}
FORMS |= {"halves": in_halves(), "zeros": with_zeros(), "wide": wide()}


def arrays_of(matrix):
    names = [name for name in ("data", "indices", "indptr") if hasattr(matrix, name)]
    return [getattr(matrix, name).copy() for name in names]


@pytest.mark.parametrize("kind", by_day([MLPClassifier, FMClassifier], "FMClassifier"))
def test_every_form_is_the_same_fit_with_the_same_result(kind, tmp_path, trained):
    found = kind(epochs=2, random_state=0, memory=tmp_path).fit(X, Y)
    probabilities = found.predict_proba(X)
    for name, matrix in FORMS.items():
        before = arrays_of(matrix)
        del trained[:]
        kind(epochs=2, random_state=0, memory=tmp_path).fit(matrix, Y)
        assert len(trained) == 0, name
        fresh = kind(epochs=2, random_state=0).fit(matrix, Y)
        np.testing.assert_array_equal(fresh.predict_proba(matrix), probabilities, name)
        for then, now in zip(before, arrays_of(matrix), strict=True):
            assert now.dtype == then.dtype
            assert (now == then).all()  # nothing of the caller's has changed
    for other in (X.astype("float64"), X * 2, X[:, ::-1]):
        kind(epochs=2, random_state=0, memory=tmp_path).fit(other, Y)
    assert memory_info(tmp_path).n_fits == 4


def test_what_is_canonical_is_not_copied():
    assert np.shares_memory(canonical(X).data, X.data)
    stale = X.copy()
    assert stale.has_canonical_format
    stale.indices[:2] = stale.indices[:2][::-1]  # which SciPy does not notice
    assert (canonical(stale).toarray() == stale.toarray()).all()
    assert canonical(stale).has_sorted_indices
