from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.clients.conformance.engines import Engine

ROOT = Path(__file__).parents[3]

WRITER = """
import itertools, sys
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put
from tests.clients.conformance.engines import open_elsewhere

store = open_elsewhere(*sys.argv[2:])
for number in itertools.count(int(sys.argv[1])):
    name = f"{number:08}"
    writes = [Put(Key("first", name), b"x" * 500, ABSENT), Put(Key("second", name), b"y" * 3000, ABSENT)]
    store.commit(writes, [Message(name, "sync", "project", {"n": name})])
    print(name, flush=True)
"""


def write_until_killed(engine: Engine, start: int, commits: int, moment: float) -> str:
    """Return the last commit of those that the writer had confirmed when it was killed in the middle of its work."""
    command = [sys.executable, "-c", WRITER, str(start), *engine.address]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        confirmed = [writer.stdout.readline() for _ in range(commits)]
        time.sleep(moment)
        writer.kill()
        return (confirmed + writer.stdout.readlines())[-1].strip()


def test_writes_and_their_messages_survive_a_kill_together_or_not_at_all(engine: Engine) -> None:
    engine.end()
    confirmed, start = "", 0
    for commits, moment in ((1, 0), (5, 0.0005), (8, 0.0007), (13, 0.0009), (21, 0.0012)):
        confirmed = write_until_killed(engine, start, commits, moment)
        start = int(confirmed) + 2
    engine.reopen()
    first = [record.key.sort for record in engine.store.query("first", limit=100_000)]
    second = [record.key.sort for record in engine.store.query("second", limit=100_000)]
    sent = sorted(claimed.message.id for claimed in engine.queue.receive(100_000, 60))
    assert first == second == sent
    assert confirmed in first
    assert len(first) >= 48
