"""Lets PySpark read and write ``s3://`` paths without Hadoop's S3 connector (to be written)."""

from __future__ import annotations


def install_when_imported() -> None:
    """Prepare."""
