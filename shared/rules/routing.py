"""Where an experiment may run, and who may start it: the origin alone, unless the experiment in git says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

import msgspec

from shared.model.experiments import Manifest, Problem
from shared.model.projects import Cluster
from shared.rules.facts import Refusal

CLUSTERS: Final = "litmuschaos.io/clusters"
"""Annotation: cluster ids, and `key=value` labels that a cluster must have all of, comma separated."""

TRIGGER_FROM: Final = "litmuschaos.io/trigger-from"
"""Annotation: namespaces (`*` globs) whose workloads may start the experiment, comma separated."""

INFRA_ID: Final = "infra_id"

OWN: Final[Mapping[str, str]] = MappingProxyType({})
"""No foreign infra_id means a cluster of ours."""

_MAP: Final = "say which one it means with litmus-gitops project map-infra"


class Targets(msgspec.Struct, frozen=True):
    """The ids of the clusters that get an order, in the order they were named, and why others do not."""

    clusters: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def targets(
    manifest: Manifest,
    origin: str,
    namespace: str,
    clusters: Sequence[Cluster],
    infra_ids: Mapping[str, str] = OWN,
) -> Targets:
    """Return where a change of a workload in `namespace` on cluster `origin` starts the experiment.

    `clusters` are all of the project's; any other is unknown here, whoever it belongs to. `infra_ids` says which of
    them a foreign infra_id means.
    """
    if refusal := _uninvited(manifest, namespace):
        return Targets(refusals=(refusal,))
    named = manifest.annotations.get(CLUSTERS)
    return _of_origin(manifest, origin, clusters, infra_ids) if named is None else _named(named, clusters, infra_ids)


def chosen(
    manifest: Manifest, asked: Sequence[str], clusters: Sequence[Cluster], infra_ids: Mapping[str, str] = OWN
) -> Targets:
    """Return where a run goes that no change started: to the clusters asked for, else to those the experiment names.

    Without either it goes to the project's only cluster, and where there are several none is guessed.
    """
    if asked:
        return _named(",".join(asked), clusters, infra_ids, labels=False)
    if (named := manifest.annotations.get(CLUSTERS)) is not None:
        return _named(named, clusters, infra_ids)
    fitting = _fitting(manifest, clusters, infra_ids)
    if len(fitting) == 1:
        return Targets((fitting[0],))
    known = ", ".join(cluster.id for cluster in clusters) or "none is registered"
    return _refused(f"the experiment does not say on which cluster it runs: name one of the project's ({known})")


def meant(infra_id: str, clusters: Sequence[Cluster], infra_ids: Mapping[str, str] = OWN) -> tuple[str, ...]:
    """Return the clusters that an infra_id means: ours by id or label `infra_id`, else the one it is mapped to."""
    own = tuple(one.id for one in clusters if infra_id in {one.id, one.labels.get(INFRA_ID)})
    return own or tuple(one.id for one in clusters if one.id == infra_ids.get(infra_id))


def doubts(manifest: Manifest, clusters: Sequence[Cluster], infra_ids: Mapping[str, str] = OWN) -> tuple[Problem, ...]:
    """Return what is odd about where an experiment is to run; a cluster may be registered later, so it is no error."""
    found = [refusal.reason for refusal in _named(manifest.annotations.get(CLUSTERS, ""), clusters, infra_ids).refusals]
    if manifest.infra_id is not None and not meant(manifest.infra_id, clusters, infra_ids):
        found.append(f"infra_id {manifest.infra_id} is no cluster of the project: {_MAP}")
    return tuple(map(Problem, found))


def namespaces(manifest: Manifest) -> tuple[str | None, ...]:
    """Return what the faults name, without repeats; None stands for a fault whose namespace only rendering knows."""
    return tuple(dict.fromkeys(name for fault in manifest.faults for name in (fault.namespaces or (None,))))


def service_accounts(manifest: Manifest) -> tuple[str, ...]:
    """Return the accounts that the faults name, without repeats."""
    return tuple(dict.fromkeys(fault.service_account for fault in manifest.faults if fault.service_account))


def _uninvited(manifest: Manifest, namespace: str) -> Refusal | None:
    stated = manifest.annotations.get(TRIGGER_FROM)
    invited = _words(stated) if stated is not None else tuple(filter(None, namespaces(manifest)))
    if (stated is None and not invited) or any(fnmatchcase(namespace, pattern) for pattern in invited):
        return None
    mend = f"list {namespace} in the annotation {TRIGGER_FROM} to let it"
    return Refusal(
        "trigger from", f"namespace {namespace} may not start it ({', '.join(invited) or 'none'} may): {mend}"
    )


def _of_origin(manifest: Manifest, origin: str, clusters: Sequence[Cluster], infra_ids: Mapping[str, str]) -> Targets:
    if all(cluster.id != origin for cluster in clusters):
        return _refused(f"cluster {origin}, where the change was seen, does not belong to the project")
    fitting = _fitting(manifest, clusters, infra_ids)
    if origin in fitting:
        return Targets((origin,))
    mend = f"name {origin} in the annotation {CLUSTERS} to let it" + ("" if fitting else f", or {_MAP}")
    return _refused(f"the experiment is for infra_id {manifest.infra_id}, not for cluster {origin}: {mend}")


def _fitting(manifest: Manifest, clusters: Sequence[Cluster], infra_ids: Mapping[str, str]) -> tuple[str, ...]:
    if manifest.infra_id is None:
        return tuple(cluster.id for cluster in clusters)
    return meant(manifest.infra_id, clusters, infra_ids)


def _named(text: str, clusters: Sequence[Cluster], infra_ids: Mapping[str, str], *, labels: bool = True) -> Targets:
    words = _words(text)
    known = {cluster.id for cluster in clusters}
    wanted = tuple(word for word in words if labels and "=" in word)
    ids = [word if word in known else infra_ids.get(word, word) for word in words if word not in wanted]
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
