"""A transfer: rows from a source, through transforms and checks, to a target, which publishes them all at once.

The order is what makes a repeat harmless: read and write everything, check it, commit the target, and only then move
the cursor of an incremental source on. Where the target takes the very bytes that the source can give, and nobody needs
to see the rows, they go straight through.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, create_model, model_validator

from runners.steps import checks, ends, incremental  # its fields have the names of what they hold
from runners.steps.handover import Handover
from runners.steps.memory import use_lean_pool
from runners.steps.parameters import Parameters
from runners.steps.read_ahead import read_ahead
from runners.steps.step import Step
from runners.steps.transforms import Transform, transformed

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Encoded, Encoding


class TransferParameters(Parameters):
    """What a transfer is told; each pair has the models of its own source and target in it."""

    Source: ends.Source
    """Where the rows come from."""

    Target: ends.Target
    """Where they go."""

    Transforms: tuple[Transform, ...] = ()
    """What becomes of the columns on the way, one after the other."""

    Checks: checks.Checks = checks.Checks()
    """What must hold of the rows before they are published."""

    Incremental: incremental.Incremental | None = None
    """Move only what is new since the last run; without it, all."""

    @model_validator(mode="after")
    def _the_source_can_be_continued(self) -> Self:
        if self.Incremental is not None and not isinstance(self.Source, incremental.Continues):
            raise ValueError(f"{type(self.Source).__name__} cannot be read incrementally: leave Incremental out")
        return self


class Transfer(Step):
    """Moves rows from a source to a target."""

    source_kind: ClassVar[type[ends.Source]]
    target_kind: ClassVar[type[ends.Target]]

    @property
    def source(self) -> str:
        """Where the rows come from."""
        return str(self.parameters.Source.place())

    @property
    def target(self) -> str:
        """Where they go."""
        return str(self.parameters.Target.place())

    def run(self, context: StepContext) -> dict[str, Any]:
        """Move the rows."""
        use_lean_pool()
        with self._as_they_are(context) as encoded:
            if encoded is not None:
                return self._pass_on(encoded, context)
        return self._move_rows(context)

    def _move_rows(self, context: StepContext) -> dict[str, Any]:
        asked: TransferParameters = self.parameters
        if asked.Incremental is None:
            return self._moved(asked.Source, context, None)
        continuation = incremental.Continuation(asked.Incremental, context)
        result = self._continued(continuation)
        if continuation.completes_another and result.get("repeated"):
            # An earlier run had published its rows, and was lost before it could say so. This one's come now.
            result = self._continued(incremental.Continuation(asked.Incremental, context))
        return result

    def _continued(self, continuation: incremental.Continuation) -> dict[str, Any]:
        source = continuation.source(self.parameters.Source)
        return {**self._moved(source, continuation.context, continuation), **continuation.moved_on()}

    def _moved(
        self, source: ends.Source, context: StepContext, continuation: incremental.Continuation | None
    ) -> dict[str, Any]:
        asked: TransferParameters = self.parameters
        with source.open(context) as rows:
            handover = Handover(rows, source, asked.Target, context)
            if (before := handover.before) is not None:
                return {**before, "repeated": True}
            schema = transformed(rows.schema, asked.Transforms)
            tally = checks.Tally(asked.Checks, schema.result)
            with asked.Target.open(schema.result, context) as sink, read_ahead(rows.batches()) as batches:
                for batch in batches:
                    context.check_stop()
                    written = schema.apply(continuation.seen(batch) if continuation else batch)
                    tally.count(written)
                    sink.write(written)
                    context.progress.count(rows=written.num_rows)
                # The rows of a run that is completed were judged by it, and may be fewer by now.
                tally.judge(least=not (continuation and continuation.completes))
                context.check_publish()  # who must not publish must not announce it either: the one that may would stop
                if continuation:
                    continuation.publishing()
                handover.publishing()
                context.check_publish()
                result = {"rows": tally.rows, **sink.commit()}
            if not result.get("repeated"):
                # Else the target has the rows of an earlier try and took none of these, which may be others: they stay.
                result |= handover.published(result)
        return result

    def _pass_on(self, encoded: Encoded, context: StepContext) -> dict[str, Any]:
        asked: TransferParameters = self.parameters
        with asked.Target.open_encoded(context) as sink, read_ahead(encoded.chunks()) as chunks:
            for chunk in chunks:
                context.check_stop()
                sink.write(chunk)
            rows = encoded.rows
            asked.Checks.judge_count(rows)
            context.progress.count(rows=rows or 0)
            context.check_publish()
            return {"rows": rows, **sink.commit()}

    @contextmanager
    def _as_they_are(self, context: StepContext) -> Iterator[Encoded | None]:
        """Open the source for the bytes that the target takes as they are; yields None where rows are needed."""
        asked: TransferParameters = self.parameters
        encoding: Encoding | None = asked.Target.encoding()
        if encoding is None or asked.Transforms or asked.Incremental or asked.Checks.look_at_values:
            yield None
            return
        opened = asked.Source.encoded(encoding, context)
        if opened is None:
            yield None
            return
        with opened as encoded:
            yield encoded


def transfer(name: str, source: type[ends.Source], target: type[ends.Target], summary: str) -> type[Transfer]:
    """Return the step type that moves rows from a kind of source to a kind of target."""
    model = create_model(
        f"{name}Parameters",
        __base__=TransferParameters,
        __doc__=f"What {name} is told.",
        Source=(source, Field(description="Where the rows come from.")),
        Target=(target, Field(description="Where they go.")),
    )
    return type(
        name,
        (Transfer,),
        {
            "__doc__": summary,
            "Parameters": model,
            "example": {"Source": source.example, "Target": target.example},
            "source_kind": source,
            "target_kind": target,
        },
    )
