"""What a laptop cannot run, as an extension of moto: the start of such a job is refused, with its service's own error.

moto 5.2.5 would pretend: its ECS tasks run from the moment they are asked for and do nothing, nor do its workflow
runs of Glue; its Batch wants Docker; and of the runs of a DataBrew job it knows nothing. What these services only
keep, such as task definitions, is left to moto. Any operation that moto lacks is refused by its name as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.batch.responses import BatchResponse
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.databrew import urls as databrew_urls
from moto.databrew.responses import DataBrewResponse
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.glue.responses import GlueResponse

from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.server import EmbeddedAWS

BATCH = "Batch is not available in the embedded AWS: it runs no containers"
ECS = "ECS is not available in the embedded AWS: it runs no containers"
DATABREW = "DataBrew is not available in the embedded AWS: it has no engine for recipes and profiles"
GLUE_WORKFLOWS = (
    "A workflow of Glue is not available in the embedded AWS, which has no triggers: "
    "run its jobs and crawlers as states of a state machine"
)

_REFUSED = (
    (BatchResponse, "submitjob", "ClientException", BATCH),
    (EC2ContainerServiceResponse, "run_task", "UnsupportedFeatureException", ECS),
    (EC2ContainerServiceResponse, "start_task", "UnsupportedFeatureException", ECS),
    (GlueResponse, "start_workflow_run", "InvalidInputException", GLUE_WORKFLOWS),
)
_RUNS_OF_DATABREW = {
    "list_job_runs": "{0}/jobs/(?P<job_name>[^/]+)/jobRuns$",
    "start_job_run": "{0}/jobs/(?P<job_name>[^/]+)/startJobRun$",
}
"""By moto's names: what begins with a look at the runs there are ends there."""


class MissingOperationException(ServiceException):
    """An operation that neither moto nor an extension has."""

    code = "ValidationException"  # a code that any service may answer


class Unavailable:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()

    def start(self, aws: EmbeddedAWS) -> None:  # noqa: ARG002  # an extension's signature
        """Refuse what would only seem to run."""
        for owner, method, code, message in _REFUSED:
            self._moto.replace(owner, method, _refusing(code, message))
        paths = dict.fromkeys(_RUNS_OF_DATABREW.values(), DataBrewResponse.dispatch)
        self._moto.replace(databrew_urls, "url_paths", {**databrew_urls.url_paths, **paths})
        for method in _RUNS_OF_DATABREW:
            self._moto.add(DataBrewResponse, method, _refusing("ValidationException", DATABREW))
        self._moto.replace(BaseResponse, "call_action", _naming_what_is_missing(BaseResponse.call_action))

    def stop(self) -> None:
        """Put moto back as it was."""
        self._moto.undo()


def _naming_what_is_missing(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Refuse an operation that moto does not have in the service's protocol, where moto's server breaks off."""

    def answer_or_refuse(response: Any) -> Any:
        try:
            return answer(response)
        except NotImplementedError:
            operation = f"{response.boto3_service_name} {response._get_action()}"
            refusal = MissingOperationException(f"The embedded AWS does not have the operation {operation}")
            return response.serialized(ActionResult(refusal))

    return answer_or_refuse


def _refusing(code: str, message: str) -> Callable[[Any], Any]:
    def refuse(_response: Any) -> Any:
        raise JsonRESTError(code, message)

    return refuse
