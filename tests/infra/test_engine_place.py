from __future__ import annotations

import os
import socket
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.engine import Engine
from infra.local.settings import LocalSettings
from shared.errors import Misconfigured
from tests.infra.small_functions import SAYS_ITS_NAME, ask, write_function, write_named


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    return LocalSettings(data_dir=tmp_path / "data", port=0, functions=tmp_path / "functions", threads=8, couriers=4)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_engine_on_the_same_folder_is_refused(settings: LocalSettings) -> None:
    write_named(settings.functions, ["portal"])
    with Engine(settings) as engine:
        with pytest.raises(Misconfigured, match=f"is in use by process {os.getpid()}: stop that one, or set DATA_DIR"):
            Engine(settings).start()
        assert (200, {"status": "ready"}) == ask(engine, "GET", "/readyz")


def test_a_port_that_is_taken_is_refused_and_the_folder_is_free_again(settings: LocalSettings) -> None:
    write_named(settings.functions, ["portal"])
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"port {port} cannot be taken .*: set PORT to another one"):
            Engine(replace(settings, port=port)).start()
    with Engine(settings) as engine:
        assert (200, {"status": "ready"}) == ask(engine, "GET", "/readyz")


def test_a_function_that_cannot_be_loaded_is_named_and_nothing_stays_behind(settings: LocalSettings) -> None:
    write_function(settings.functions, "sync", "raise RuntimeError('no such module')")
    with pytest.raises(RuntimeError, match="no such module") as caught:
        Engine(settings).start()
    assert [f"while loading the function sync from {settings.functions / 'sync'}"] == caught.value.__notes__
    write_function(settings.functions, "sync", SAYS_ITS_NAME)
    with Engine(settings) as engine:
        assert 200 == ask(engine, "POST", "/internal/sync")[0]


def test_secrets_of_the_engine_are_for_its_owner_alone_and_stay(settings: LocalSettings) -> None:
    write_named(settings.functions, ["portal"])
    with Engine(settings) as engine:
        token = engine.token
    data = settings.data_dir
    master = (data / "keys" / "master").read_text().strip()
    assert 32 == len(bytes.fromhex(master))
    assert len(token) >= 32
    assert [0o600, 0o600] == [mode(data / "keys" / "master"), mode(data / "admin-token")]
    assert [0o700] * 3 == [mode(data), mode(data / "keys"), mode(data / "secrets")]
    with Engine(settings) as engine:
        assert token == engine.token == (data / "admin-token").read_text().strip()
    assert master == (data / "keys" / "master").read_text().strip()


def test_a_given_token_is_used_and_not_kept(settings: LocalSettings) -> None:
    write_named(settings.functions, ["portal"])
    with Engine(replace(settings, admin_token="given")) as engine:
        assert ("given", "given") == (engine.token, os.environ["ADMIN_TOKEN"])
    assert not (settings.data_dir / "admin-token").exists()


def test_the_environment_is_as_before_once_the_engine_stopped(settings: LocalSettings) -> None:
    write_named(settings.functions, ["portal"])
    before = dict(os.environ)
    with Engine(settings) as engine:
        assert engine.url == os.environ["PUBLIC_URL"]
        assert "true" == os.environ["ALLOW_LOCAL"]
    assert before == dict(os.environ)


def test_loaded_functions_do_not_see_each_others_folders(settings: LocalSettings) -> None:
    write_named(settings.functions)
    before = list(sys.path)
    with Engine(settings):
        assert before == sys.path
