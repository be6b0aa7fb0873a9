"""What a repository has beside code: each fact in one place, and the others agree."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

import skrec

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg")
RUN = (ROOT / ".ci" / "run").read_text()
PARTS = re.search(r"local parts=\(([a-z_ ]+)\)", RUN)[1].split()


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def steps(workflow):
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


def bounds(extra):
    """Return the requirements of an extra, or of the package, by name."""
    options = SETUP["options.extras_require"] if extra else SETUP["options"]
    lines = options[extra or "install_requires"].split()
    return {re.split(r"[<>=\[]", line)[0]: line for line in lines}


# ---- workflows ---------------------------------------------------------------------


def commands(path):
    """Return what a workflow runs, for each value of a matrix."""
    workflow = read(path)
    for job in workflow["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        checks = [*matrix.get("check", []), *(one["check"] for one in included(matrix))]
        for step in job.get("steps", []):
            if "run" in step:
                line = step["run"]
                yield from (
                    line.replace("${{ matrix.check }}", c) for c in checks or [""]
                )


def included(matrix):
    return matrix.get("include", [])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_scripts_that_anybody_can_run(path):
    # .ci/site comes with the site.
    scripts = {file.name for file in (ROOT / ".ci").iterdir()} | {"site"}

    for command in commands(path):
        bash, script, *arguments = command.split()
        assert bash == "bash"
        assert script.removeprefix(".ci/") in scripts
        if script == ".ci/run":
            assert arguments and set(arguments) <= set(PARTS), command


def test_every_check_of_a_push_that_needs_no_data_is_in_the_workflow():
    run = {c.split()[2] for c in commands(".github/workflows/tests.yml") if "run " in c}

    assert run == set(PARTS) - {"real_data", "site"}
    assert "bash .ci/site --here" in commands(".github/workflows/docs.yml")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_little_and_names_majors(path):
    workflow = read(path)

    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"].startswith("${{ github.workflow }}")
    for job in workflow["jobs"].values():
        given = job.get("permissions", {})
        assert given.keys() <= {"id-token", "pages"}
        assert not given or "environment" in job  # which can ask a person first
        assert "timeout-minutes" in job or "uses" in job
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@(v\d+|release/v1)", step["uses"])
            is_checkout = step["uses"].startswith("actions/checkout@")
            assert not is_checkout or step["with"]["persist-credentials"] is False


def test_the_workflow_has_the_pythons_that_setup_cfg_names_and_those_to_come():
    matrix = read(".github/workflows/tests.yml")["jobs"]["check"]["strategy"]["matrix"]
    listed = re.findall(r"Python :: (3\.\d+)", SETUP["metadata"]["classifiers"])

    tried = matrix["python"]
    assert tried[: len(listed)] == listed
    assert SETUP["options"]["python_requires"] == f">={listed[0]}"
    nightly = next(
        step["with"]["python-version"].split()
        for step in steps(read(".github/workflows/nightly.yml"))
        if "python-version" in step.get("with", {})
    )
    assert sorted(nightly) == tried
    assert nightly[-1] == listed[0]


def test_an_unknown_part_is_refused_before_anything_is_run():
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "run", "lint", "tset"], capture_output=True, text=True
    )

    assert done.returncode == 2
    assert done.stderr.endswith("Received: lint tset.\n")
    assert all(re.search(rf"^{part}\(\) {{", RUN, re.M) for part in PARTS)


def test_a_release_has_the_tag_of_its_version():
    check = (ROOT / ".ci" / "release").read_text()
    function = re.search(r"^check_tag\(\) {.*?^}", check, re.M | re.S)[0]

    def checked(tag):
        return subprocess.run(
            ["bash", "-euc", f'{function}\ncheck_tag "$1"', "bash", tag],
            cwd=ROOT,
            capture_output=True,
            text=True,
        ).stderr

    assert f"The tag must be v{skrec.__version__}, " in checked("v9.9.9")
    assert "The tag must be" not in checked(f"v{skrec.__version__}")


# ---- versions that stand twice -----------------------------------------------------


def test_commits_are_linted_by_the_same_tools_as_the_checks():
    (local,) = read(".pre-commit-config.yaml")["repos"]
    dev, needed = bounds("dev"), bounds(None)
    hooks = {hook["id"]: hook for hook in local["hooks"]}

    assert local["repo"] == "local"
    assert set(hooks) == {"ruff-check", "ruff-format", "mypy"}
    assert hooks["ruff-check"]["additional_dependencies"] == [dev["ruff"]]
    assert hooks["ruff-format"]["additional_dependencies"] == [dev["ruff"]]
    assert hooks["mypy"]["additional_dependencies"] == [dev["mypy"], needed["numpy"]]


def test_the_citation_is_of_this_version():
    cited = read("CITATION.cff")

    assert cited["version"] == skrec.__version__
    assert cited["license"] == SETUP["metadata"]["license_expression"]


def test_every_package_of_an_extra_has_a_row_in_contributing():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text[text.index("\n| package | why") : text.index("\nAll of them may be")]
    named = set(re.findall(r"[a-z0-9-]+", " ".join(
        row.split("|")[1] for row in table.strip().splitlines()[2:]
    )))  # fmt: skip
    extras = SETUP["options.extras_require"]
    packages = set(bounds(None)).union(*map(bounds, extras)) - {"skrec-keras"}

    assert {name for name in packages if name not in named} == set()


# ---- for people --------------------------------------------------------------------


@pytest.mark.parametrize("path", [f for f in FORMS if f.stem != "config"], ids=str)
def test_forms_ask_for_versions(path):
    fields = {field.get("id"): field for field in read(path)["body"]}

    assert "skrec.show_versions(" in fields["versions"]["attributes"]["description"]
    asks_twice = len(fields) != len(read(path)["body"])
    assert not asks_twice


@pytest.mark.parametrize(
    "page",
    ["SECURITY.md", "CODE_OF_CONDUCT.md", ".github/PULL_REQUEST_TEMPLATE.md"],
)
def test_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text()
    paths = re.findall(r"\]\((?!http)([^)#]+)", text)
    paths += re.findall(r"`([\w./-]+\.(?:py|md))`", text)

    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
