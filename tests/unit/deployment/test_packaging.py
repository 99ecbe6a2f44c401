"""The package of the Lambda functions: what is in it, for which platform, and that equal input gives equal bytes."""

from __future__ import annotations

import io
import os
import re
import subprocess
import zipfile
from configparser import ConfigParser
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from runners.deployment import packaging
from runners.deployment.environment import ROOT, Environment, load
from runners.deployment.packaging import Package, clean, package
from runners.deployment.progress import Progress
from runners.deployment.recipes import RUNNERS, STEPS, Recipe
from runners.errors import DeploymentError

from .test_environment import DEV

LAMBDA = Environment(**DEV).resolved()


class Pip:
    """Stands in for pip: writes what a wheel would leave, and remembers how it was called."""

    def __init__(self, status: int = 0, stderr: str = "") -> None:
        self.commands: list[list[str]] = []
        self.more: list[str] = []
        self._ran = subprocess.CompletedProcess([], status, "", stderr)

    def __call__(self, command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        target = Path(command[command.index("--target") + 1])
        for name in (
            "pydantic/__init__.py",
            "pydantic/core.so",
            "pydantic/tests/test_it.py",
            "pydantic/__pycache__/core.cpython-311.pyc",
            "pydantic-2.0.dist-info/METADATA",
            "pydantic-2.0.dist-info/RECORD",
            "pydantic-2.0.dist-info/INSTALLER",
            "bin/tool",
            *self.more,
        ):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name, encoding="utf-8")
        return self._ran


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    replaced = Pip()
    monkeypatch.setattr(subprocess, "run", replaced)
    return replaced


def names(built: Package) -> list[str]:
    with zipfile.ZipFile(built.path) as archive:
        return archive.namelist()


def test_the_package_holds_each_functions_module_and_the_dependencies(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    held = set(names(package(LAMBDA, progress, tmp_path)))
    modules = [path.name for path in (ROOT / "runners" / "lambdas").glob("*.py")]
    assert {f"runners/lambdas/{module}" for module in modules} <= held
    assert {"pydantic/__init__.py", "pydantic/core.so", "pydantic-2.0.dist-info/METADATA"} <= held


def test_the_package_leaves_out_what_only_a_laptop_needs_and_what_differs_between_machines(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    held = names(package(LAMBDA, progress, tmp_path))
    unwanted = re.compile(
        r"^runners/(local|deployment|operations|lint|testing|worker)/|^runners/(cli|__main__)\.py"
        r"|__pycache__|\.pyc$|/tests/|/RECORD$|/INSTALLER$|^bin/|^boto"
    )
    assert [name for name in held if unwanted.search(name)] == []


def test_the_same_input_gives_the_same_bytes_whatever_the_times_and_modes_of_the_files(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    first = package(LAMBDA, progress, tmp_path / "a")
    for path in (tmp_path / "a" / "dependencies").rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    second = package(LAMBDA, progress, tmp_path / "a")
    elsewhere = package(LAMBDA, progress, tmp_path / "b")
    assert first.sha256 == second.sha256 == elsewhere.sha256
    assert first.path.read_bytes() == elsewhere.path.read_bytes()


def test_entries_are_sorted_have_one_time_and_modes_that_lambda_can_read(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    with zipfile.ZipFile(package(LAMBDA, progress, tmp_path).path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o644, 0o755}


def test_other_code_has_another_key(
    pip: Pip, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = package(LAMBDA, progress, tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "new.py").write_text("changed = True", encoding="utf-8")
    monkeypatch.setattr(packaging, "SOURCE", source)
    after = package(LAMBDA, progress, tmp_path)
    assert before.key == f"lambda/{before.sha256}.zip"
    assert after.key != before.key


def test_wheels_are_taken_for_the_functions_platform_and_not_for_this_machine(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    package(LAMBDA, progress, tmp_path)
    command = " ".join(pip.commands[0])
    assert "--python-version 3.13 --implementation cp --platform=manylinux2014_aarch64" in command
    assert "--only-binary=:all:" in command
    assert "--require-hashes" in command


def test_wheels_for_the_embedded_aws_are_this_machines(pip: Pip, progress: Progress, tmp_path: Path) -> None:
    package(load("local"), progress, tmp_path)
    assert "--platform" not in " ".join(pip.commands[0])


def test_dependencies_are_installed_once_for_each_platform_and_state_of_the_lock(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    for environment in (LAMBDA, LAMBDA, load("local")):
        package(environment, progress, tmp_path)
    assert len(pip.commands) == 2
    changed = tmp_path / "lambda.lock"
    changed.write_text("other", encoding="utf-8")
    package(LAMBDA, progress, tmp_path, replace(RUNNERS, lock=changed))
    assert len(pip.commands) == 3


def test_an_installation_that_was_interrupted_is_begun_again(
    progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        package(LAMBDA, progress, tmp_path)
    assert list((tmp_path / "dependencies").iterdir()) == []
    monkeypatch.setattr(subprocess, "run", pip := Pip())
    package(LAMBDA, progress, tmp_path)
    assert len(pip.commands) == 1


def test_a_build_that_was_slower_takes_what_the_faster_one_installed(
    progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Pip):
        def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
            if not self.commands:
                self.commands.append(command)
                monkeypatch.setattr(subprocess, "run", Pip())
                package(LAMBDA, progress, tmp_path)
            return super().__call__(command, **options)

    monkeypatch.setattr(subprocess, "run", Slow())
    assert "pydantic/core.so" in names(package(LAMBDA, progress, tmp_path))


def test_a_folder_that_cannot_be_put_in_place_is_an_error(
    pip: Pip, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: Path, _target: Path) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(PermissionError):
        package(LAMBDA, progress, tmp_path)


def test_without_pip_it_says_what_to_type(progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DeploymentError, match=r"pip install -e '\.\[build\]'"):
        package(LAMBDA, progress, tmp_path)


@pytest.mark.parametrize("stderr", ["noise\nERROR: No matching distribution found for pydantic", "a\nb\nc"])
def test_a_wheel_that_is_not_to_be_had_is_told_with_platform_and_pips_words(
    stderr: str, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", Pip(1, stderr))
    with pytest.raises(DeploymentError) as caught:
        package(LAMBDA, progress, tmp_path)
    assert "manylinux2014_aarch64 and python3.13" in str(caught.value)
    assert ("ERROR: No matching" in str(caught.value)) == ("ERROR" in stderr)
    assert "noise" not in str(caught.value)
    assert not list((tmp_path / "dependencies").iterdir())


def test_a_package_that_lambda_would_not_take_is_refused(
    pip: Pip, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "LARGEST_UNZIPPED", 10)
    with pytest.raises(DeploymentError, match=r"MB unzipped.*requirements/steps\.in.*requirements/steps\.lock"):
        package(LAMBDA, progress, tmp_path, STEPS)


def test_a_zip_that_is_too_large_to_be_uploaded_directly_is_refused_unless_it_always_goes_by_way_of_s3(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    with pytest.raises(DeploymentError, match=r"MB zipped.*requirements/lambda\.in"):
        package(LAMBDA, progress, tmp_path, replace(RUNNERS, largest_zip=10))
    assert package(LAMBDA, progress, tmp_path, replace(RUNNERS, largest_zip=None)).path.is_file()


def test_the_package_of_the_steps_takes_wheels_of_any_linux_that_its_runtime_is_newer_than(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    package(LAMBDA, progress, tmp_path, STEPS)
    (command,) = pip.commands
    assert {"--platform=manylinux2014_aarch64", "--platform=manylinux_2_28_aarch64"} <= set(command)
    assert "--platform=manylinux_2_35_aarch64" not in command
    assert command[command.index("--requirement") + 1] == str(STEPS.lock)


ARROW_CORE = [
    "pyarrow/__init__.py",
    "pyarrow/_fs.cpython-313-aarch64-linux-gnu.so",
    "pyarrow/lib.cpython-313-aarch64-linux-gnu.so",
    "pyarrow/libarrow.so.2600",
    "pyarrow/libarrow_python.so.2600",
    "pyarrow/libarrow_substrait.so.2600",
    "pyarrow/parquet/core.py",
    "numpy/_core/multiarray.py",
    "numpy/lib/__init__.py",
]
NEVER_NEEDED = [
    "pyarrow/_flight.cpython-313-aarch64-linux-gnu.so",
    "pyarrow/_s3fs.cpython-313-aarch64-linux-gnu.so",
    "pyarrow/include/arrow/api.h",
    "pyarrow/lib.pyx",
    "pyarrow/libarrow_flight.so.2600",
    "pyarrow/libarrow_python.so",
    "pyarrow/libarrow_python.so.2600.1.0",
    "pyarrow/libarrow_s3.so.2600",
    "pyarrow/tests/test_array.py",
    "numpy/_core/lib/libnpymath.a",
]


def test_the_package_of_the_steps_leaves_out_what_of_arrow_is_never_needed_and_keeps_what_it_is_linked_to(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    pip.more = [*ARROW_CORE, *NEVER_NEEDED]
    held = names(package(LAMBDA, progress, tmp_path, STEPS))
    assert set(ARROW_CORE) <= set(held)
    assert not set(NEVER_NEEDED) & set(held)


def test_what_goes_over_a_network_is_deflated_and_what_does_not_is_stored(
    pip: Pip, progress: Progress, tmp_path: Path
) -> None:
    for environment, compression in ((LAMBDA, zipfile.ZIP_DEFLATED), (load("local"), zipfile.ZIP_STORED)):
        with zipfile.ZipFile(package(environment, progress, tmp_path).path) as archive:
            assert {entry.compress_type for entry in archive.infolist()} == {compression}


def test_it_shows_what_it_does_and_what_came_of_it(
    pip: Pip, progress: Progress, shown: io.StringIO, tmp_path: Path
) -> None:
    built = package(LAMBDA, progress, tmp_path)
    assert "installing the dependencies for python3.13 on arm64 …" in shown.getvalue()
    assert built.sha256[:12] in shown.getvalue()


def test_cleaning_removes_what_was_built_and_may_be_repeated(
    pip: Pip, progress: Progress, shown: io.StringIO, tmp_path: Path
) -> None:
    package(LAMBDA, progress, tmp_path / "build")
    clean(progress, tmp_path / "build")
    clean(progress, tmp_path / "build")
    assert not (tmp_path / "build").exists()
    assert "removed" in shown.getvalue()


EXTRAS = {"lambda": [], "steps": ["steps", "sftp"]}
"""The extras of setup.cfg that are packaged, by recipe."""

EACH_RECIPE = pytest.mark.parametrize("recipe", [RUNNERS, STEPS], ids=lambda recipe: recipe.name)


def pinned(recipe: Recipe) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", recipe.lock.read_text(encoding="utf-8"), re.MULTILINE))


def required(recipe: Recipe) -> list[Requirement]:
    """What setup.cfg requires, except what the runtime carries."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    texts = [setup["options"]["install_requires"]]
    texts += [setup["options.extras_require"][extra] for extra in EXTRAS[recipe.name]]
    lines = [line for text in texts for line in text.split("\n") if line and not line.startswith("#")]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != "boto3"]


@EACH_RECIPE
def test_the_lock_pins_what_the_package_requires_except_what_the_runtime_carries(recipe: Recipe) -> None:
    assert "boto3" not in pinned(recipe)
    for requirement in required(recipe):
        assert requirement.specifier.contains(pinned(recipe)[requirement.name.lower()])


@EACH_RECIPE
def test_the_input_of_the_lock_says_the_same_as_setup_cfg(recipe: Recipe) -> None:
    lines = recipe.source.read_text(encoding="utf-8").splitlines()
    wanted = {str(Requirement(line)) for line in lines if line and not line.startswith("#")}
    assert wanted == set(map(str, required(recipe)))


@EACH_RECIPE
def test_the_lock_has_hashes_and_neither_names_an_index_nor_asks_which_machine_installs_it(recipe: Recipe) -> None:
    text = recipe.lock.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.match(r"^([a-z0-9-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?)$", line) for line in lines)
