"""What the packages of the Lambda functions are made of: one for the runners, and one for the steps.

The steps have a package of their own because of their libraries, which are large: the runners start quicker without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.deployment.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_UPLOAD = 50 * 1024 * 1024  # bytes; Lambda's quota where a zip is uploaded directly, not by way of S3

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_GLIBC = range(17, 35)  # 2.17 to 2.34, which Amazon Linux 2023 has, and so python3.12 and later


@dataclass(frozen=True)
class Recipe:
    """What a package is made of, besides this package's own modules."""

    name: str
    """The beginning of its zip's name."""

    lock: Path
    """The dependencies, pinned."""

    manylinux: tuple[str, ...]
    """The kinds of wheels that the functions' Linux takes, without the processor."""

    left_out: re.Pattern[str]
    """The dependencies' files that are never needed, by their beginning."""

    largest_zip: int | None
    """Bytes of the zip, at most; None where it has to go by way of S3, as ``deploy`` does, and only the size of what is
    in it counts."""

    @property
    def source(self) -> Path:
        """What the lock is made of."""
        return self.lock.with_suffix(".in")

    def platforms(self, architecture: str) -> list[str]:
        """Return the platforms whose wheels are taken for a processor, as pip calls them."""
        return [f"{kind}_{_MACHINES[architecture]}" for kind in self.manylinux]


RUNNERS = Recipe(
    name="lambda",
    lock=ROOT / "requirements" / "lambda.lock",
    manylinux=("manylinux2014",),
    left_out=re.compile(r"(?!)"),
    largest_zip=LARGEST_UPLOAD,
)
STEPS = Recipe(
    name="steps",
    lock=ROOT / "requirements" / "steps.lock",
    manylinux=("manylinux2014", *(f"manylinux_2_{minor}" for minor in _GLIBC)),
    # Of Arrow: what compilers need, and its own clients of networks (boto3 is what steps use). Its library for Python
    # lies there three times, as a wheel holds no links; what is linked to asks for the one of the major version.
    # Libraries that its core is linked to have to stay, whatever steps use of them.
    left_out=re.compile(
        r".*\.(a|h|hpp|pxd|pxi|pyx)$"
        r"|numpy/(_core/(include|lib)|f2py)/"
        r"|pyarrow/(include|includes|src)/"
        r"|pyarrow/(libarrow_(flight|s3)|_(azurefs|flight|gcsfs|hdfs|s3fs))\."
        r"|pyarrow/libarrow_python\.so(\.\d+\.\d+\.\d+)?$"
    ),
    largest_zip=None,
)
