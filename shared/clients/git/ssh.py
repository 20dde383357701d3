"""ssh by OpenSSH's client, which checks the host's key and never asks anyone."""

from __future__ import annotations

import os
import re
import select
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, NamedTuple

from shared.clients.git.places import Place
from shared.clients.git.streams import Patience
from shared.errors import Forbidden, Misconfigured

_PIECE: Final = 4096
"""Bytes that a pipe takes at once without blocking, if it takes any (POSIX PIPE_BUF)."""

_KEY: Final = re.compile(
    r"\s*(?P<key>-+BEGIN [A-Z ]*PRIVATE KEY-+.+?-+END [A-Z ]*PRIVATE KEY-+)(?P<hosts>.*)", re.DOTALL
)


class Ssh(NamedTuple):
    """The client's command, and how long it is waited for."""

    command: tuple[str, ...] = ("ssh",)
    patience: Patience = Patience()


class SshStream:
    """A command on the host.

    `credential` is a private key as OpenSSH writes it; lines after its end are the host's `known_hosts` lines.
    They alone count then; without them those of the user and the machine that run us do.
    """

    def __init__(self, place: Place, service: str, version: int, credential: str | None, ssh: Ssh) -> None:
        self._place, self._patience = place, ssh.patience
        with ExitStack() as kept:
            self._said = kept.enter_context(tempfile.TemporaryFile())
            folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="litmus-gitops-")))
            options = [*_options(place, version, ssh.patience), *_identity(folder, credential)]
            self._process = _start([*ssh.command, *options, *_target(place, service)], self._said.fileno())
            self._kept = kept.pop_all()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, or fewer at the end; what ssh complains of is raised in its place."""
        assert self._process.stdout
        pipe, parts = self._process.stdout.fileno(), bytearray()
        while len(parts) < size:
            if not select.select([pipe], [], [], self._patience.read)[0]:
                raise TimeoutError(f"nothing came for {self._patience.read:g} s")
            part = os.read(pipe, size - len(parts))
            if not part:
                self._explain()
                break
            parts += part
        return bytes(parts)

    def write(self, data: bytes) -> int:
        """Send all of it, unless the other end has hung up: why it did so is still to be read."""
        assert self._process.stdin
        pipe = self._process.stdin.fileno()
        for start in range(0, len(data), _PIECE):
            if not select.select([], [pipe], [], self._patience.read)[1]:
                raise TimeoutError(f"nothing was taken for {self._patience.read:g} s")
            with suppress(BrokenPipeError):
                os.write(pipe, data[start : start + _PIECE])
        return len(data)

    def close(self) -> None:
        """Hang up, and remove the key's copy."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                pipe.close()
        if self._end() is None:
            self._process.kill()
            self._process.wait()
        self._kept.close()

    def _explain(self) -> None:
        """Raise the reason that the command ended for, if it was a failure."""
        code = self._end()
        self._said.seek(0)
        complaint = self._said.read()[-2000:].decode(errors="replace")
        if "Host key verification failed" in complaint:
            raise Misconfigured(
                f"the ssh host key of {self._place.host} is not known: "
                "put its known_hosts line below the private key in the secret that `credential` names"
            )
        if "Permission denied" in complaint:
            raise Forbidden(f"{self._place.host} does not accept our ssh key: mend the secret that `credential` names")
        if code:
            raise ConnectionError(complaint.strip() or f"ssh ended with code {code}")

    def _end(self) -> int | None:
        """Wait for the command's end and return its code; None if it does not come."""
        try:
            return self._process.wait(self._patience.connect)
        except subprocess.TimeoutExpired:
            return None


def _start(arguments: list[str], complaints: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - our own arguments; the host's name cannot be read as an option
            arguments, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints
        )
    except FileNotFoundError as error:
        raise Misconfigured("ssh repositories need OpenSSH's client: install it, or use https") from error


def _options(place: Place, version: int, patience: Patience) -> list[str]:
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"ConnectTimeout={max(1, round(patience.connect))}"]
    options += [f"SetEnv=GIT_PROTOCOL=version={version}"] if version else []
    options += [f"Port={place.port}"] if place.port else []
    return ["-T", "-x", *(part for option in options for part in ("-o", option))]


def _identity(folder: Path, credential: str | None) -> list[str]:
    """Write the key, and the hosts that come with it, where only ssh finds them; return how ssh is told of them."""
    if not credential:
        return []
    found = _KEY.match(credential)
    if found is None:
        raise Misconfigured("the secret that `credential` names holds no private key as OpenSSH writes it")
    told = ["-o", "IdentitiesOnly=yes", "-i", str(_private(folder / "key", found["key"]))]
    if found["hosts"].strip():
        hosts = _private(folder / "known_hosts", found["hosts"])
        told += ["-o", f"UserKnownHostsFile={hosts}", "-o", f"GlobalKnownHostsFile={os.devnull}"]
    return told


def _private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text.strip() + "\n", encoding="utf-8")
    return path


def _target(place: Place, service: str) -> list[str]:
    path = place.path[1:] if place.path.startswith("/~") else place.path
    quoted = path.replace("'", "'\\''")
    return [f"{place.user}@{place.host}" if place.user else place.host, f"{service} '{quoted}'"]
