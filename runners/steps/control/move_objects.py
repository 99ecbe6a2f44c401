"""``MoveObjects``: objects from one place in S3 to another; an original is deleted once all copies are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from runners.retries import repeated
from runners.steps.control.copy_objects import CopyObjects, CopyObjectsParameters
from runners.steps.errors import TargetFailed

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_A_CALL = 1000  # keys; the most that DeleteObjects takes


class MoveObjectsParameters(CopyObjectsParameters):
    """What is moved where."""

    @model_validator(mode="after")
    def _it_goes_somewhere_else(self) -> Self:
        if self.copies_onto_itself:
            raise ValueError("the target is the source: the objects would be deleted")
        return self


class MoveObjects(CopyObjects):
    """Moves objects within S3: copies all, sees that the copies are whole, then deletes the originals."""

    Parameters = MoveObjectsParameters
    example: ClassVar[dict[str, Any]] = {
        "Source": {"Bucket": "my-data", "Pattern": "landing/*.csv"},
        "TargetBucket": "my-data",
        "TargetPrefix": "done/",
        "MinObjects": 0,
    }

    def run(self, context: StepContext) -> dict[str, Any]:
        """Move; a repeat moves what an interrupted run has left, so let ``MinObjects`` be 0 where one may come."""
        asked: MoveObjectsParameters = self.parameters
        found = self.copied(context)
        s3 = context.client("s3")
        context.check_publish()
        for first in range(0, len(found), _A_CALL):
            # Each as it was copied: one that has been written since stays.
            keys: Any = [{"Key": one.key, "ETag": f'"{one.etag}"'} for one in found[first : first + _A_CALL]]
            answer = repeated(s3.delete_objects)(Bucket=asked.Source.Bucket, Delete={"Objects": keys, "Quiet": True})
            refused = answer.get("Errors", [])
            if refused:
                raise TargetFailed(
                    f"{len(refused)} originals were copied and not deleted, as s3://{asked.Source.Bucket}/"
                    f"{refused[0].get('Key')}: {refused[0].get('Code')}. Running the step again moves them"
                )
        return {"objects": len(found), "bytes": sum(one.size for one in found)}
