"""What each function is, as its source says: the routes that it answers, and the functions that it sends messages to.

Infrastructure that is written by hand is held to it by tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from infra.bundling import FUNCTIONS, names
from infra.deployments import IN_CLUSTER, Deployment
from infra.importing import reached
from shared.services.api import page

API: Final = "ANY /api/{rest}"
"""All that is below `/api`, in one."""
OWN: Final = ("GET /healthz", "GET /readyz")
"""What every function answers for operators; at a deployment's address the portal does."""
_INTERNAL: Final = "POST /internal/"
_FORWARD: Final = frozenset({"portal", "reconcile"})
"""What forwards anew, whomever it is for, a dead letter (`Queue.redrive`) or what was cut off (`Store.tidy`)."""
_SENDERS: Final = {"Message": 1, "message": 1, "reminder": 0}
"""What makes a message, by the place of the argument that names its function."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: `routes` as `METHOD /template` from outside, `sends` whom its messages are for, whether any come."""

    name: str
    routes: tuple[str, ...]
    sends: tuple[str, ...]
    receives: bool


def catalogue(deployment: Deployment) -> list[Function]:
    """Return every function of a deployment but those that run in clusters."""
    return [describe(name, deployment) for name in names(deployment) if name not in IN_CLUSTER]


@cache
def describe(name: str, deployment: Deployment) -> Function:
    """Return what a function is."""
    main = FUNCTIONS / name / "main.py"
    told = sorted(f"{method} {template}" for method, template in _routes(main))
    outside = [route for route in told if not route.startswith(_INTERNAL)]
    if name == "portal":
        outside = [API, *(f"{route.method} {route.template}" for route in page.routes()), *OWN]
    files = (main, *reached(main, deployment=deployment))
    sends = {function for file in files for function in _sent(file)}
    if name in _FORWARD:
        sends |= {one for one in names(deployment) if _receives(one)}
    return Function(name, tuple(outside), tuple(sorted(sends)), _receives(name))


def _receives(name: str) -> bool:
    return ("POST", f"/internal/{name}") in _routes(FUNCTIONS / name / "main.py")


def _routes(main: Path) -> Iterator[tuple[str, str]]:
    for call in _calls(main):
        match call:
            case ast.Call(ast.Name("Route"), [ast.Constant(str(method)), ast.Constant(str(template)), *_]):
                yield method, template


@cache
def _sent(file: Path) -> frozenset[str]:
    """Return the functions that a file makes messages for."""
    found = ((call.func, call.args) for call in _calls(file))
    named = (
        args[_SENDERS[func.id]]
        for func, args in found
        if isinstance(func, ast.Name) and len(args) > _SENDERS.get(func.id, len(args))
    )
    return frozenset(arg.value for arg in named if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def _calls(file: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Call)]
