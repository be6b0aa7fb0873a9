"""Journal files: what is none is left alone, and what a death leaves is mended."""

import errno
import os
import pickle
import sqlite3
import time

import optuna
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skrec.model_selection import MedianPruning, OptunaSearchCV
from skrec.model_selection import _journal as journals
from skrec.model_selection._optuna import open_storage

X, Y = load_iris(return_X_y=True)


def search(path, **kwargs):
    space = {"C": (0.1, 1.0)}
    model = LogisticRegression(max_iter=500)
    kwargs = {"n_trials": 2, "random_state": 0, "cv": 2, **kwargs}
    return OptunaSearchCV(model, space, storage=path, **kwargs).fit(X, Y)


def prune(path):
    grid = {"C": [0.1, 1.0]}
    model = GridSearchCV(LogisticRegression(max_iter=500), grid, cv=2)
    return model.set_callbacks(MedianPruning(path)).fit(X, Y)


USERS = [(search, "storage must be"), (prune, "path of MedianPruning must be")]


def write_sqlite(path):
    with sqlite3.connect(path) as database:
        database.execute("create table t (a)")
    database.close()


CONTENTS = {
    "results.csv": b"id,score\n1,0.93\n2,0.97",
    "notes.txt": b"one line without an end",
    "model.pkl": pickle.dumps({"a": 1}),
    "zeros.bin": bytes(300),
    "blank.txt": b"\n",
    "log.jsonl": b'{"op_code": 4, "worker_id": 1}\n{"op_code": 4',
    "last.jsonl": b'{"op_code":0,"worker_id":"a","task":"copy"}',
    "data.json": b"[1, 2,\n 3]",
}


@pytest.mark.parametrize(("use", "message"), USERS)
@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_no_journal_is_refused_unchanged(tmp_path, name, use, message):
    path = tmp_path / name
    path.write_bytes(CONTENTS[name])
    os.utime(path, (1, 1))
    with pytest.raises(ValueError, match=message + r".* which is a \w+ file that"):
        use(path)
    assert path.read_bytes() == CONTENTS[name]
    assert path.stat().st_mtime == 1
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(("use", "message"), USERS)
def test_a_database_is_named_by_its_url(tmp_path, use, message):
    path = tmp_path / "study.db"
    write_sqlite(path)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=f"{message}.*storage='sqlite:///{path}'"):
        use(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("use", "message"), USERS)
def test_what_is_no_file_is_refused(tmp_path, use, message):
    os.mkfifo(tmp_path / "pipe")
    for path, found in [
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "a named pipe"),
        (tmp_path / "none" / "a.journal", "in no folder: make"),
    ]:
        with pytest.raises(ValueError, match=f"{message}.* which is {found}"):
            use(path)


def test_an_empty_file_becomes_a_journal(tmp_path):
    path = tmp_path / "a.journal"
    path.touch()
    search(path)
    assert path.read_text().startswith('{"op_code":0')


def test_a_file_named_like_the_lock_is_left_alone(tmp_path):
    (tmp_path / "poetry.lock").write_text("of somebody else")
    for use, _ in USERS:
        with pytest.raises(ValueError, match=r"in the way is '.*poetry\.lock'"):
            use(tmp_path / "poetry")
    assert (tmp_path / "poetry.lock").read_text() == "of somebody else"


def test_a_damaged_journal_is_named_and_left(tmp_path):
    path = tmp_path / "a.journal"
    search(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"op_code":2,"wor', *lines[2:], b"{"]))
    content = path.read_bytes()
    for use, _ in USERS:
        with pytest.raises(ValueError, match=r"damaged.* whose line 3 is no record"):
            use(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("n_bytes", [1, 30, 100])
def test_a_torn_line_is_cut_off_and_a_whole_one_kept(tmp_path, n_bytes):
    path = tmp_path / "a.journal"
    search(path)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    path.write_bytes(content[:-n_bytes])
    open_storage(path)
    kept = content if n_bytes == 1 else b"".join(lines[:-1])
    assert path.read_bytes() == kept


def test_the_first_line_may_be_torn(tmp_path):
    path = tmp_path / "a.journal"
    path.write_bytes(b'{"op_code":0,"worker_id":"53a')
    assert len(search(path).cv_results_["params"]) == 2


def test_a_line_torn_by_another_process_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "a.journal"
    study = optuna.create_study(storage=open_storage(path), study_name="a")
    with path.open("a") as file:
        file.write('{"op_code":2,"worker')
    study.set_user_attr("b", 1)
    again = optuna.load_study(study_name="a", storage=open_storage(path))
    assert again.user_attrs == {"b": 1}


def test_a_record_is_written_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.journal"
    study = optuna.create_study(storage=open_storage(path), study_name="a")
    content = path.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journals.os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            study.set_user_attr("b", 1)
    assert path.read_bytes() == content
    study.set_user_attr("c", 2)
    again = optuna.load_study(study_name="a", storage=open_storage(path))
    assert again.user_attrs == {"c": 2}


@pytest.mark.parametrize("target", ["a.journal", "nowhere"])
def test_a_lock_that_a_killed_process_left_is_taken_away(tmp_path, target):
    path, lock = tmp_path / "a.journal", tmp_path / "a.journal.lock"
    search(path, n_trials=1)
    lock.symlink_to(target)
    long_ago = time.time() - 2 * journals.GRACE_SECONDS
    os.utime(lock, (long_ago, long_ago), follow_symlinks=False)
    assert len(search(path).cv_results_["params"]) == 2
    assert not os.path.lexists(lock)


def test_a_journal_that_was_removed_is_not_begun_in_the_middle(tmp_path):
    path = tmp_path / "a.journal"
    study = optuna.create_study(storage=open_storage(path), study_name="a")
    path.unlink()
    with pytest.raises(FileNotFoundError):
        study.set_user_attr("b", 1)
    assert not path.exists()
