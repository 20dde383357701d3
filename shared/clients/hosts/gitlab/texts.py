"""Texts that people on GitLab read, and GitLab obeys: it takes a line such as `/merge` in them for a command."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from shared.model.hosting import Annotation

_COMMAND: Final = re.compile(r"^(\s*)/(?=\w)", re.MULTILINE)
_LONGEST: Final = 1_000_000
"""Characters of a note or description, of which GitLab takes 1,048,576."""


def inert(text: str) -> str:
    """Return a text without quick actions: what we quote may be anybody's, while the token is a maintainer's.

    An invisible character before the slash is enough, also in code, where GitLab looks for no commands.
    """
    return short(_COMMAND.sub("\\1\u200b/", text), _LONGEST)


def marked(mark: str, text: str) -> str:
    """Return a text that its first, invisible line finds again."""
    return inert(f"{mark}\n{text}")


def short(text: str, limit: int) -> str:
    """Return a text cut to this many characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def family(context: str) -> str:
    """Return how the marks of a context's notes begin."""
    return f"<!-- litmus-gitops note {_digest(context)} "


def mark_of(context: str, annotation: Annotation) -> str:
    """Return the mark of an annotation's note: what it says of which file, and on which line it said so."""
    said = _digest(annotation.path, annotation.title, annotation.message)
    return f"{family(context)}{said} {annotation.line} -->"


def note_text(annotation: Annotation, *, named: bool) -> str:
    """Return a note's text; `named` says where in the file it belongs, for a note that stands at no line."""
    where = f"`{annotation.path}:{annotation.line}`: " if named else ""
    title = f"**{annotation.title}**: " if annotation.title else ""
    return f"{where}{title}{annotation.message}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
