"""Bundles under Lambda's own runtime client, each in a process of its own that asks us for its events (Runtime API)."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from infra import bundling
from infra.deployments import AWS
from tests.infra.sites import only_pinned
from tests.servers import HOST, served

SECONDS = 60.0
CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
REQUEST = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


class Failed(RuntimeError):
    """The function did not start, or its call ended in an error; what the runtime says of it."""


class Runtime:
    """An instance of a function: called with one event at a time, until the stack that it was started on is closed.

    `python` is the interpreter with its options, `site` a folder from which it may import besides the bundle.
    """

    def __init__(
        self, bundle: Path, python: Sequence[str], site: Path, environment: Mapping[str, str], parts: ExitStack
    ) -> None:
        self._events: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        server = ThreadingHTTPServer((HOST, 0), _handler(self._events, self._answers))
        server.daemon_threads = True
        parts.enter_context(served(server))
        self.log = bundle.with_suffix(".log")
        log = parts.enter_context(self.log.open("wb"))
        told = {"PYTHONPATH": f"{bundle}{os.pathsep}{site}", "FUNCTION_TARGET": bundle.name, "PATH": os.environ["PATH"]}
        told |= {"AWS_LAMBDA_RUNTIME_API": f"{HOST}:{server.server_port}", "LAMBDA_TASK_ROOT": str(bundle)}
        self._process = subprocess.Popen(
            [*python, "-m", "awslambdaric", "lambda_entry.handler"],
            cwd=bundle,
            env=dict(environment) | told,
            stdout=log,
            stderr=log,
        )
        parts.callback(self._process.wait)
        parts.callback(self._process.kill)

    def __call__(self, event: Mapping[str, Any]) -> Any:
        """Call the function with an event and return its answer: `Failed` where there is none."""
        self._events.put(json.dumps(event).encode())
        answer = self._answer()
        if isinstance(answer, Failed):
            raise answer
        return json.loads(answer)

    def _answer(self) -> Any:
        deadline, alive = time.monotonic() + SECONDS, True
        while alive and time.monotonic() < deadline:
            alive = self._process.poll() is None
            with suppress(queue.Empty):
                return self._answers.get(timeout=0.5)
        raise AssertionError(f"no answer: {self.log.read_text()[-4000:]}")


def started(function: str, folder: Path, environment: Mapping[str, str], parts: ExitStack) -> Runtime:
    """Start a function's bundle with nothing to import but its pins, and Lambda's client."""
    bundle = bundling.bundle(function, folder, AWS)
    site = only_pinned(bundle, folder / f"{function}-site", *CLIENT)
    return Runtime(bundle, [sys.executable, "-S"], site, environment, parts)


@dataclass
class InRuntime:
    """The functions of a deployment, each started at its first call."""

    environment: Mapping[str, str]
    folder: Path
    parts: ExitStack
    instances: dict[str, Runtime] = field(default_factory=dict)

    def __call__(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call."""
        if function not in self.instances:
            self.instances[function] = started(function, self.folder, self.environment, self.parts)
        return self.instances[function](event)


def _handler(events: queue.Queue[Any], answers: queue.Queue[Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = events.get()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", REQUEST)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 300) * 1000)))
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:f"
            )
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
            self.send_header("Content-Type", "application/json")
            self._end(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            failed = self.path.endswith("/error")
            answers.put(Failed(body.decode()) if failed else body)
            self.send_response(202)
            self._end(b"")

        def _end(self, body: bytes) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
