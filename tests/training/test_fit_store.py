"""The folder of stored fits: nobody else's file is touched, nothing of ours is lost."""

import os
import subprocess
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from skrec.training import _fit_store, clear_memory, limit_memory, memory, memory_info
from skrec.training._fit_store import STORE, state_path, temporary_path
from skrec.training.memory import FitMemory
from skrec.training.state import Progress, State

KEYS = [f"{number:032x}" for number in range(1, 6)]


@pytest.fixture(autouse=True)
def nothing_is_known_from_before(monkeypatch):
    monkeypatch.setattr(memory, "_warned", set())
    monkeypatch.setattr(memory, "_walks", {})


def state(epoch, value=0.0):
    return State([np.full((10, 10), float(value))], [np.array(epoch)], epoch)


def store(folder, key=KEYS[0], epoch=1, value=0.0):
    """Store a fit and return its file."""
    fit = FitMemory(folder, key)
    fit.save(Progress(state(epoch, value), [{"loss": 1.0}] * epoch))
    return state_path(folder / STORE / key, epoch)


def found(folder, key=KEYS[0], epochs=9):
    return FitMemory(folder, key).recall(epochs, like=state(0))


def on_disk(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


# ---- what is not ours ----------------------------------------------------------------


def test_folders_and_files_of_the_users_own_stay(tmp_path):
    code = tmp_path / "skrec" / "training" / "cache.py"
    code.parent.mkdir(parents=True)
    code.write_text("source code")
    path = store(tmp_path)
    # As those of skrec by their name, or by their place, but by no means both.
    theirs = [
        path.with_name("000007.npz"),
        path.with_name("notes.npz"),
        path.with_name("000001.txt"),
        path.with_name(temporary_path(path.parent).name),
        path.parent.with_name("data") / "000001.npz",
        path.parent.with_name("notes.npz"),
    ]
    theirs[4].parent.mkdir()
    for other in theirs:
        np.savez(other.open("wb"), measured=np.zeros(9))
        os.utime(other, (1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the limit cannot be kept
        limit_memory(tmp_path, 1)
        memory_info(tmp_path)
    store(tmp_path)
    with pytest.warns(UserWarning, match="could not remove: .* and 1 more"):
        clear_memory(tmp_path)
    assert code.exists()
    assert not path.exists()
    for other in theirs:
        assert other.exists(), other
    assert memory_info(tmp_path).n_bytes > 0  # of those that have names of skrec's


def test_a_store_that_skrec_has_not_made_is_left_alone(tmp_path):
    theirs = state_path(tmp_path / STORE / KEYS[0], 1)
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"")
    with pytest.warns(UserWarning, match="cannot be stored .* holds no file"):
        store(tmp_path, KEYS[1])
    with pytest.warns(UserWarning, match="could not remove: .* holds no file"):
        clear_memory(tmp_path)
    with pytest.raises(OSError, match="skrec has not made it"):
        limit_memory(tmp_path, 1)
    with pytest.warns(UserWarning, match="could not be removed .* holds no file"):
        assert found(tmp_path) is None
    assert theirs.exists()
    assert memory_info(tmp_path).n_fits == 0


@pytest.mark.parametrize("size", [1.5, "10GB", 0, -1, True])
def test_a_limit_is_a_number_of_bytes(size, tmp_path):
    store(tmp_path)
    with pytest.raises(ValueError, match="max_bytes must be a number of bytes"):
        limit_memory(tmp_path, size)
    assert memory_info(tmp_path).n_fits == 1


def test_paths_that_cannot_be(tmp_path):
    with pytest.warns(UserWarning, match="cannot be stored"):
        store(tmp_path / ("x" * 300))
    assert found(tmp_path / ("x" * 300)) is None
    with pytest.raises(ValueError, match="memory must be a path"):
        store("\0")


@pytest.mark.parametrize("which", ["store", "folder", "file", "limit"])
def test_links_are_not_followed(which, tmp_path):
    real, folder = tmp_path / "real", tmp_path / "folder"
    path = store(real)
    link = {
        "store": folder / STORE,
        "folder": folder / STORE / KEYS[0],
        "file": state_path(folder / STORE / KEYS[0], 1),
        "limit": folder / STORE / "limit",
    }[which]
    target = {
        "store": real / STORE,
        "folder": path.parent,
        "file": path,
        "limit": real / "measured",
    }[which]
    if which != "store":
        store(folder, KEYS[1])
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    (real / "measured").write_text("1")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clear_memory(folder)
        if which != "limit":
            store(folder)
    assert any("link" in str(warning.message) for warning in said)
    if which in ("store", "limit"):
        with pytest.raises(OSError, match=r"link|symbolic"):
            limit_memory(folder, 1)
    else:
        limit_memory(folder, 1)
    assert path.exists()
    assert (real / "measured").read_text() == "1"
    assert found(real) is not None
    # The path that the user gives may be a link.
    (tmp_path / "given").symlink_to(real)
    clear_memory(tmp_path / "given")
    assert not path.exists()


def test_what_cannot_be_removed_is_said(tmp_path, monkeypatch):
    path = store(tmp_path)

    def refuse(self, missing_ok=False):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.warns(UserWarning, match=rf"{path.name}: .*Permission denied"):
        clear_memory(tmp_path)
    with pytest.warns(UserWarning, match="limit of the store cannot be kept") as said:
        limit_memory(tmp_path, 1)
        limit_memory(tmp_path, 1)
    assert len(said) == 1
    path.write_bytes(b"torn")
    with pytest.warns(UserWarning, match="trained again; .* could not be removed"):
        assert found(tmp_path) is None


# ---- what is ours --------------------------------------------------------------------


def test_what_a_killed_process_left_is_counted_and_removed(tmp_path):
    path = store(tmp_path)
    size = path.stat().st_size
    with subprocess.Popen(["sleep", "60"]) as process:
        name = temporary_path(path.parent).name
        name = name.replace(f"-{os.getpid()}-", f"-{process.pid}-")
        temporary = path.parent.with_name(KEYS[1]) / name
        temporary.parent.mkdir()
        temporary.write_bytes(b"PK")
        assert memory_info(tmp_path).n_bytes == on_disk(tmp_path) == size + 2
        limit_memory(tmp_path, 10 * size)
        with pytest.warns(UserWarning, match="a process is writing it"):
            clear_memory(tmp_path)
        assert temporary.exists()
        process.kill()
    limit_memory(tmp_path, 10 * size)
    assert not temporary.parent.exists()
    info = memory_info(tmp_path)
    assert (info.n_bytes, info.max_bytes) == (on_disk(tmp_path), 10 * size)


def test_a_file_that_another_machine_writes_stays_until_nobody_has_for_an_hour(
    tmp_path,
):
    path = store(tmp_path)
    name = temporary_path(path.parent).name
    other = path.with_name("0123456789abcdef" + name[16:])
    other.write_bytes(b"")
    limit_memory(tmp_path, 10**6)
    assert other.exists()
    os.utime(other, (time.time() - 4000,) * 2)
    limit_memory(tmp_path, 10**6)
    assert not other.exists()
    assert path.exists()


def test_folders_go_with_their_last_file(tmp_path):
    limit_memory(tmp_path, 10)
    for key in KEYS:
        store(tmp_path, key)
    (tmp_path / STORE / ("f" * 32)).mkdir()
    limit_memory(tmp_path, 10)
    assert sorted(os.listdir(tmp_path / STORE)) == ["limit", "made-by-skrec"]


def test_clearing_keeps_the_limit_and_the_store_goes_on(tmp_path):
    store(tmp_path)
    limit_memory(tmp_path, 12345)
    clear_memory(tmp_path)
    info = memory_info(tmp_path)
    assert (info.n_states, info.n_bytes, info.max_bytes) == (0, 5, 12345)
    store(tmp_path)
    assert found(tmp_path) is not None
    for wrong in (0, -1, 0.5, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="max_bytes must be a number"):
            limit_memory(tmp_path, wrong)
    limit_memory(tmp_path, None)
    assert memory_info(tmp_path).max_bytes is None
    limit_memory(tmp_path / "nowhere", None)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("quick", [0.0, 60.0])
def test_a_limit_holds_whether_or_not_the_store_is_looked_through(
    quick, tmp_path, monkeypatch
):
    monkeypatch.setattr(memory, "QUICK_WALK", 60.0 - quick)
    monkeypatch.setattr(memory, "WALK_SHARE", 10**9)
    walks = []
    look = _fit_store.contents
    monkeypatch.setattr(
        _fit_store, "contents", lambda store: walks.append(store) or look(store)
    )
    size = store(tmp_path, KEYS[0]).stat().st_size
    assert walks == []  # without a limit
    limit_memory(tmp_path, 3 * size + 9)
    for number, key in enumerate(KEYS[1:]):
        os.utime(store(tmp_path, key), (number + 1,) * 2)
        if number == 1:  # used once more
            assert found(tmp_path, KEYS[0]) is not None
    left = [key for key in KEYS if found(tmp_path, key) is not None]
    assert len(left) == 3
    assert left[0] == KEYS[0]
    assert on_disk(tmp_path) <= 3 * size + 9
    assert len(walks) == (1 if quick else 5)


# ---- what cannot be read -------------------------------------------------------------


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def renamed(path):
    path.rename(state_path(path.parent, 4))


UNREADABLE = {"a pipe": a_pipe, "a folder": a_folder, "a link": a_link}
UNREADABLE |= {"of another epoch": renamed, "text": lambda p: p.write_text("PK\x03")}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_said_and_stored_anew(name, tmp_path):
    path = store(tmp_path, epoch=5)
    store(tmp_path, epoch=2)
    UNREADABLE[name](path)
    with pytest.warns(UserWarning, match="cannot be used") as said:
        assert found(tmp_path).state.epoch == 2
        assert found(tmp_path).state.epoch == 2
    assert len(said) == 1
    is_file = name in ("of another epoch", "text")
    assert ("not a regular file" in str(said[0].message)) != is_file
    if name == "a folder":
        with pytest.warns(UserWarning, match="cannot be stored"):
            store(tmp_path, epoch=5)
        return
    store(tmp_path, epoch=5)
    assert found(tmp_path).state.epoch == 5


def test_what_vanishes_meanwhile_is_passed_over(tmp_path, monkeypatch):
    store(tmp_path, epoch=2)
    monkeypatch.setattr(_fit_store, "epochs_in", lambda folder: [5, 2])
    assert found(tmp_path).state.epoch == 2


def test_a_store_that_cannot_be_written_to_is_read(tmp_path, monkeypatch):
    store(tmp_path)

    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(memory, "_opened_in", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(tmp_path) is not None
    with pytest.warns(UserWarning, match="cannot be stored .*Read-only") as said:
        store(tmp_path, KEYS[1])
        store(tmp_path, KEYS[1])
    assert len(said) == 1


def test_the_path_is_taken_when_the_fit_begins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit = FitMemory("fits", KEYS[0])
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    fit.save(Progress(state(1), [{"loss": 1.0}]))
    assert memory_info(tmp_path / "fits").n_fits == 1
    assert os.listdir(".") == []


# ---- at the same time ----------------------------------------------------------------


def test_storing_finding_limiting_and_clearing_at_once_never_raise(tmp_path):
    until, wrong = time.monotonic() + 2, []

    def run(action):
        while time.monotonic() < until:
            try:
                action()
            except Exception as error:
                wrong.append(error)

    def recalled(value):
        progress = found(tmp_path, KEYS[value])
        if progress is not None and (progress.state.weights[0] != value).any():
            wrong.append("a state of another fit")

    actions = [lambda v=v: store(tmp_path, KEYS[v], 1 + v, v) for v in range(3)]
    actions += [lambda v=v: recalled(v) for v in range(3)]
    actions += [lambda: clear_memory(tmp_path), lambda: memory_info(tmp_path)]
    actions += [lambda n=n: limit_memory(tmp_path, n) for n in (1, 3000, None)]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=run, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    texts = {str(warning.message) for warning in said}
    # A file may be in the making when everything is to go.
    assert [text for text in texts if "a process is writing it" not in text] == []
