"""Every function in one process; by default with SQLite in a data folder, so that nothing else has to be started."""

from __future__ import annotations

import ctypes
import secrets
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from infra.local.courier import Courier
from infra.local.environment import applied, own_store, variables
from infra.local.folder import furnish, kept, locked
from infra.local.gateway import Gateway
from infra.local.greeting import greeting
from infra.local.loading import load_functions
from infra.local.operations import Checks, Operations
from infra.local.runner import Runner
from infra.local.settings import HOST, LocalSettings
from infra.local.timer import Timer
from infra.local.web import WebServer, bind
from shared.clients.opening import open_store, open_wakeful, utc_now
from shared.edge import logs
from shared.edge.metrics import count
from shared.errors import LitmusGitopsError
from shared.ports.state import Store, Wakeful
from shared.rules.keys import internal_key
from shared.services.leases import Leases
from shared.settings import State

_ARENA_MAX: Final = -8
"""`M_ARENA_MAX` of malloc.h."""

_HEAPS: Final = 2


class Engine:
    """All that `litmus-gitops up` runs; a `with` block starts and stops it.

    A stopped engine drains for `settings.grace` seconds. A killed one loses nothing: what was committed is on disk, and
    what was being worked on is claimed anew by the next engine, which voids every lease before it serves. On a database
    that others may work on as well it waits until those leases end.
    """

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings
        self.port = 0
        self.token = ""
        self._parts = ExitStack()

    @property
    def url(self) -> str:
        """Where it serves, once started."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Serve: `Misconfigured` if the folder or the port is another's, or a function cannot be loaded."""
        with ExitStack() as parts:
            on = self._take_place(parts)
            self._load_and_serve(parts, on)
            self._parts = parts.pop_all()

    def stop(self) -> None:
        """Accept no more, let what runs end within the grace, and let go of everything."""
        self._parts.close()

    def _take_place(self, parts: ExitStack) -> socket.socket:
        """Take the folder, the port and the environment; return the bound socket."""
        data = self.settings.data_dir
        parts.enter_context(locked(data))
        furnish(data)
        self.token = self.settings.admin_token or kept(data / "admin-token", secrets.token_urlsafe(32))
        on = parts.enter_context(bind(self.settings.port))
        self.port = on.getsockname()[1]
        parts.enter_context(applied(variables(self.settings, self.port)))
        return on

    def _load_and_serve(self, parts: ExitStack, on: socket.socket) -> None:
        """Open the state, load the functions, and start what serves and delivers."""
        settings, state = self.settings, State.read()
        store, queue = _open_state(parts, settings, state)
        functions = load_functions(settings.functions)
        courier = Courier(
            self.port,
            internal_key(state.master_key),
            utc_now,
            patience=settings.delivery,
            connections=settings.couriers,
        )
        parts.callback(courier.close)
        runner = Runner(queue, courier.deliver, count, couriers=settings.couriers)
        timer = Timer(store, settings.reconcile) if "reconcile" in functions else None
        operations = Operations(store, queue, _checks(runner, timer))
        gateway = Gateway(functions, operations.application(), polls=settings.threads // 2)
        web = WebServer(gateway, on, settings.threads)
        parts.callback(_wind_down, web, runner, timer, settings.grace)
        for part in (web, runner, timer):
            if part is not None:
                part.start()


def serve(port: int, data: Path) -> int:
    """Run the engine until SIGTERM or SIGINT; return the exit status: 0 ended in order, 1 could not start."""
    ended = threading.Event()
    _keep_heaps_few()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        settings = replace(LocalSettings.read(), port=port, data_dir=data)
        logs.configure(settings.log_level or ("WARNING" if sys.stderr.isatty() else "INFO"))
        with Engine(settings) as engine:
            sys.stdout.write(greeting(engine.url, engine.token, engine.settings))
            sys.stdout.flush()
            ended.wait()
    except LitmusGitopsError as error:
        sys.stderr.write(f"litmus-gitops cannot start: {error}\n")
        return 1
    return 0


def _keep_heaps_few() -> None:
    """Have glibc give all threads two heaps in place of eight a core, each of which keeps its largest size for ever.

    Source: mallopt(3), `M_ARENA_MAX`. Only one thread at a time is in Python, so that they seldom want both.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _HEAPS)


def _open_state(parts: ExitStack, settings: LocalSettings, state: State) -> tuple[Store, Wakeful]:
    """Return store and queue; in the data folder, which is ours alone, rid of the leases of whoever was killed here.

    Raises `Unavailable` if the database does not answer.
    """
    store, queue = open_store(*state.store), open_wakeful(state.store_url)
    parts.callback(queue.close)
    if state.store_url == own_store(settings):
        queue.void_leases()
        Leases(store, utc_now).void_all()
    else:
        queue.depth()
    return store, queue


def _checks(runner: Runner, timer: Timer | None) -> Checks:
    checks = {"runner": lambda: runner.alive}
    return checks if timer is None else checks | {"timer": lambda: timer.alive}


def _wind_down(web: WebServer, runner: Runner, timer: Timer | None, grace: float) -> None:
    deadline = time.monotonic() + grace
    web.refuse()
    if timer is not None:
        timer.stop()
    runner.stop(deadline)
    web.drain(deadline)
    web.stop()
