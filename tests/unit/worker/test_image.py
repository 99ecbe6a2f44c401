"""The worker's image, as far as it can be seen without building it: what is copied is there, and what is run starts."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from runners.deployment.environment import ROOT

LIBRARIES = ("worker", "worker-with-steps")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)


def sent_along() -> list[str]:
    """What ``.dockerignore`` lets through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*"
    return [line[1:] for line in lines if line.startswith("!")]


def test_what_is_copied_from_here_is_sent_along_and_nothing_else_is() -> None:
    copied = [words.split()[0] for words in instructions("COPY") if not words.startswith("--from")]
    either = [path.replace("${LIBRARIES}", libraries) for path in copied for libraries in LIBRARIES]
    assert sorted(set(either)) == sorted(sent_along())
    assert f"LIBRARIES={LIBRARIES[0]}" in instructions("ARG")


@pytest.mark.parametrize("path", sent_along())
def test_what_is_copied_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("libraries", "its_own"), [("worker", set()), ("worker-with-steps", {"pyarrow", "psycopg", "httpx", "asyncssh"})]
)
def test_the_libraries_are_pinned(libraries: str, its_own: set[str]) -> None:
    lock = (ROOT / "requirements" / f"{libraries}.lock").read_text(encoding="utf-8")
    names = re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)
    assert {"boto3", "pydantic", "tenacity", "prometheus-client"} | its_own <= set(names)
    assert "--hash=sha256:" in lock


def test_steps_have_a_folder_for_what_they_keep_for_a_while() -> None:
    assert instructions("VOLUME") == ['["/tmp"]']
    template = (ROOT / "cloudformation" / "worker.yaml").read_text(encoding="utf-8")
    assert "{ SourceVolume: scratch, ContainerPath: /tmp }" in template


def test_it_runs_as_nobody_special_and_hears_the_signal_that_stops_it() -> None:
    assert instructions("USER") == ["10001"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    (entry,) = instructions("ENTRYPOINT")
    assert json.loads(entry)[0] == "python", "a shell in between would keep the signal to itself"


@pytest.mark.parametrize("hidden", ["yaml", "moto", "duckdb", "rich"])
def test_what_it_runs_starts_without_the_libraries_of_other_extras(hidden: str) -> None:
    (entry,) = instructions("ENTRYPOINT")
    hiding = (
        f"import sys; sys.modules[{hidden!r}] = None; import runpy; runpy.run_module('runners', run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", hiding, *json.loads(entry)[3:], "--help"], cwd=ROOT, capture_output=True, check=True
    )
    assert b"runners worker" in answer.stdout


def test_its_health_check_is_a_module_that_there_is_and_is_that_of_ecs() -> None:
    check = json.loads(re.findall(r"HEALTHCHECK .*CMD (\[.*\])", DOCKERFILE)[0])
    assert (ROOT / check[-1].replace(".", "/")).with_suffix(".py").is_file()
    template = (ROOT / "cloudformation" / "worker.yaml").read_text(encoding="utf-8")
    assert f"Command: [CMD, {', '.join(check)}]" in template
