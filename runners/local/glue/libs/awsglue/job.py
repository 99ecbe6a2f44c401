"""The frame of a job's script: ``job.init(…)`` at its start, ``job.commit()`` at its end. Keeps no bookmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._warnings import warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .context import GlueContext

BOOKMARK_OPTION = "job-bookmark-option"


class Job:
    """One run of a script. What ``commit`` would remember for the next run is not remembered here."""

    def __init__(self, glue_context: GlueContext) -> None:
        self.glue_context = glue_context
        self.job_name = ""
        self._initialized = False

    def init(self, job_name: str, args: Mapping[str, str] | None = None) -> None:
        """Begin a run; ``args`` is what ``getResolvedOptions`` answered."""
        self.job_name = job_name
        self._initialized = True
        if (args or {}).get(BOOKMARK_OPTION) == "job-bookmark-enable":
            warn("job bookmarks are not kept outside of Glue: this run reads everything")

    def isInitialized(self) -> bool:  # noqa: N802 - Glue's name
        """Whether ``init`` was called."""
        return self._initialized

    def commit(self) -> None:
        """End the run. Raises ``RuntimeError`` if ``init`` was not called."""
        if not self._initialized:
            raise RuntimeError("job.commit() without job.init(...) before it")
