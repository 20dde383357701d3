"""Settings: what is read, what is assumed, and what a person is told to mend."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from shared import settings
from shared.errors import Misconfigured
from shared.model.proxies import Proxies

ROOT = Path(__file__).parents[1]
KEY = "ab" * 32
STATEFUL = [
    settings.GitPush,
    settings.Sync,
    settings.Portal,
    settings.Watching,
    settings.Dispatch,
    settings.Reconcile,
]
CLUSTER = {"CLUSTER_ID": "prod", "PORTAL_URL": "https://portal.example.com/", "SUBSCRIBER_SECRET": "whsec_YWJj"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "master").write_text(KEY + "\n")
    (tmp_path / "admin-token").write_text("owner\n")
    return tmp_path


@pytest.mark.parametrize("of", STATEFUL, ids=[of.__name__ for of in STATEFUL])
def test_a_data_folder_is_all_that_a_function_needs(of: type[settings.GitPush], data: Path) -> None:
    state = of.read({"DATA_DIR": str(data)}).state
    assert (data, data / "secrets", bytes.fromhex(KEY)) == (state.data_dir, state.secrets_dir, state.master_key)
    assert f"sqlite:{data}/litmus-gitops.db" == state.store_url


def test_each_place_can_be_another(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("cd" * 32)
    given = {"STORE_URL": "sqlite:/db", "SECRETS_DIR": "/run/secrets", "MASTER_KEY_FILE": str(tmp_path / "elsewhere")}
    state = settings.State.read({"DATA_DIR": str(data), **given})
    assert ("sqlite:/db", Path("/run/secrets"), b"\xcd" * 32) == (state.store_url, state.secrets_dir, state.master_key)


@pytest.mark.parametrize("content", [None, b"", b"ab", b"zz" * 32, b"ab" * 31, b"ab" * 33, b"\xff" * 64], ids=str)
def test_a_master_key_that_is_none_is_refused_without_being_shown(data: Path, content: bytes | None) -> None:
    path = data / "keys" / "master"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(Misconfigured) as refused:
        settings.State.read({"DATA_DIR": str(data)})
    assert str(path) in str(refused.value)
    assert content is None or len(content) < 3 or content.decode(errors="replace") not in str(refused.value)


def test_a_master_key_may_be_given_itself_where_no_file_is_named(data: Path) -> None:
    given = {"DATA_DIR": str(data), "MASTER_KEY": "cd" * 32 + "\n"}
    assert b"\xcd" * 32 == settings.State.read(given).master_key
    named = given | {"MASTER_KEY_FILE": str(data / "keys" / "master")}
    assert bytes.fromhex(KEY) == settings.State.read(named).master_key


@pytest.mark.parametrize("given", ["aws-sm:litmus-gitops/master-key", "zz" * 32, "ab" * 31])
def test_a_master_key_given_itself_is_refused_without_being_shown(data: Path, given: str) -> None:
    with pytest.raises(Misconfigured, match="MASTER_KEY must hold 64 hexadecimal digits") as refused:
        settings.State.read({"DATA_DIR": str(data), "MASTER_KEY": given})
    assert given not in str(refused.value)


def test_the_ledger_is_kept_for_a_year_and_some_unless_told_otherwise(data: Path) -> None:
    assert 400 * 86_400 == settings.State.read({"DATA_DIR": str(data)}).retention
    assert 30 * 86_400 == settings.State.read({"DATA_DIR": str(data), "RETENTION_DAYS": "30"}).retention


def test_an_empty_variable_is_as_good_as_none(data: Path) -> None:
    names = ("STORE_URL", "SECRETS_DIR", "MASTER_KEY_FILE", "ADMIN_TOKEN", "PUBLIC_URL", "ALLOW_LOCAL")
    plain = settings.Portal.read({"DATA_DIR": str(data)})
    assert plain == settings.Portal.read({"DATA_DIR": str(data), **dict.fromkeys(names, "")})
    assert settings.Watching.read({"DATA_DIR": str(data), "WATCHED_KINDS": ""}).kinds


def test_the_owners_token_is_the_one_given_else_the_one_kept(data: Path) -> None:
    assert "owner" == settings.Portal.read({"DATA_DIR": str(data)}).admin_token
    assert "given" == settings.Portal.read({"DATA_DIR": str(data), "ADMIN_TOKEN": "given"}).admin_token


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"], ids=str)
def test_a_token_that_cannot_be_read_is_named_with_the_mend(data: Path, content: bytes | None) -> None:
    path = data / "admin-token"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(Misconfigured, match="ADMIN_TOKEN") as refused:
        settings.Portal.read({"DATA_DIR": str(data)})
    assert str(path) in str(refused.value)


def test_a_public_address_has_no_slash_at_its_end(data: Path) -> None:
    given = {"DATA_DIR": str(data), "PUBLIC_URL": "https://gitops.example.com/"}
    assert "https://gitops.example.com" == settings.Portal.read(given).public_url


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("1", True), (" True ", True), ("0", False), ("FALSE", False)]
)
def test_a_switch_is_on_or_off(data: Path, text: str, expected: bool) -> None:
    assert expected == settings.Sync.read({"DATA_DIR": str(data), "ALLOW_LOCAL": text}).allow_local


def test_local_addresses_are_refused_unless_allowed(data: Path) -> None:
    for of in (settings.Sync, settings.Portal, settings.Dispatch, settings.Reconcile):
        assert not of.read({"DATA_DIR": str(data)}).allow_local


def test_watched_kinds_are_a_list_with_commas(data: Path) -> None:
    assert ("Deployment", "ConfigMap") == settings.Watching.read(
        {"DATA_DIR": str(data), "WATCHED_KINDS": "Deployment, ConfigMap,"}
    ).kinds


def test_a_subscriber_needs_three_settings_and_assumes_the_rest() -> None:
    found = settings.Subscriber.read(CLUSTER)
    assert ("prod", "https://portal.example.com", "whsec_YWJj") == (found.cluster, found.portal_url, found.secret)
    assert ("litmus-gitops", True, 15.0, None) == (found.namespace, found.poll, found.heartbeat, found.kubeconfig)


@pytest.mark.parametrize("missing", sorted(CLUSTER))
def test_a_subscriber_names_the_setting_that_is_missing(missing: str) -> None:
    with pytest.raises(Misconfigured, match=missing):
        settings.Subscriber.read(CLUSTER | {missing: " "})


def test_a_subscribers_secret_may_be_a_mounted_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_ZGVm\n")
    given = CLUSTER | {"SUBSCRIBER_SECRET_FILE": str(tmp_path / "secret")}
    assert "whsec_ZGVm" == settings.Subscriber.read(given).secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("HEARTBEAT_SECONDS", value) for value in ("soon", "nan", "inf", "-1", "0")),
        *(("POLL", value) for value in ("yes", "2", "maybe")),
    ],
)
def test_a_value_that_makes_no_sense_is_shown_with_its_name(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(f"{name}='{value}'")):
        settings.Subscriber.read(CLUSTER | {name: value})


@pytest.mark.parametrize("value", ["many", "1.5", "0", "-1"])
def test_a_bound_of_dispatch_is_a_whole_number_above_zero(data: Path, value: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(f"FAN_OUT_PER_CLUSTER='{value}' is no whole number above zero")):
        settings.Dispatch.read({"DATA_DIR": str(data), "FAN_OUT_PER_CLUSTER": value})
    given = {"DATA_DIR": str(data), "FAN_OUT": "64", "FAN_OUT_PER_CLUSTER": "1"}
    assert (64, 1) == settings.Dispatch.read(given).bounds


@pytest.mark.parametrize(
    ("read", "secret"),
    [
        pytest.param(settings.Portal.read, "hunter2", id="token"),
        pytest.param(settings.Portal.read, repr(bytes.fromhex(KEY)), id="key"),
        pytest.param(
            lambda env: settings.Subscriber.read(CLUSTER | env), CLUSTER["SUBSCRIBER_SECRET"], id="subscriber"
        ),
    ],
)
def test_settings_never_show_a_secret(read: Callable[[Mapping[str, str]], object], secret: str, data: Path) -> None:
    assert secret not in repr(read({"DATA_DIR": str(data), "ADMIN_TOKEN": "hunter2"}))


def test_nothing_else_reads_the_environment() -> None:
    allowed = {f"shared/{name}.py" for name in ("settings", "clients/secrets", "clients/pubsub", "edge/spans")}
    sources = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py")]
    readers = {str(path.relative_to(ROOT)) for path in sources if re.search(r"os\.environ|getenv", path.read_text())}
    assert set() == readers - allowed


REACHING = (settings.Sync, settings.Portal, settings.Dispatch, settings.Reconcile)


def test_what_reaches_git_hosts_knows_of_proxies(data: Path) -> None:
    given = {"HTTPS_PROXY": "http://proxy.example.com:3128 ", "NO_PROXY": "git.example.com, .internal,"}
    for of in REACHING:
        found = of.read(given | {"DATA_DIR": str(data), "HTTP_PROXY": ""}).proxies
        assert Proxies(None, "http://proxy.example.com:3128", ("git.example.com", ".internal")) == found


@pytest.mark.parametrize(
    "address", ["proxy.example.com:3128", "socks5://proxy.example.com", "http://", "http://ada:s3cret@p:port"]
)
def test_what_is_no_proxys_address_is_named_and_not_shown(data: Path, address: str) -> None:
    with pytest.raises(Misconfigured, match="HTTPS_PROXY is no address of a proxy: write http://host:port") as told:
        settings.Sync.read({"DATA_DIR": str(data), "HTTPS_PROXY": address})
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("entry", ["git.example.com:port", "[::1", "git.example.com:99999"])
def test_what_no_host_is_called_is_shown(data: Path, entry: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(f"NO_PROXY={entry!r} is no host")):
        settings.Sync.read({"DATA_DIR": str(data), "NO_PROXY": f"git.example.com,{entry}"})
