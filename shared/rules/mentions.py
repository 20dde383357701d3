"""Which policies name a key, so that of hundreds only those are looked at whose keys have moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.model.policies import Policy

_KEPT: Final = 256
"""Projects whose mentions are kept; with one more it starts over."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """Places of policies in their list: by the keys that they name, and those that are `heard` whatever has moved."""

    policies: Sequence[Policy]
    heard: frozenset[int]
    places: Mapping[str, frozenset[int]]

    def told(self, moved: Callable[[str], bool]) -> list[Policy]:
        """Return the policies that name a key which has `moved`, and those that are heard anyhow, in order."""
        places = self.heard.union(*(places for name, places in self.places.items() if moved(name)))
        return [self.policies[place] for place in sorted(places)]


def mentions(policies: Sequence[Policy], first: int) -> Mentions:
    """Return the mentions of a project's policies, of which the `first` ones are always heard.

    Those of a tuple, which stays as it is, are worked out once for as long as that very tuple is in use.
    """
    if not isinstance(policies, tuple):
        return _made(policies, first)
    place = id(policies), first
    found = _known.get(place)
    if found is None or found.policies is not policies:
        if len(_known) >= _KEPT:
            _known.clear()
        found = _known[place] = _made(policies, first)
    return found


_known: Final[dict[tuple[int, int], Mentions]] = {}


def _made(policies: Sequence[Policy], first: int) -> Mentions:
    heard = [place for place, one in enumerate(policies) if place < first or one.problem or not one.conditions]
    return Mentions(policies, frozenset(heard), _places(policies))


def _places(policies: Iterable[Policy]) -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for place, policy in enumerate(policies):
        for condition in policy.conditions:
            found.setdefault(condition.key, set()).add(place)
    return {name: frozenset(places) for name, places in found.items()}
