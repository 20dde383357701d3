"""A real OpenSSH server on loopback, which lets one key in and runs git for it."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
SEPARATION = Path("/run/sshd")
"""Where Debian's server, run by root, wants an empty folder."""


@dataclass(frozen=True)
class SshServer:
    """Where it listens; `key` is the private key that it lets in, `host` its own line of `known_hosts`."""

    port: int
    key: str
    host: str

    def url(self, repository: Path) -> str:
        """Return the address of a repository in a folder of this machine."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{repository}"


def make_key(path: Path) -> str:
    """Make a key without a passphrase, and return its private half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", str(path)], check=True)
    return path.read_text()


def known(port: int, public: Path) -> str:
    """Return the `known_hosts` line of a host key."""
    kind, value, *_ = public.read_text().split()
    return f"[127.0.0.1]:{port} {kind} {value}"


@contextmanager
def ssh_server(folder: Path, *, accept_env: bool = True) -> Iterator[SshServer]:
    """Serve until the block ends; without `accept_env` git's protocol version 2 is not heard."""
    if COMMAND is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no OpenSSH server is installed here (Debian: openssh-server)")
    if os.geteuid() == 0:
        SEPARATION.mkdir(mode=0o755, exist_ok=True)
    make_key(folder / "host")
    key = make_key(folder / "client")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config").write_text(_configuration(folder, port, accept_env=accept_env))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([COMMAND, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        _wait_for(port, process, folder / "log")
        yield SshServer(port, key, known(port, folder / "host.pub"))
    finally:
        process.terminate()
        process.wait(10)


def _configuration(folder: Path, port: int, *, accept_env: bool) -> str:
    lines = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host",
        "PidFile": "none",
        "AuthorizedKeysFile": folder / "client.pub",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "LogLevel": "ERROR",
    }
    lines |= {"AcceptEnv": "GIT_PROTOCOL"} if accept_env else {}
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            return
