"""Small function folders that the engine loads as it loads the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any

import urllib3

from infra.local.engine import Engine

NAMES = (
    "git_push",
    "sync",
    "portal",
    "workload_admission",
    "workload_audit",
    "dispatch",
    "run_report",
    "reconcile",
    "announce",
    "subscriber",
)

SAYS_ITS_NAME = """
from shared.edge.functions import function
from shared.model.calls import Answer, Route

def answer(call):
    return Answer(200, {"function": "NAME", "path": call.path, "bytes": len(call.body)})

routes = [Route(method, path, answer, limit=30 << 20) for method in ("GET", "POST") for path in ("/", "/{rest*}")]
NAME = function(*routes)
"""

WRITES = """
from shared.clients.ids import new_id
from shared.clients.opening import open_store
from shared.edge.functions import function
from shared.edge.metrics import count
from shared.model.calls import Answer, Route
from shared.model.records import ABSENT, Key, Put
from shared.services.ledger import message
from shared.settings import State

store = open_store(State.read().store_url)

def write(call):
    number = call.params["number"]
    sent = message(new_id, "sync", call.query.get("action", "project"), number=number)
    store.commit([Put(Key("asked", number), b"", ABSENT)], [sent])
    count("litmus_gitops_reviews_total", outcome="tried")
    return Answer(202, {"message": sent.id})

portal = function(Route("POST", "/api/write/{number}", write))
"""

WORKS = """
import time
from shared.clients.opening import open_store, utc_now
from shared.edge.functions import function
from shared.errors import Misconfigured, NotYet, Unavailable
from shared.model.calls import Route
from shared.model.records import Key, Put
from shared.rules.keys import internal_key
from shared.services.inbox import Inbox
from shared.settings import State

state = State.read()
store = open_store(state.store_url)

def done(message):
    store.commit([Put(Key("done", message.ids["number"]), repr(time.time()).encode())])

def early(message):
    if store.get(Key("early", message.ids["number"])) is None:
        store.commit([Put(Key("early", message.ids["number"]), b"")])
        raise NotYet("not yet", seconds=0.2)
    done(message)

def slow(message):
    store.commit([Put(Key("begun", message.ids["number"]), b"")])
    time.sleep(1.0)
    done(message)

def tick(message):
    store.commit([Put(Key("ticks", repr(time.time())), b"")])

def broken(message):
    raise Unavailable("it never works")

actions = {"project": done, "early": early, "slow": slow, "broken": broken, "tick": tick}
NAME = function(Route("POST", "/internal/NAME", Inbox(internal_key(state.master_key), utc_now, actions)))
"""

WAITS = """
import time
from shared.edge.functions import function
from shared.model.calls import Answer, Route

def wait(call):
    time.sleep(float(call.query["seconds"]))
    return Answer(200, {"waited": True})

NAME = function(Route("GET", "/orders/{cluster}", wait), Route("GET", "/wait", wait))
"""


def write_function(root: Path, name: str, source: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.py").write_text(dedent(source).replace("NAME", name))
    return root


def write_named(root: Path, names: Iterable[str] = NAMES) -> Path:
    for name in names:
        write_function(root, name, SAYS_ITS_NAME)
    return root


def write_working(root: Path) -> Path:
    write_function(root, "portal", WRITES)
    return write_function(root, "sync", WORKS)


def ask(engine: Engine, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    answer = urllib3.request(method, engine.url + path, body=body, retries=False, timeout=10)
    return answer.status, json.loads(answer.data) if b"{" in answer.data[:1] else answer.data.decode()
