"""Executions that can be watched and stopped at any moment: moto's interpreter, with its ends made sure.

moto 5.2.5 leaves an execution RUNNING until what it waits for ends by itself, lets a cancelled branch write on in the
history, and tells nobody that a task is no longer waited for. Here an execution that is stopped, times out or
leaves a task wakes what waits in it, refuses its tokens and closes its history at that moment. Nothing here
interprets a state: that is moto's (``moto/stepfunctions/parser/asl``).
"""

# moto's interpreter is annotated in parts, and wrongly in others: what touches it cannot be checked.
# mypy: disable-error-code="attr-defined,override,typeddict-item,no-untyped-call,arg-type,union-attr,assignment"

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import (
    ExecutionAbortedEventDetails,
    ExecutionStartedEventDetails,
    ExecutionStatus,
    ExecutionTimedOutEventDetails,
    HistoryEventExecutionDataDetails,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackPoolManager
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import ExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramState,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from runners.local.step_functions.activity_tasks import ActivityTasks, WaitingTask

_FINAL_STATUS: dict[type[ProgramState], ExecutionStatus] = {
    ProgramEnded: ExecutionStatus.SUCCEEDED,
    ProgramError: ExecutionStatus.FAILED,
    ProgramStopped: ExecutionStatus.ABORTED,
    ProgramTimedOut: ExecutionStatus.TIMED_OUT,
}


class History(EventManager):
    """The events of one execution: what was left, or has ended, adds none any more."""

    def __init__(self) -> None:
        super().__init__()
        self._closing = threading.RLock()
        self._left: set[EventHistoryContext] = set()
        self._ended = False

    def add_event(
        self, context: EventHistoryContext, event_type: HistoryEventType, *arguments: Any, **named: Any
    ) -> int:
        """Add an event, unless the execution ended before or the frame that speaks was left."""
        with self._closing:
            if self._ended or context in self._left:
                return int(context.last_published_event_id)
            self._ended = event_type in {HistoryEventType.ExecutionAborted, HistoryEventType.ExecutionTimedOut}
            return int(super().add_event(context, event_type, *arguments, **named))

    def leave(self, context: EventHistoryContext) -> None:
        """Take no more events of this frame."""
        with self._closing:
            self._left.add(context)

    def was_left(self, context: EventHistoryContext) -> bool:
        """Say whether this frame adds events no more."""
        with self._closing:
            return context in self._left


class FrameTasks(CallbackPoolManager):
    """The tasks that one frame of an execution waits for. moto keeps one pool for all frames, and abandons none."""

    def __init__(self, tasks: ActivityTasks) -> None:
        super().__init__(activity_store={})
        self._tasks = tasks
        self._left = False

    def add_activity_task(self, callback_id: str, activity_arn: str, activity_input: str) -> WaitingTask:
        """Schedule a task of an activity, for this frame."""
        return self._own(self._tasks.schedule(callback_id, activity_arn, activity_input))

    def add(self, callback_id: str) -> WaitingTask:
        """Expect the outcome of a ``.waitForTaskToken`` task."""
        return self._own(self._tasks.expect(callback_id))

    def get(self, callback_id: str) -> WaitingTask:
        """Answer the task that the frame around this one expects, as this frame's own.

        A retry of the state expects the same token anew.
        """
        task = self._tasks.find(callback_id)
        if task.get_outcome() is not None or task.was_abandoned():
            task = self._tasks.expect(callback_id)
        return self._own(task)

    def abandon(self) -> None:
        """Nobody waits for the tasks of this frame any more."""
        self._left = True
        for task in list(self._pool.values()):
            task.abandon()

    def _own(self, task: WaitingTask) -> WaitingTask:
        self._pool[task.callback_id] = task
        if self._left:
            task.abandon()
        return task


class LiveEnvironment(Environment):
    """A frame of an execution that wakes and refuses what it leaves behind."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.event_manager = History()
        self.callback_pool_manager = FrameTasks(self.activity_store)

    @classmethod
    def as_frame_of(
        cls, env: LiveEnvironment, event_history_frame_cache: EventHistoryContext | None = None
    ) -> LiveEnvironment:
        """As moto's, which makes a frame of its own class whatever ``cls`` is."""
        return cls.as_inner_frame_of(env, env.variable_store, event_history_frame_cache)

    @classmethod
    def as_inner_frame_of(
        cls,
        env: LiveEnvironment,
        variable_store: Any,
        event_history_frame_cache: EventHistoryContext | None = None,
    ) -> LiveEnvironment:
        """Open a frame with tasks of its own; in a frame that was left, one that is left too."""
        frame: LiveEnvironment = super().as_inner_frame_of(env, variable_store, event_history_frame_cache)
        frame.callback_pool_manager = FrameTasks(env.activity_store)
        if env.event_manager.was_left(env.event_history_context):
            frame.leave()
        return frame

    def leave(self) -> None:
        """Nothing of this frame, nor of those inside it, matters any more."""
        self.event_manager.leave(self.event_history_context)
        self.callback_pool_manager.abandon()
        for frame in list(self._frames):
            frame.leave()

    def close_frame(self, frame: LiveEnvironment) -> None:
        """Close a frame; moto lets what still runs in it go on."""
        super().close_frame(frame)
        frame.leave()

    def set_ended(self) -> None:
        """End the frame, and wake what waits in it."""
        super().set_ended()
        self.callback_pool_manager.abandon()

    def set_error(self, error: Any) -> None:
        """End the frame with an error, and wake what waits in it."""
        super().set_error(error)
        self.callback_pool_manager.abandon()

    def set_timed_out(self) -> None:
        """End the frame because its time is over; moto overwrites an end that came just before."""
        with self._state_mutex:
            if not self.is_running():
                return
            super().set_timed_out()
        self.callback_pool_manager.abandon()
        if not self.is_frame():
            details = EventDetails(executionTimedOutEventDetails=ExecutionTimedOutEventDetails())
            self._end_history(HistoryEventType.ExecutionTimedOut, details)

    def set_stop(self, stop_date: Any, cause: str | None, error: str | None) -> None:
        """End the frame because somebody stops it."""
        with self._state_mutex:
            if not self.is_running():
                return
            super().set_stop(stop_date, cause, error)
        self.callback_pool_manager.abandon()
        if not self.is_frame():
            details = EventDetails(executionAbortedEventDetails=ExecutionAbortedEventDetails(error=error, cause=cause))
            self.event_history_context.source_event_id = 0
            self._end_history(HistoryEventType.ExecutionAborted, details)

    def _end_history(self, event_type: HistoryEventType, details: EventDetails) -> None:
        self.event_manager.add_event(self.event_history_context, event_type, details)


class LiveWorker(ExecutionWorker):
    """Evaluates an execution in a thread; the execution runs, and has a history, before ``start`` returns."""

    def start(self) -> None:
        """Begin; moto builds all in the thread, where a StopExecution that comes at once finds nothing to stop."""
        self._program = AmazonStateLanguageParser.parse(self._evaluation_details.state_machine_details.definition)[0]
        self.env = self._get_evaluation_environment()
        self.env.next_state_name = self._program.start_at.start_at_name
        details = self._evaluation_details
        self.env.event_manager.add_event(
            self.env.event_history_context,
            HistoryEventType.ExecutionStarted,
            EventDetails(
                executionStartedEventDetails=ExecutionStartedEventDetails(
                    input=to_json_str(details.execution_details.inpt),
                    inputDetails=HistoryEventExecutionDataDetails(truncated=False),
                    roleArn=details.aws_execution_details.role_arn,
                )
            ),
            update_source_event_id=False,
        )
        super().start()

    def _get_evaluation_environment(self) -> LiveEnvironment:
        plain = super()._get_evaluation_environment()
        return LiveEnvironment(
            aws_execution_details=plain.aws_execution_details,
            execution_type=plain.execution_type,
            context=plain.states.context_object.context_object_data,
            event_history_context=plain.event_history_context,
            cloud_watch_logging_session=None,
            activity_store=plain.activity_store,
        )

    def _execution_logic(self) -> None:
        self._execution_communication.begun()
        try:
            self._program.eval(self.env)
        except RuntimeError:  # stopped before its first state was entered
            if self.env.is_running():
                raise
        self._execution_communication.terminated()


class _Ending(BaseExecutionWorkerCommunication):
    """Writes the end of an execution once, its status last, so that whoever reads a final status finds all of it."""

    def __init__(self, execution: LiveExecution) -> None:
        super().__init__(execution)
        self._once = threading.Lock()

    def begun(self) -> None:
        """Tell that the execution runs."""
        self.execution.tell(self.execution)

    def terminated(self) -> None:
        """Write and tell the end, if it is not written yet: the execution ended by itself, or was stopped."""
        execution = self.execution
        env = execution.exec_worker.env
        with self._once:
            if execution.exec_status is not ExecutionStatus.RUNNING:
                return
            state = env.program_state()
            if isinstance(state, ProgramError):
                error = state.error or {}
                execution.error, execution.cause = error.get("error"), error.get("cause")
            elif isinstance(state, ProgramStopped):
                execution.error, execution.cause = state.error, state.cause
            elif isinstance(state, ProgramEnded):
                # As text: moto answers an output that is a string without its quotes, and one that is null not at all.
                execution.output = to_json_str(env.states.get_input(), separators=(",", ":"))
            execution.stop_date = datetime.datetime.now(tz=datetime.UTC)
            execution.exec_status = _FINAL_STATUS[type(state)]
        execution.tell(execution)


class LiveExecution(Execution):
    """One execution of a state machine, with the real front door of activities; tells when it begins and ends."""

    def __init__(self, tasks: ActivityTasks, tell: Callable[[LiveExecution], None], **arguments: Any) -> None:
        # moto passes an empty store of activities.
        super().__init__(**{**arguments, "activity_store": tasks})
        self.exec_status = ExecutionStatus.RUNNING  # moto lists it before it says so
        self.tell = tell
        self._ending = _Ending(self)

    def stop(self, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
        """Stop at once, whatever it waits for; one that has ended stays as it is."""
        worker = self.exec_worker
        if worker is not None and worker.env is not None:
            worker.env.set_stop(stop_date=stop_date, cause=cause, error=error)
            if isinstance(worker.env.program_state(), ProgramStopped):
                self._ending.terminated()

    def events(self) -> list[dict[str, Any]]:
        """Answer a consistent copy of the history so far."""
        worker = self.exec_worker
        return list(worker.env.event_manager.get_event_history()) if worker and worker.env else []

    def get_start_execution_details(self) -> ExecutionDetails:
        """As moto's, with ``$$.Execution.StartTime`` as the text that AWS gives."""
        start = self.start_date.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
        return ExecutionDetails(
            arn=self.exec_arn,
            name=self.name,
            role_arn=self.role_arn,
            inpt=self.input_data,
            start_time=start.replace("+00:00", "Z"),
        )

    def _get_start_execution_worker_comm(self) -> _Ending:
        return self._ending

    def _get_start_execution_worker(self) -> LiveWorker:
        plain = super()._get_start_execution_worker()
        return LiveWorker(
            evaluation_details=plain._evaluation_details,
            exec_comm=plain._execution_communication,
            cloud_watch_logging_session=None,
            activity_store=self._activity_store,
        )
