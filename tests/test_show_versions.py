"""What a report of a bug begins with."""

import contextlib
import getpass
import io
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import skrec
from skrec import _show_versions


def shown(**arguments):
    """Return what is printed, as a dict of sections of names and values."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        skrec.show_versions(**arguments)
    sections = {}
    for part in printed.getvalue().strip().split("\n\n"):
        title, *lines = part.split("\n")
        pairs = [line.split(": ", 1) for line in lines]
        sections[title] = {name.strip(): value for name, value in pairs}
    return sections


def test_versions_are_those_of_what_is_installed():
    sections = shown()

    assert sections["System"]["skrec"] == skrec.__version__
    assert sections["System"]["python"].startswith(platform.python_version())
    assert sections["Dependencies"]["tensorflow"] == version("tensorflow")
    assert sections["Dependencies"]["scikit-learn"] == version("scikit-learn")
    assert sections["Extras"]["optuna"] == version("optuna")
    assert "mlflow" in sections["Extras"]  # installed or not


def test_what_only_developers_need_and_skrec_itself_are_left_out():
    sections = shown()
    packages = {**sections["Dependencies"], **sections["Extras"]}

    assert not packages.keys() & {"pytest", "mypy", "hypothesis", "skrec-keras"}
    assert "tensorflow" not in sections["Extras"]  # which the extra `gpu` names too


def test_a_missing_package_is_said_to_be_missing(monkeypatch):
    def lacking(package):
        if package == "optuna":
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(_show_versions, "version", lacking)

    assert shown()["Extras"]["optuna"] == "not installed"


def test_a_copy_that_was_never_installed_does_not_fail(monkeypatch):
    def unknown(distribution):
        raise PackageNotFoundError(distribution)

    monkeypatch.setattr(_show_versions, "requires", unknown)

    assert shown()["Dependencies"]["skrec-keras"].startswith("not installed")


def test_threads_and_what_changes_them(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    secrets = ["TF_SECRET_TOKEN", "TF_LOGIN_TOKEN", "MKL_THREADS_KEY"]
    for name in secrets:
        monkeypatch.setenv(name, "hidden")
    sections = shown()

    assert int(sections["Threads"]["processors"]) == os.cpu_count()
    assert any("threads, " in value for value in sections["Threads"].values())
    assert sections["Environment"]["OMP_NUM_THREADS"] == "1"
    assert not sections["Environment"].keys() & set(secrets)


def test_nothing_private_is_printed(capsys):
    skrec.show_versions(devices=True)
    printed = capsys.readouterr().out

    private = [str(Path.home()), os.getcwd(), sys.prefix, platform.node()]
    assert not [name for name in private if len(name) > 1 and name in printed]
    assert len(getpass.getuser()) < 4 or getpass.getuser() not in printed


def test_devices_are_those_of_tensorflow():
    found = shown(devices=True)["Devices"]

    assert found["intra-op threads"] == "1"
    assert "CPU:0" in found


def test_tensorflow_is_started_where_devices_are_asked_for_alone():
    code = """
import sys, skrec
skrec.show_versions()
print("started", "tensorflow" in sys.modules)
sys.modules["tensorflow"] = None  # as if it could not be imported
skrec.show_versions(devices=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "show_versions(devices=True) starts TensorFlow" in done.stdout
    assert "started False" in done.stdout
    assert "tensorflow: cannot be imported: " in done.stdout
    assert done.stderr == ""
