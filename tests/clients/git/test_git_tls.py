"""https with a private CA, and through a proxy: real TLS, a real proxy, and certificates that are always checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.demo.certificates import Certificates, make_certificates
from infra.demo.tls import TlsFront
from shared.clients.git import Remotes
from shared.errors import Forbidden, Misconfigured, Unavailable
from shared.model.experiments import Draft
from shared.model.hosting import Access
from shared.model.proxies import Proxies
from tests.gitserver import GitServer, git
from tests.proxy import Proxy

NAMES = "IP:127.0.0.1, DNS:git.example.com"
DRAFT = Draft({"p/a.yaml": b"new"}, "Change a.\n", "Ada <ada@example.com>", "2026-01-02T03:04:05.000Z")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), NAMES)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_certificates(tmp_path_factory.mktemp("stranger"), NAMES).ca.read_text()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served", login="ada:word") as server:
        server.create()
        yield server


@pytest.fixture
def front(server: GitServer, certificates: Certificates) -> Iterator[str]:
    """The server's address over https."""
    with TlsFront(_port(server.url), certificates) as front:
        yield front.url


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def _committed(remotes: Remotes, access: Access, server: GitServer) -> None:
    """Claim that a repository can be written and read on this way."""
    remote = remotes(access)
    commit = remote.commit_files("main", remote.head("main"), DRAFT)
    assert commit == remote.head("main") == git("rev-parse", "main", cwd=server.root / "chaos.git")
    assert {"p/a.yaml"} == remote.files(commit, "p")[1].keys()


def test_a_private_ca_is_trusted_where_its_bundle_is_given(
    server: GitServer, front: str, certificates: Certificates, stranger: str
) -> None:
    bundle = stranger + certificates.ca.read_text()
    _committed(Remotes(), Access(f"{front}/chaos.git", "ada:word", ca=bundle), server)


def test_a_ca_that_nobody_named_is_not_trusted_and_the_mend_is_told(front: str, stranger: str) -> None:
    remotes = Remotes()
    for ca in (None, stranger):
        with pytest.raises(Unavailable, match=r"is not to be trusted \(.+\): put the CA .* `ca_bundle` names") as told:
            remotes(Access(f"{front}/chaos.git", "ada:word", ca=ca)).head("main")
        assert "word" not in str(told.value).split()


def test_a_certificate_for_another_name_is_not_trusted(front: str, certificates: Certificates) -> None:
    with Proxy({"other.example.com:443": _port(front)}) as proxy:
        remotes = Remotes(proxies=Proxies(https=proxy.address))
        with pytest.raises(Unavailable, match=r"Hostname mismatch.*ca_bundle"):
            remotes(Access("https://other.example.com/chaos.git", ca=certificates.ca.read_text())).head("main")


def test_what_one_project_trusts_no_other_does(server: GitServer, front: str, certificates: Certificates) -> None:
    remotes = Remotes()
    _committed(remotes, Access(f"{front}/chaos.git", "ada:word", ca=certificates.ca.read_text()), server)
    with pytest.raises(Unavailable, match="is not to be trusted"):
        remotes(Access(f"{front}/chaos.git", "ada:word")).head("main")


@pytest.mark.parametrize("ca", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_bundle_without_certificates_is_named(ca: str) -> None:
    with pytest.raises(Misconfigured, match="the secret that `ca_bundle` names holds no certificates in PEM"):
        Remotes()(Access("https://git.example.com/chaos.git", ca=ca))


def test_https_goes_through_the_proxy_by_connect_with_its_login(
    server: GitServer, front: str, certificates: Certificates
) -> None:
    with Proxy({"git.example.com:443": _port(front)}, login="ada:pass word") as proxy:
        address = proxy.address.replace(" ", "%20")
        access = Access("https://git.example.com/chaos.git", "ada:word", ca=certificates.ca.read_text())
        _committed(Remotes(proxies=Proxies(https=address)), access, server)
        assert {"CONNECT git.example.com:443"} == set(proxy.asked)


def test_plain_http_goes_through_the_proxy_by_its_whole_address(server: GitServer) -> None:
    with Proxy({"git.example.com:8080": _port(server.url)}) as proxy:
        access = Access("http://git.example.com:8080/chaos.git", "ada:word")
        _committed(Remotes(proxies=Proxies(http=proxy.address)), access, server)
        assert {"GET git.example.com:8080", "POST git.example.com:8080"} == set(proxy.asked)


def test_what_needs_no_proxy_goes_past_it(server: GitServer) -> None:
    with Proxy() as proxy:
        _committed(Remotes(proxies=Proxies(http=proxy.address)), Access(f"{server.url}/chaos.git", "ada:word"), server)
        assert [] == proxy.asked


def test_a_proxy_that_refuses_or_is_away_is_told_without_its_login(front: str) -> None:
    access = Access("https://git.example.com/chaos.git")
    with Proxy(login="ada:s3cret") as proxy:
        address = proxy.address
        refused = {
            "407": address.replace("s3cret", "wr0ng"),
            "502": address,
        }
        for status, given in refused.items():
            with pytest.raises(Unavailable, match=rf"the proxy does not lead to .*{status}.*HTTPS_PROXY") as told:
                Remotes(proxies=Proxies(https=given))(access).head("main")
            assert not {"s3cret", "wr0ng"} & set(str(told.value).replace("@", ":").split(":"))
        with pytest.raises(Forbidden, match=r"the proxy for git\.example\.com does not accept our login"):
            Remotes(proxies=Proxies(http=refused["407"]))(Access("http://git.example.com/chaos.git")).head("main")
    with pytest.raises(Unavailable, match=r"the proxy does not lead to the git host git\.example\.com"):
        Remotes(proxies=Proxies(https=address))(access).head("main")
    assert front


HTTP, HTTPS = "http://proxy.example.com:3128", "http://proxy.example.com:3129"


@pytest.mark.parametrize(
    ("direct", "url", "expected"),
    [
        pytest.param("", "https://git.example.com/a", HTTPS, id="https"),
        pytest.param("", "http://git.example.com/a", HTTP, id="http"),
        pytest.param("", "https://127.0.0.1:8443/a", None, id="this machine"),
        pytest.param("", "https://[::1]:8443/a", None, id="this machine by IPv6"),
        pytest.param("", "https://localhost/a", None, id="this machine by name"),
        pytest.param("git.example.com", "https://git.example.com/a", None, id="the host"),
        pytest.param("Git.Example.com", "https://git.EXAMPLE.com./a", None, id="in any case"),
        pytest.param("example.com", "https://git.example.com/a", None, id="below the host"),
        pytest.param(".example.com", "https://git.example.com/a", None, id="below, with a dot"),
        pytest.param("*.example.com", "https://git.example.com/a", None, id="below, with a star"),
        pytest.param("example.com", "https://badexample.com/a", HTTPS, id="another with the same end"),
        pytest.param("git.example.com:8443", "https://git.example.com:8443/a", None, id="the port"),
        pytest.param("git.example.com:8443", "https://git.example.com/a", HTTPS, id="another port"),
        pytest.param("*", "https://git.example.com/a", None, id="everything"),
        pytest.param("10.1.2.3", "https://10.1.2.3/a", None, id="an address"),
        pytest.param("[fd00::7]:8443", "https://[fd00::7]:8443/a", None, id="an IPv6 address with its port"),
        pytest.param("fd00::7", "https://[fd00::7]/a", None, id="an IPv6 address"),
        pytest.param("other.example.com", "https://git.example.com/a", HTTPS, id="another host"),
    ],
)
def test_the_scheme_and_the_list_decide_on_the_proxy(direct: str, url: str, expected: str | None) -> None:
    assert expected == Proxies(HTTP, HTTPS, (direct,) if direct else ()).of(url)


def test_without_a_proxy_for_its_scheme_a_host_is_reached_directly() -> None:
    assert Proxies(http=HTTP).of("https://git.example.com/a") is None


def test_a_proxy_never_shows_its_login() -> None:
    assert "s3cret" not in repr(Proxies("http://ada:s3cret@proxy.example.com", None, ("x",)))
