"""What the package needs is asked for where it is used."""

import sys

import pytest

from skrec.inspection import ScoresDisplay, param_importances
from tests.fresh import run_fresh
from tests.inspection import made


def test_matplotlib_and_optuna_are_imported_where_they_are_used():
    printed = run_fresh(
        """
        import sys
        for name in ("matplotlib", "matplotlib.pyplot", "optuna"):
            sys.modules[name] = None  # as where it is not installed
        import skrec.inspection
        print(len(skrec.inspection.__all__) > 10)
        """
    )

    assert printed == "True\n"


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("matplotlib.pyplot", ScoresDisplay.from_search),
        ("optuna", param_importances),
    ],
)
def test_what_is_missing_is_named(module, call, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    params = [{"a": k, "b": k % 3} for k in range(12)]
    search = made.search(params, [[float(k)] for k in range(12)])

    with pytest.raises(ImportError, match=r"pip install .skrec-keras\[") as caught:
        call(search)
    assert module.partition(".")[0] in str(caught.value)
