"""What a cluster lets orders do, whatever its portal says: kinds, namespaces, service accounts and images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

Json = Mapping[str, Any]


class Permits(msgspec.Struct, frozen=True):
    """Globs of what is allowed; an empty list leaves that side open."""

    kinds: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def refusal(manifest: Json, embedded: Sequence[Json], permits: Permits) -> str | None:
    """Return the first reason why the cluster does not carry the manifest out, None if there is none.

    `embedded` are the objects in a Workflow's texts. A name that only a run knows is refused where names are limited.
    """
    everything = [manifest, *embedded]
    return (
        _outside("kind", [str(manifest.get("kind"))], permits.kinds)
        or _outside("namespace", _namespaces(everything), permits.namespaces)
        or _outside("service account", _found(everything, _ACCOUNTS), permits.service_accounts)
        or _outside("image", _found(everything, _IMAGES), permits.images)
    )


_ACCOUNTS = frozenset({"serviceAccountName", "chaosServiceAccount"})
_IMAGES = frozenset({"image"})
_NAMESPACES = frozenset({"appns", "namespace"})


def _outside(what: str, names: Iterable[str], allowed: Sequence[str]) -> str | None:
    for name in names if allowed else ():
        if not any(fnmatchcase(name, glob) for glob in allowed):
            return f"the {what} {name} is not allowed in this cluster: {', '.join(allowed)} are"
    return None


def _namespaces(objects: Iterable[Json]) -> Iterator[str]:
    """Where objects go and what engines target (`appinfo.appns`, `selectors…namespace`)."""
    for one in objects:
        yield from _found([one.get("metadata") or {}], frozenset({"namespace"}))
        spec = one.get("spec") or {}
        for part in (spec, spec.get("engineTemplateSpec") or {}):
            yield from _found([part.get("appinfo") or {}, part.get("selectors") or {}], _NAMESPACES)


def _found(values: Iterable[Any], keys: frozenset[str]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Mapping):
            yield from (str(value[key]) for key in sorted(keys & value.keys()) if value[key])
            yield from _found(value.values(), keys)
        elif isinstance(value, list):
            yield from _found(value, keys)
