"""Where an experiment may run, and who may start it: the origin alone, unless the experiment in git says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from shared.model.experiments import Manifest
from shared.model.projects import Cluster
from shared.rules.facts import Refusal

CLUSTERS: Final = "litmuschaos.io/clusters"
"""Annotation: cluster ids, and `key=value` labels that a cluster must have all of, comma separated."""

TRIGGER_FROM: Final = "litmuschaos.io/trigger-from"
"""Annotation: namespaces (`*` globs) whose workloads may start the experiment, comma separated."""

INFRA_ID: Final = "infra_id"


class Targets(msgspec.Struct, frozen=True):
    """The ids of the clusters that get an order, in the order they were named, and why others do not."""

    clusters: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def targets(manifest: Manifest, origin: str, namespace: str, clusters: Sequence[Cluster]) -> Targets:
    """Return where a change of a workload in `namespace` on cluster `origin` starts the experiment.

    `clusters` are all of the project's; any other is unknown here, whoever it belongs to.
    """
    if refusal := _uninvited(manifest, namespace):
        return Targets(refusals=(refusal,))
    named = manifest.annotations.get(CLUSTERS)
    return _of_origin(manifest, origin, clusters) if named is None else _named(named, clusters)


def chosen(manifest: Manifest, asked: Sequence[str], clusters: Sequence[Cluster]) -> Targets:
    """Return where a person's run goes: to the clusters asked for, else to those that the experiment names.

    Without either it goes to the project's only cluster, and where there are several none is guessed.
    """
    if asked:
        return _named(",".join(asked), clusters, labels=False)
    if (named := manifest.annotations.get(CLUSTERS)) is not None:
        return _named(named, clusters)
    fitting = [cluster.id for cluster in clusters if _fits(manifest, cluster)]
    if len(fitting) == 1:
        return Targets((fitting[0],))
    known = ", ".join(cluster.id for cluster in clusters) or "none is registered"
    return _refused(f"the experiment does not say on which cluster it runs: name one of the project's ({known})")


def namespaces(manifest: Manifest) -> tuple[str | None, ...]:
    """Return what the faults name, without repeats; None stands for a fault whose namespace only rendering knows."""
    return tuple(dict.fromkeys(name for fault in manifest.faults for name in (fault.namespaces or (None,))))


def _uninvited(manifest: Manifest, namespace: str) -> Refusal | None:
    stated = manifest.annotations.get(TRIGGER_FROM)
    invited = _words(stated) if stated is not None else tuple(filter(None, namespaces(manifest)))
    if (stated is None and not invited) or any(fnmatchcase(namespace, pattern) for pattern in invited):
        return None
    mend = f"list {namespace} in the annotation {TRIGGER_FROM} to let it"
    return Refusal(
        "trigger from", f"namespace {namespace} may not start it ({', '.join(invited) or 'none'} may): {mend}"
    )


def _of_origin(manifest: Manifest, origin: str, clusters: Iterable[Cluster]) -> Targets:
    cluster = next((cluster for cluster in clusters if cluster.id == origin), None)
    if cluster is None:
        return _refused(f"cluster {origin}, where the change was seen, does not belong to the project")
    if _fits(manifest, cluster):
        return Targets((origin,))
    mend = f"name {origin} in the annotation {CLUSTERS} to let it"
    return _refused(f"the experiment is for infra_id {manifest.infra_id}, not for cluster {origin}: {mend}")


def _fits(manifest: Manifest, cluster: Cluster) -> bool:
    return manifest.infra_id in {None, cluster.id, cluster.labels.get(INFRA_ID)}


def _named(text: str, clusters: Sequence[Cluster], *, labels: bool = True) -> Targets:
    words = _words(text)
    wanted = tuple(word for word in words if labels and "=" in word)
    ids = tuple(word for word in words if word not in wanted)
    known = {cluster.id for cluster in clusters}
    selected = tuple(cluster.id for cluster in clusters if wanted and _has(cluster, wanted))
    unknown = [f"the project has no cluster {name}" for name in ids if name not in known]
    empty = [f"no cluster of the project has the labels {', '.join(wanted)}"] if wanted and not selected else []
    found = (name for name in ids if name in known)
    return Targets(tuple(dict.fromkeys((*found, *selected))), tuple(map(_routing, unknown + empty)))


def _has(cluster: Cluster, wanted: Iterable[str]) -> bool:
    pairs = (word.partition("=") for word in wanted)
    return all(cluster.labels.get(key.strip()) == value.strip() for key, _, value in pairs)


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _refused(reason: str) -> Targets:
    return Targets(refusals=(_routing(reason),))


def _routing(reason: str) -> Refusal:
    return Refusal("routing", reason)
