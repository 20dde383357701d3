"""JMESPath keys of policies: compiled once when read, and refused where evaluating them could run away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from shared.errors import Invalid

LONGEST: Final = 256
DEEPEST: Final = 60
MOST_SELECTS: Final = 2
"""Multi-selects multiply: each can repeat its input as often as it has room for names."""

_SELECTS: Final = ("multi_select_list", "multi_select_dict")
_FUNCTIONS: Final = frozenset(Functions.FUNCTION_TABLE)


def check_key(text: str) -> None:
    """Raise `Invalid` unless the key is a JMESPath of bounded cost that looks at what counts."""
    if len(text) > LONGEST:
        raise Invalid(f"the key has {len(text)} characters; write a shorter one, at most {LONGEST}")
    tree = _compiled(text)
    nodes = list(_nodes(tree))
    if max(depth for depth, _ in nodes) > DEEPEST:
        raise Invalid(f"the key nests over {DEEPEST} levels deep; write a simpler one")
    if sum(node["type"] in _SELECTS for _, node in nodes) > MOST_SELECTS:
        raise Invalid(f"the key has over {MOST_SELECTS} multi-selects; write a policy with several conditions")
    if any(node["type"] == "expref" for parent, node in _pairs(tree) if parent != "function_expression"):
        raise Invalid("the key has an & outside a function; delete it")
    unknown = {node["value"] for _, node in nodes if node["type"] == "function_expression"} - _FUNCTIONS
    if unknown:
        raise Invalid(f"JMESPath has no function {min(unknown)[:40]!r}; correct the name")
    if _first_field(tree) == "status":
        raise Invalid("the key is under status, which never counts; name a field of metadata or spec")


def _compiled(text: str) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", jmespath.compile(text).parsed)
    except (JMESPathError, RecursionError) as error:
        said = str(error).partition("\n")[0].removesuffix(":").removesuffix(", for expression")
        mend = "correct it; a name with '-', '.' or '/' stands in double quotes"
        raise Invalid(f"{text[:60]!r} is no JMESPath; {mend} ({said[:120]})") from error


def _nodes(tree: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    waiting = [(1, tree)]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        waiting += [(depth + 1, child) for child in node["children"] if isinstance(child, dict)]


def _pairs(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "", tree
    for _, node in _nodes(tree):
        yield from ((node["type"], child) for child in node["children"] if isinstance(child, dict))


def _first_field(tree: dict[str, Any]) -> str | None:
    node = tree
    while node["children"]:
        node = node["children"][0]
    return node["value"] if node["type"] == "field" else None
