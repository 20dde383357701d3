"""How variables of the environment are read: each kind of value, or `Misconfigured` with what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from shared.errors import Misconfigured
from shared.model.proxies import Proxies

Environment = Mapping[str, str]
T = TypeVar("T")

KEY_BYTES: Final = 32
"""How long the master key is."""


def words(env: Environment, name: str, default: str = "") -> tuple[str, ...]:
    """Return the words of a variable, which commas part."""
    return tuple(word.strip() for word in env.get(name, default).split(",") if word.strip())


def proxies(env: Environment) -> Proxies:
    """Return the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name."""
    return Proxies.read(env.get("HTTP_PROXY", ""), env.get("HTTPS_PROXY", ""), words(env, "NO_PROXY"))


def needed(env: Environment, name: str) -> str:
    """Return a variable that has to be there."""
    value = env.get(name, "").strip()
    if not value:
        raise Misconfigured(f"the setting {name} is missing: set it in the function's environment")
    return value


def secret(env: Environment, name: str) -> str:
    """Return the secret in the file that `NAME_FILE` names, else that of `NAME` itself."""
    path = env.get(f"{name}_FILE")
    return file(Path(path), f"{name}_FILE") if path else needed(env, name)


def file(path: Path, setting: str) -> str:
    """Return the text of a file, which `setting` names."""
    try:
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror}): create it, or set {setting}") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path} is no text in UTF-8: write the value into it, or set {setting}") from error
    if not value:
        raise Misconfigured(f"{path} is empty: write the value into it, or set {setting}")
    return value


def key(env: Environment, default: Path) -> bytes:
    """Return the master key, as hexadecimal digits in MASTER_KEY_FILE's file, in MASTER_KEY, or in the default file."""
    path = Path(env.get("MASTER_KEY_FILE") or default)
    given = "" if env.get("MASTER_KEY_FILE") else env.get("MASTER_KEY", "").strip()
    found = _parse(lambda: bytes.fromhex(given or file(path, "MASTER_KEY_FILE")))
    if found is None or len(found) != KEY_BYTES:
        place = "MASTER_KEY" if given else path
        raise Misconfigured(f"{place} must hold {2 * KEY_BYTES} hexadecimal digits: `openssl rand -hex {KEY_BYTES}`")
    return found


def flag(env: Environment, name: str, *, default: bool) -> bool:
    """Return a variable that is true or false."""
    value = (env.get(name) or str(default)).strip().lower()
    if value not in {"true", "false", "1", "0"}:
        raise Misconfigured(f"{name}={value!r} is neither true nor false")
    return value in {"true", "1"}


def seconds(env: Environment, name: str, default: float) -> float:
    """Return a number of seconds above zero."""
    value = env.get(name) or str(default)
    number = _parse(lambda: float(value))
    if number is None or not (math.isfinite(number) and number > 0):
        raise Misconfigured(f"{name}={value!r} is no number of seconds above zero")
    return number


def count(env: Environment, name: str, default: int) -> int:
    """Return a whole number above zero."""
    value = env.get(name) or str(default)
    number = _parse(lambda: int(value))
    if number is None or number < 1:
        raise Misconfigured(f"{name}={value!r} is no whole number above zero")
    return number


def _parse(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ValueError:
        return None
