import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from infra.demo.certificates import make_certificates
from tests.real.apiserver import RealApiServer
from tests.real.processes import ReservedPort, Server, ServerError
from tests.real.receiver import Receiver, accept
from tests.real.waiting import eventually

CHECKOUT = Path(__file__).parent.parent.parent


def test_a_server_that_ends_early_quotes_its_log(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no disk; exit 3"]
    with Server(command, tmp_path / "log") as server, pytest.raises(ServerError, match=r"(?s)ended with 3.*no disk"):
        server.wait_until(lambda: False, seconds=10)


def test_a_server_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo thinking; sleep 60"]
    with (
        Server(command, tmp_path / "log") as server,
        pytest.raises(ServerError, match=r"(?s)still not: ready.*thinking"),
    ):
        server.wait_until(lambda: False, seconds=0.3)


def test_a_wrong_flag_is_told_in_the_servers_own_words() -> None:
    with pytest.raises(ServerError, match="unknown flag: --no-such-flag"), RealApiServer(extra=["--no-such-flag"]):
        pytest.fail("it started")


def test_a_server_does_not_outlive_a_killed_starter(tmp_path: Path) -> None:
    start = "import pathlib, sys, time; from tests.real.processes import Server; "
    start += "Server(['sh', '-c', 'echo $$; exec sleep 60'], pathlib.Path(sys.argv[1])); time.sleep(60)"
    log = tmp_path / "log"
    with subprocess.Popen([sys.executable, "-c", start, str(log)], cwd=CHECKOUT) as starter:
        eventually(lambda: log.exists() and log.read_text().endswith("\n"), "the server says its process id")
        starter.kill()
    eventually(lambda: not Path("/proc", log.read_text().strip()).exists(), "the server has ended")


def test_two_reserved_ports_differ() -> None:
    first, second = ReservedPort(), ReservedPort()
    assert first.number != second.number
    first.close()
    second.close()


def test_a_strict_client_trusts_the_certificates(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificates.ca))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    with Receiver(certificates, accept) as receiver:
        urllib.request.urlopen(receiver.url, data=b"{}", timeout=5, context=trust).close()  # noqa: S310 - loopback
        assert receiver.next().path == "/"
