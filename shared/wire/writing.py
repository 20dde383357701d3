"""Writes a manifest that came as JSON in the form that people keep in git."""

from __future__ import annotations

import json

import yaml

from shared.errors import BadInput


def manifest_text(body: bytes) -> bytes:
    """Return a JSON object as block YAML in its own order of keys; long text stays in one piece."""
    try:
        manifest = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the body is no JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise BadInput("the body is no JSON object: send a manifest")
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=2**16, allow_unicode=True).encode()


class _Dumper(yaml.SafeDumper):
    """Text of several lines is written as a block, since that is how engines are embedded."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
