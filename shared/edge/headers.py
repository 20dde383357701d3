"""A request's headers by lower-case name, read from where the server put them only when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_BARE: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
"""Headers that stand in an environment under their own name (PEP 3333)."""

_PREFIX: Final = "HTTP_"


class Headers(Mapping[str, str]):
    """The headers in a WSGI environment."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        """Return the value of a header, whose name is in lower case."""
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """Do the same, or return `default`: most headers that are asked for were not sent."""
        found = self._find(name)
        return default if found is None else found

    def __iter__(self) -> Iterator[str]:
        """Yield the names of those that were sent."""
        for word, value in self._environ.items():
            bare = word.removeprefix(_PREFIX)
            if (word == bare and value) if bare in _BARE else word != bare:
                yield _name(bare)

    def __len__(self) -> int:
        """Return how many were sent."""
        return sum(1 for _ in self)

    def _find(self, name: str) -> str | None:
        word = name.upper().replace("-", "_")
        found = self._environ.get(word) or None if word in _BARE else self._environ.get(_PREFIX + word)
        return found if name == _name(word) else None


def _name(word: str) -> str:
    return word.replace("_", "-").lower()
