"""The build commands, for pynt: `pynt` lists them, `pynt deploy` runs one, `pynt createstack[glue-resources]` one part.

Which environment: `ETL_ENVIRONMENT=dev pynt deploy`, or `pynt deploy[environment=dev]`; else `local`.
Thin over `runners.deployment`; it holds no rules of its own.
"""

import difflib as _difflib
import functools as _functools
import inspect as _inspect
import subprocess as _subprocess
import sys as _sys
from pathlib import Path as _Path

_ROOT = _Path(__file__).parent
_sys.path.insert(0, str(_ROOT))

try:
    import pynt as _pynt
    from botocore.exceptions import BotoCoreError as _BotoCoreError
    from botocore.exceptions import ClientError as _ClientError

    from runners.deployment import packaging as _packaging
    from runners.deployment.account import explained as _explained
    from runners.deployment.deployment import Deployment as _Deployment
    from runners.deployment.environment import write_schema as _write_schema
    from runners.deployment.progress import Progress as _Progress
    from runners.deployment.templates import known as _known
    from runners.errors import RunnersError as _RunnersError
except ModuleNotFoundError as error:
    raise SystemExit(f"the Python package {error.name} is missing. Type `pip install -e '.[build]'`.") from None
except KeyboardInterrupt:
    raise SystemExit("interrupted") from None


def _command(function):
    """Make a function a pynt task; what it cannot do, it says in one message and with status 1."""

    @_functools.wraps(function)
    def told(*names, **options):
        try:
            _inspect.signature(function).bind(*names, **options)
        except TypeError as error:
            raise SystemExit(f"{function.__name__}: {error}. {function.__doc__}") from None
        try:
            function(*names, **options)
        except _RunnersError as error:
            raise SystemExit(str(error)) from None
        except (_BotoCoreError, _ClientError) as error:
            raise SystemExit(_explained(error)) from None
        except KeyboardInterrupt:
            raise SystemExit("interrupted; the same command can be typed again") from None

    return _pynt.task()(told)


@_command
def clean():
    """Remove all that was built."""
    _packaging.clean(_Progress())


@_command
def packagelambda(*names, environment=None):
    """Build the package of the Lambda functions for their platform."""
    _Deployment(environment).package_lambda(*names)


@_command
def updatelambda(*names, environment=None):
    """Put new code into deployed Lambda functions, without an update of their stack."""
    _Deployment(environment).update_lambda(*names)


@_command
def deploylambda(*names, environment=None):
    """Package and upload the Lambda functions, for createstack and updatestack to take."""
    _Deployment(environment).deploy_lambda(*names)


@_command
def deploygluescripts(*, environment=None):
    """Upload the Glue scripts."""
    _Deployment(environment).deploy_glue_scripts()


@_command
def createstack(*names, environment=None):
    """Create stacks; those that exist are left as they are."""
    _Deployment(environment).create_stack(*names)


@_command
def updatestack(*names, environment=None):
    """Update stacks that exist."""
    _Deployment(environment).update_stack(*names)


@_command
def deletestack(*names, environment=None):
    """Delete stacks; the data bucket must be empty."""
    _Deployment(environment).delete_stack(*names)


@_command
def stackstatus(*, environment=None):
    """Show the status of each stack."""
    _Deployment(environment).stack_status()


@_command
def deletes3bucket(*names, environment=None):
    """Empty and delete the environment's buckets, with all that they hold."""
    _Deployment(environment).delete_s3_bucket(*names)


@_command
def deploy(*, environment=None):
    """Bring everything up to date: buckets, scripts, Lambda functions, stacks."""
    _Deployment(environment).deploy()


@_command
def teardown(consent="", *, environment=None):
    """Delete everything that deploy made; `teardown[delete-data]` also data in an AWS account."""
    _Deployment(environment).teardown(consent)


@_command
def configschema():
    """Write the JSON schema of config/ anew, for editors."""
    _Progress().say(f"wrote {_write_schema()}")


@_command
def demo():
    """Run the whole workflow on the embedded AWS, no account needed."""
    from runners.local.demo import main  # noqa: PLC0415  # the embedded AWS is needed here only

    main()


@_command
def sample(name=""):
    """Run a sample on the embedded AWS: 'sample[athena]', 'sample[crawler]', 'sample[dms]' or 'sample[steps]'."""
    from runners.local.samples import run  # noqa: PLC0415  # the embedded AWS is needed here only

    run(name)


@_command
def samples():
    """Run every sample. A shell makes this of sample[dms] without quotes, because of the folder samples/."""
    from runners.local.samples import SAMPLES, run  # noqa: PLC0415  # as above

    for name in SAMPLES:
        run(name)


_CHECKS = {
    "style": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "layers": ["lint-imports"],
    # Templates and state machines are linted by tests, as what they become with each environment's values.
    "tests": ["pytest", "--cov", "-n", "auto", "--ignore", "tests/recovery"],
    # By themselves, as they take three times as long while coverage watches their threads.
    "recovery": ["pytest", "-n", "auto", "tests/recovery"],
}


@_command
def test(*names):
    """Run every check, or those named: style, format, types, layers, tests, recovery."""
    failed = []
    for name in _known(names, tuple(_CHECKS), "check"):
        command = _CHECKS[name]
        _Progress().say(f"{name}: {' '.join(command)}")
        if _subprocess.run(
            [_Path(_sys.executable).with_name(command[0]), *command[1:]], cwd=_ROOT, check=False
        ).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def __getattr__(name):
    """Answer pynt, which looks a task up as an attribute, that there is none and which one may be meant."""
    tasks = sorted(key for key, value in globals().items() if isinstance(value, _pynt._pynt.Task))
    beginning = [task for task in tasks if task.startswith(name)]
    if name.startswith("_") or len(beginning) == 1:  # pynt takes the beginning of a name for the name
        raise AttributeError(name)
    meant = beginning or _difflib.get_close_matches(name, tasks, n=1)
    suggestion = f"; did you mean {' or '.join(meant)}?" if meant else "."
    raise SystemExit(f"there is no task {name}{suggestion} `pynt` without a name lists the tasks.")
