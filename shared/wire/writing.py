"""Writes a manifest that came as JSON in the form that people keep in git."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

import yaml

from shared.errors import BadInput
from shared.wire.scalars import NotFinite, resolve

_ODD_BREAKS: Final = re.compile("[\r\x85\u2028\u2029]")
"""What a block would break a line at, or lose, besides the newline."""


def manifest_text(body: bytes) -> bytes:
    """Return a JSON object as block YAML in its own order of keys; long text stays in one piece.

    `read_yaml` of it gives the very values that the JSON holds.
    """
    try:
        manifest = json.loads(body, object_pairs_hook=_object)
        if not isinstance(manifest, dict):
            raise BadInput("the body is no JSON object: send a manifest")
        text: str = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=2**16, allow_unicode=True)
    except ValueError as error:
        raise BadInput(f"the body is no JSON: {error}") from error
    except RecursionError as error:
        raise BadInput("the body is no JSON that can be read: it is nested too deep; write it flatter") from error
    return text.encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice[:60]!r} is given twice in one object; keep one")
    return found


class _Dumper(yaml.SafeDumper):
    """Text of several lines is written as a block, since that is how engines are embedded."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=_style(value))


def _style(value: str) -> str | None:
    if _ODD_BREAKS.search(value) or not _is_text(value):
        return '"'
    return "|" if "\n" in value else None


def _is_text(value: str) -> bool:
    """Whether the value, written plainly, is read as text, as Kubernetes reads it (YAML 1.1 would keep `1e3`)."""
    try:
        return isinstance(resolve(value), str)
    except NotFinite:
        return False


_Dumper.add_representer(str, _text)
