"""The packages of the Lambda functions: zips that have the same name in S3 if the same is in them.

Each holds this package's own modules and its recipe's locked dependencies as wheels for the functions' platform, not
for the machine that packages. It never holds boto3, which Lambda's runtime carries, nor what only a laptop needs.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners.deployment.environment import ROOT, host_architecture, host_runtime
from runners.deployment.recipes import RUNNERS, Recipe
from runners.errors import DeploymentError

if TYPE_CHECKING:
    from runners.deployment.environment import Environment
    from runners.deployment.progress import Progress

BUILD = ROOT / "build"
SOURCE = ROOT / "runners"

LARGEST_UNZIPPED = 250 * 1024 * 1024  # bytes; Lambda's quota, of which layers take their share

_NOT_IN_LAMBDA = ("local", "deployment", "operations", "lint", "testing", "worker", "cli.py", "__main__.py")
_NOISE = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})  # differ from machine to machine
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can hold


@dataclass(frozen=True)
class Package:
    """A zip that is ready to be uploaded."""

    path: Path
    """Where it lies."""

    sha256: str
    """The hash of what is in it, in hexadecimal; what deflating makes of that depends on the machine's zlib."""

    @property
    def key(self) -> str:
        """Where it lies in the artifact bucket; what has other contents has another key."""
        return f"lambda/{self.sha256}.zip"


def package(environment: Environment, progress: Progress, build: Path = BUILD, recipe: Recipe = RUNNERS) -> Package:
    """Build a package for an environment's runtime and architecture.

    Raises:
        DeploymentError: pip or a wheel for that platform is missing, or the package is too large for Lambda.

    """
    runtime, architecture = environment.lambda_runtime, environment.lambda_architecture
    cache = build / "dependencies"
    dependencies = _dependencies(recipe, runtime, architecture, environment.embedded, cache, progress)
    needed = {name: path for name, path in _files(dependencies, "").items() if not recipe.left_out.match(name)}
    files = dict(sorted({**needed, **_own_files()}.items()))
    unzipped = sum(path.stat().st_size for path in files.values())
    _check_size(recipe, unzipped, LARGEST_UNZIPPED, "unzipped")
    path = build / f"{recipe.name}-{runtime}-{architecture}.zip"
    with progress.working(f"packing {len(files)} files"):
        # Deflating takes longer than it saves where nothing goes over a network.
        _write(path, files, zipfile.ZIP_STORED if environment.embedded else zipfile.ZIP_DEFLATED)
    if recipe.largest_zip is not None:
        _check_size(recipe, path.stat().st_size, recipe.largest_zip, "zipped")
    built = Package(path, _digest(files))
    progress.say(
        f"packaged {len(files)} files for {runtime} on {architecture}: {_shown(path)}, "
        f"{path.stat().st_size / 1e6:.1f} MB, {unzipped / 1e6:.1f} MB unzipped, {built.sha256[:12]}"
    )
    return built


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _own_files() -> dict[str, Path]:
    return {name: path for name, path in _files(SOURCE, "runners/").items() if name.split("/")[1] not in _NOT_IN_LAMBDA}


def _files(folder: Path, prefix: str) -> dict[str, Path]:
    found = {}
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not _left_out(parts):
            found[prefix + "/".join(parts)] = path
    return found


def _left_out(parts: tuple[str, ...]) -> bool:
    if {"__pycache__", "tests", "bin"} & set(parts[:-1]):
        return True
    in_metadata = len(parts) > 1 and parts[-2].endswith(".dist-info")
    return parts[-1].endswith(".pyc") or (in_metadata and parts[-1] in _NOISE)


def _dependencies(  # noqa: PLR0917  # what a folder's name stands for
    recipe: Recipe, runtime: str, architecture: str, embedded: bool, cache: Path, progress: Progress
) -> Path:
    """Return the folder of the dependencies for a platform; pip fills it once for each state of the lock."""
    on_host = embedded and (runtime, architecture) == (host_runtime(), host_architecture())
    platforms = [] if on_host else recipe.platforms(architecture)
    place = [sys.platform, architecture] if on_host else platforms
    identity = "\n".join([recipe.lock.read_text(encoding="utf-8"), runtime, *place])
    folder = cache / hashlib.sha256(identity.encode()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (
        progress.working(f"installing the dependencies for {runtime} on {architecture}"),
        tempfile.TemporaryDirectory(dir=cache) as unfinished,
    ):
        _install(recipe, Path(unfinished), runtime, platforms)
        # Renamed when it is whole, so that an interruption leaves no half of it behind.
        target = Path(unfinished) / "whole"
        try:
            target.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another build was faster
                raise
    return folder


def _install(recipe: Recipe, unfinished: Path, runtime: str, platforms: list[str]) -> None:
    if importlib.util.find_spec("pip") is None:
        raise DeploymentError(
            "pip is missing, which downloads the Lambda functions' dependencies. Type `python -m ensurepip`, or "
            "`pip install -e '.[build]'` in the virtual environment."
        )
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes"]
    command += ["--only-binary=:all:", "--target", str(unfinished / "whole"), "--requirement", str(recipe.lock)]
    if platforms:
        version = runtime.removeprefix("python")
        command += ["--python-version", version, "--implementation", "cp"]
        command += [f"--platform={platform}" for platform in platforms]
    ran = subprocess.run(  # noqa: S603  # no value from outside
        command, capture_output=True, text=True, check=False, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    )
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")] or ran.stderr.splitlines()[-3:]
        raise DeploymentError(
            f"pip could not install the Lambda functions' dependencies for "
            f"{platforms[0] if platforms else 'this machine'} and {runtime}: {' '.join(errors)} See that the package "
            f"index can be reached and has a wheel of each package in {_shown(recipe.lock)} for that platform, then "
            "try again."
        )


def _write(path: Path, files: dict[str, Path], compression: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(unfinished, "w") as archive:
            for name, content in files.items():
                archive.writestr(_entry(name), content.read_bytes(), compression)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EARLIEST)
    entry.create_system = 3  # Unix, whatever packages
    entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
    return entry


def _check_size(recipe: Recipe, size: int, largest: int, what: str) -> None:
    if size > largest:
        raise DeploymentError(
            f"the Lambda package has {size / 1e6:.0f} MB {what}, Lambda takes {largest / 1e6:.0f} MB. "
            f"Remove dependencies from {_shown(recipe.source)} and renew {_shown(recipe.lock)}."
        )


def clean(progress: Progress, build: Path = BUILD) -> None:
    """Remove all that was built."""
    shutil.rmtree(build, ignore_errors=True)
    progress.say(f"removed {_shown(build)}")


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
