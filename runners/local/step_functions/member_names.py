"""Native states of services whose API writes its members in lower case: a state says ``JobName``, Batch ``jobName``.

moto 5.2.5 hands the names on as they stand in the state, and nothing takes them. Each service's own model says how they
are written. It never starts, refuses or waits for anything itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_ecs import (
    StateTaskServiceEcs,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import OperationModel

    from runners.local.replacements import Replacements


def install(moto: Replacements) -> None:
    """Let states call Step Functions itself, Batch and ECS by the names that Step Functions has for their members."""
    for service in (StateTaskServiceBatch, StateTaskServiceEcs):
        moto.add(service, "_normalise_parameters", _to_the_api)
        moto.add(service, "_normalise_response", _from_the_api)
    moto.replace(StateTaskServiceSfn, "_normalise_parameters", _after(StateTaskServiceSfn._normalise_parameters))
    moto.add(StateTaskServiceSfn, "_normalise_response", _from_the_api)


def _to_the_api(
    task: Any, parameters: dict[str, Any], boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    task._to_boto_request(parameters, _operation(task, boto_service_name, service_action_name).input_shape)


def _from_the_api(
    task: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    task._from_boto_response(response, _operation(task, boto_service_name, service_action_name).output_shape)


def _after(normalise: Callable[..., None]) -> Callable[..., None]:
    """First what moto does: an execution's input, which is an object in the state, is made a text."""

    def both(task: Any, parameters: dict[str, Any], *names: str | None) -> None:
        normalise(task, parameters, *names)
        _to_the_api(task, parameters, *names)

    return both


def _operation(task: Any, service_name: str | None, action_name: str | None) -> OperationModel:
    model = botocore.session.get_session().get_service_model(task._get_boto_service_name(service_name))
    action = task._get_boto_service_action(action_name).replace("_", "")
    return model.operation_model(next(name for name in model.operation_names if name.lower() == action))
