"""Lambda functions of one module, for tests."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from typing import Any

# What a function answers and does is asked for by its event.
OBEDIENT = """
    import json, logging, os, sys, time

    def handler(event, context):
        ask = event.get("do")
        if ask == "fail":
            raise ValueError("as asked")
        if ask == "exit":
            sys.exit(event.get("status"))
        if ask == "sleep":
            time.sleep(600)
        if ask == "unspeakable":
            return object()
        if ask == "import":
            return __import__(event["module"]).__name__
        if ask == "context":
            return {name: getattr(context, name) for name in event["names"]}
        if ask == "environment":
            return dict(os.environ)
        if ask == "log":
            logging.getLogger("own").info("an info")
            logging.getLogger("own").warning("a warning")
            print("printed")
            os.write(1, b"written\\n")
            print("unended", end="")
            return None
        return {"event": event, "pid": os.getpid()}
"""


def package(code: str = OBEDIENT, **files: str) -> bytes:
    """Answer a zip with ``app.py``, and other modules by name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", textwrap.dedent(code))
        for name, content in files.items():
            archive.writestr(f"{name}.py", textwrap.dedent(content))
    return packed.getvalue()


class Lambda:
    """What a test does with one function, by default of the obedient code."""

    def __init__(self, client: Any, role: str) -> None:
        self.client = client
        self.role = role

    def create(self, name: str = "function", code: bytes | None = None, **more: Any) -> str:
        """Create a function; answer its ARN."""
        settings = {"Runtime": "python3.13", "Handler": "app.handler", "Timeout": 30, **more}
        created = self.client.create_function(
            FunctionName=name, Role=self.role, Code={"ZipFile": code or package()}, **settings
        )
        return str(created["FunctionArn"])

    def invoke(self, event: Any = None, name: str = "function", **more: Any) -> Any:
        """Invoke the function; answer the API's answer with its payload read."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
        payload = answer["Payload"].read()
        answer["Payload"] = json.loads(payload) if payload else None
        return answer


def log_lines(logs: Any, group: str = "/aws/lambda/function") -> list[str]:
    """Answer all that a function logged, in order."""
    groups = [found["logGroupName"] for found in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]]
    if group not in groups:
        return []
    return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
