"""Settings that every test needs, made before SciPy or Matplotlib is imported."""

import os
import sys

import pytest
from hypothesis import settings

# SciPy reads the variable once, at import. Without it, scikit-learn's common checks
# leave out what they would do with array-API input.
if "scipy" in sys.modules and os.environ.get("SCIPY_ARRAY_API") != "1":
    raise pytest.UsageError(
        "SciPy was imported before tests/conftest.py could set SCIPY_ARRAY_API=1, "
        "most likely by a pytest plug-in. Set it in the shell: "
        "SCIPY_ARRAY_API=1 python -m pytest. "
        f"Received: SCIPY_ARRAY_API={os.environ.get('SCIPY_ARRAY_API')!r}."
    )
# In the environment, not in this process alone: parallel workers inherit them.
os.environ["SCIPY_ARRAY_API"] = "1"
os.environ["MPLBACKEND"] = "Agg"

# The same examples on every run, and no time limit: a busy machine would break it.
settings.register_profile("night", deadline=None, derandomize=True)
settings.register_profile("day", settings.get_profile("night"), max_examples=30)


def pytest_configure(config):
    """Try fewer examples of randomised tests where nightly tests are left out."""
    by_day = "not nightly" in config.option.markexpr
    settings.load_profile("day" if by_day else "night")


@pytest.fixture(scope="module")
def made_data(tmp_path_factory):
    """Let the loaders find made-up files in the formats of the published ones.

    They have a cache of their own, for files of other digests are taken for damaged and
    removed from the cache. Returned is the mirror that the files lie in.
    """
    from skrec.datasets import _movielens, _rdatasets, _scanner, _sequences
    from tests.datasets import made

    mirror = tmp_path_factory.mktemp("mirror")
    made.write_criteo(mirror / "criteo-8k")
    movielens = made.write_movielens(mirror / "movielens-100k")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKREC_DATA_MIRROR", str(mirror))
        patch.setenv("SKREC_DATA", str(tmp_path_factory.mktemp("home")))
        patch.setattr(_movielens, "OFFICIAL", movielens)
        for name in made.BRANDS:
            digests = made.write_panel(mirror / "ecdat-scanner", name)
            patch.setitem(_scanner.PANELS, name, digests)
        for name, published in _sequences.PUBLISHED.items():
            digests = made.write_sequences(mirror / name, *published)
            patch.setitem(_sequences.PUBLISHED, name, digests)
        for name, source in _rdatasets.TABLES.items():
            is_number = name not in made.CLASSES
            digests = made.write_table(
                mirror / "tables", name, source.target, is_number
            )
            made_up = source._replace(sha256=digests[f"{name}.csv"])
            patch.setitem(_rdatasets.TABLES, name, made_up)
        yield mirror


@pytest.fixture
def no_retracing(caplog):
    """Fail the test if TensorFlow warns that it traces a function again and again.

    TensorFlow logs it instead of calling `warnings.warn`, so no filter of pytest's can
    see it. Only for tests that ask: plain Keras models are traced on every fit, and
    TensorFlow counts them for the whole process.
    """
    yield
    warned = [
        record.getMessage()
        for record in caplog.get_records("call")
        if "triggered tf.function retracing" in record.getMessage()
    ]
    assert not warned, warned


@pytest.fixture
def trained(monkeypatch):
    """Count the epochs that are trained in this process, as the length of a list."""
    from skrec.training.program import Program

    epochs = []
    train_epoch = Program.train_epoch

    def counted(program, *args, **kwargs):
        epochs.append(program)
        return train_epoch(program, *args, **kwargs)

    monkeypatch.setattr(Program, "train_epoch", counted)
    return epochs
