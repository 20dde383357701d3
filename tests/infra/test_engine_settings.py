from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.folder import kept
from infra.local.greeting import greeting
from infra.local.settings import ROOT, LocalSettings
from shared.errors import Misconfigured

DEFAULTS = LocalSettings(data_dir=Path(".data"))


def test_what_is_not_set_has_its_default() -> None:
    assert DEFAULTS == LocalSettings.read({})
    assert (8080, ROOT / "functions") == (DEFAULTS.port, DEFAULTS.functions)


def test_each_setting_is_read_from_its_variable() -> None:
    environment = {
        "DATA_DIR": "/data",
        "PORT": "0",
        "ADMIN_TOKEN": "t",
        "STORE_URL": "postgresql://db/chaos",
        "PUBLIC_URL": "https://chaos.example.org",
        "FUNCTIONS_DIR": "/functions",
        "THREADS": "64",
        "COURIERS": "8",
        "DELIVERY_SECONDS": "30",
        "RECONCILE_SECONDS": "0.5",
        "GRACE_SECONDS": "3",
        "LOG_LEVEL": "debug",
    }
    expected = LocalSettings(
        data_dir=Path("/data"),
        port=0,
        admin_token="t",
        store_url="postgresql://db/chaos",
        public_url="https://chaos.example.org",
        functions=Path("/functions"),
        threads=64,
        couriers=8,
        delivery=30.0,
        reconcile=0.5,
        grace=3.0,
        log_level="DEBUG",
    )
    assert expected == LocalSettings.read(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("PORT", "http", id="a-word"),
        pytest.param("PORT", "65536", id="too-large"),
        pytest.param("PORT", "-1", id="negative"),
        pytest.param("THREADS", "0", id="too-small"),
        pytest.param("RECONCILE_SECONDS", "nan", id="not-a-number"),
    ],
)
def test_a_number_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name}='{value}' is no number from"):
        LocalSettings.read({name: value})


def test_a_kept_secret_that_was_cut_short_by_a_crash_was_never_there(tmp_path: Path) -> None:
    (tmp_path / "master.new").write_text("half of it")
    assert "whole" == kept(tmp_path / "master", "whole")
    assert "whole" == kept(tmp_path / "master", "another")
    assert ["master"] == [path.name for path in tmp_path.iterdir()]


def test_the_greeting_names_page_and_token_and_does_not_repeat_a_given_one() -> None:
    made = greeting("http://127.0.0.1:8080", "made-for-you", DEFAULTS)
    assert "http://127.0.0.1:8080/\n" in made
    assert "made-for-you" in made
    given = greeting("http://127.0.0.1:8080", "given", LocalSettings(Path(".data"), admin_token="given"))
    assert "the one in ADMIN_TOKEN" in given
    assert " given" not in given


def test_a_log_level_that_is_none_is_named() -> None:
    with pytest.raises(Misconfigured, match="LOG_LEVEL='loud' is no level: use debug"):
        LocalSettings.read({"LOG_LEVEL": "loud"})
