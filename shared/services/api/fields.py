"""The kinds of fields that request bodies are made of; each says in words what it wants."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints

from shared.errors import LitmusGitopsError
from shared.model.references import Reference as SecretReference
from shared.rules.durations import seconds

_NO_BRANCH: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|/$|\.$|\.lock(?:/|$)|(?:^|/)\.|^@$",
)
"""What git-check-ref-format(1) refuses in a branch's name."""

_NO_FOLDER: Final = re.compile(r"[\x00-\x1f\x7f\\]|//|(?:^|/)\.{1,2}(?:/|$)|(?:^|/)\.git(?:/|$)", re.IGNORECASE)


def _duration(text: str) -> str:
    return _checked(text, seconds)


def _positive(text: str) -> str:
    if not seconds(_duration(text)):
        raise ValueError("this must be longer than nothing, such as 5m")
    return text


def _reference(text: str) -> str:
    return _checked(text, SecretReference.parse)


def _checked(text: str, check: Callable[[str], object]) -> str:
    try:
        check(text)
    except LitmusGitopsError as error:
        raise ValueError(str(error)) from error
    return text


def _branch(text: str) -> str:
    if _NO_BRANCH.search(text):
        raise ValueError("git allows no such name for a branch: write it as in `git branch`, such as main")
    return text


def _folder(text: str) -> str:
    if _NO_FOLDER.search(text):
        raise ValueError("write the folder as it stands in the repository, such as litmus/shop; / is all of it")
    return text.strip("/")


def _manifest_path(text: str) -> str:
    if _NO_FOLDER.search(text) or not re.fullmatch(r".+\.ya?ml", text) or text.startswith("/"):
        raise ValueError("write the path as it stands in the repository, such as litmus/shop/cart.yaml")
    return text


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("write it in one line of characters that can be seen")
    return text


def unnamed() -> Any:
    """Return the default of a field that means `leave it as it is`, while null is no value for it."""
    return Field(default_factory=lambda: None)


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
ClusterId = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Branch = Annotated[str, StringConstraints(min_length=1, max_length=250), AfterValidator(_branch)]
Folder = Annotated[str, StringConstraints(max_length=500), AfterValidator(_folder)]
ManifestPath = Annotated[str, StringConstraints(max_length=500), AfterValidator(_manifest_path)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Text = Annotated[str, StringConstraints(max_length=1000)]
Label = Annotated[str, StringConstraints(max_length=253)]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Duration = Annotated[str, StringConstraints(max_length=40), AfterValidator(_duration)]
PositiveDuration = Annotated[str, StringConstraints(max_length=40), AfterValidator(_positive)]
Reference = Annotated[str, StringConstraints(max_length=300), AfterValidator(_reference)]
