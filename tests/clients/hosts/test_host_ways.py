"""How a host's API is reached: with a private CA, and through a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from infra.demo.certificates import Certificates, make_certificates
from infra.demo.tls import TlsFront
from shared.clients.git import Remotes
from shared.clients.hosts import Hosts
from shared.errors import Unavailable
from shared.model.hosting import Access
from shared.model.proxies import Proxies
from tests.clients.hosts.github_party import GitHubParty
from tests.clients.hosts.parties import opened
from tests.proxy import Proxy


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1, DNS:git.example.com")


@pytest.fixture
def port(app: GitHubParty, certificates: Certificates) -> Iterator[int]:
    """The port at which GitHub is served over https."""
    with TlsFront(urlsplit(app.server.url).port or 0, certificates) as front:
        yield urlsplit(front.url).port or 0


def test_an_enterprise_server_is_trusted_by_its_own_ca(app: GitHubParty, port: int, certificates: Certificates) -> None:
    url = f"https://127.0.0.1:{port}/ada/chaos"
    known = Access(url, app.credential, "github", ca=certificates.ca.read_text())
    assert "ada/chaos" == opened(known).repository().name
    assert Remotes()(known).head("main") is not None


def test_what_nobody_vouches_for_is_not_trusted(app: GitHubParty, port: int) -> None:
    with pytest.raises(Unavailable, match="put the CA that signed it into the secret that `ca_bundle` names"):
        opened(Access(f"https://127.0.0.1:{port}/ada/chaos", app.credential, "github")).repository()


def test_an_api_is_reached_through_the_proxy_for_its_address(
    app: GitHubParty, port: int, certificates: Certificates
) -> None:
    known = Access("https://git.example.com/ada/chaos", app.credential, "github", ca=certificates.ca.read_text())
    with Proxy({"git.example.com:443": port}) as proxy:
        proxies = Proxies(https=proxy.address)
        assert "ada/chaos" == opened(known, Hosts(proxies)).repository().name
        assert {"CONNECT git.example.com:443"} == set(proxy.asked)
        assert Remotes(proxies=proxies)(known).head("main") is not None


def test_a_proxy_that_leads_nowhere_is_named(app: GitHubParty) -> None:
    known = Access("https://git.example.com/ada/chaos", app.credential, "github")
    with Proxy({}) as proxy, pytest.raises(Unavailable, match=r"proxy does not lead to the git host git\.example\.com"):
        opened(known, Hosts(Proxies(https=proxy.address))).repository()
