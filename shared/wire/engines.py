"""ChaosEngines and ChaosSchedules (litmuschaos.io/v1alpha1), and the faults that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.model.experiments import Fault, Problem
from shared.wire.documents import At, Document
from shared.wire.placeholders import Placeholders, is_open
from shared.wire.yaml import read_yaml

DEFAULT_WEIGHT: Final = 10
_STATES: Final = ("", "active", "stop")
_WEIGHT: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Engine:
    """A ChaosEngine's spec wherever it stands, with the metadata that holds its annotations."""

    spec: At
    metadata: At
    weight: int = DEFAULT_WEIGHT
    placeholders: Placeholders = field(default_factory=Placeholders)

    def findings(self) -> Iterator[Fault | Problem]:
        """Yield a fault for each experiment, and what is doubtful; raise `Flaw` where there is no fault to run."""
        self._check_state()
        experiments = self.spec.get("experiments").items()
        if not experiments:
            raise self.spec.flaw(f"{self.spec.where} names no experiments; list at least one fault")
        referred, doubts = self._referred()
        namespaces = self._namespaces()
        yield from doubts
        yield from (self._unknown(name) for name in namespaces if is_open(name))
        for experiment in experiments:
            yield self._fault(experiment, referred, tuple(name for name in namespaces if not is_open(name)))

    def _fault(self, experiment: At, referred: tuple[str, ...], namespaces: tuple[str, ...]) -> Fault:
        name = self._read(experiment.get("name"))
        if not name:
            raise experiment.flaw(f"{experiment.where} has no name; name the ChaosExperiment to run")
        probes = tuple(self._read(at.get("name")) for at in experiment.get("spec", "probe").items())
        return Fault(
            name=name,
            namespace=next(iter(namespaces), None),
            kind=self._known("appkind", "kind"),
            label=self._known("applabel", "labels"),
            service_account=self._closed(self.spec.get("chaosServiceAccount")),
            weight=self.weight,
            probes=probes,
            unresolved_probes=tuple(name for name in referred if name not in probes),
            others=namespaces[1:],
            lines={
                "name": experiment.get("name").line,
                "namespace": self._target().line,
                "probes": self.metadata.get("annotations", "probeRef").line if referred else experiment.line,
            },
        )

    def _check_state(self) -> None:
        at = self.spec.get("engineState")
        if self._read(at) not in _STATES and not is_open(self._read(at)):
            raise at.flaw(f"{at.where} is {at.text()[:60]!r}; write active or stop")

    def _target(self) -> At:
        """Return where the first namespace stands."""
        at = [self.spec.get("appinfo", "appns"), *(target.get("namespace") for target in self._targets())]
        return next((one for one in at if one.text()), self.spec)

    def _targets(self) -> list[At]:
        selectors = self.spec.get("selectors")
        return [*selectors.get("workloads").items(), *selectors.get("pods").items()]

    def _namespaces(self) -> list[str]:
        at = [self.spec.get("appinfo", "appns"), *(target.get("namespace") for target in self._targets())]
        return list(dict.fromkeys(name for name in map(self._read, at) if name))

    def _known(self, in_appinfo: str, in_selector: str) -> str | None:
        at = [self.spec.get("appinfo", in_appinfo), *(target.get(in_selector) for target in self._targets())]
        return next((name for name in map(self._closed, at) if name), None)

    def _closed(self, at: At) -> str | None:
        text = self._read(at)
        return None if is_open(text) else text or None

    def _read(self, at: At) -> str:
        return self.placeholders.fill(at.text())

    def _unknown(self, namespace: str) -> Problem:
        return self.spec.get("appinfo").problem(f"the namespace {namespace[:60]} is known only to a run")

    def _referred(self) -> tuple[tuple[str, ...], list[Problem]]:
        """Read the names in ChaosCenter's `probeRef` annotation: a JSON list of objects with a name."""
        at = self.metadata.get("annotations", "probeRef")
        read = read_yaml(self._read(at).encode()) if at.text() else None
        names = _probe_names(read) if isinstance(read, Document) else None
        if at.text() and names is None:
            return (), [at.problem('probeRef is no list of probes; write it as \'[{"name": "…"}]\'')]
        return names or (), []


def _probe_names(read: Document) -> tuple[str, ...] | None:
    probes = read.value if isinstance(read.value, list) else [None]
    names = [probe.get("name") for probe in probes if isinstance(probe, dict)]
    known = tuple(name for name in names if isinstance(name, str))
    return known if len(known) == len(probes) else None


def weigh(labels: At) -> tuple[int, list[Problem]]:
    """Return the weight in a `weight` label, 10 where there is none or none that is a whole number."""
    at = labels.get("weight")
    if at.value is None:
        return DEFAULT_WEIGHT, []
    if not _WEIGHT.fullmatch(at.word()):
        return DEFAULT_WEIGHT, [at.problem(f"the weight {at.word()[:60]!r} is no whole number; counted as 10")]
    return int(at.word()), []


def engine(root: At) -> Iterator[Fault | Problem]:
    """Read a ChaosEngine that is a file of its own."""
    weight, doubts = weigh(root.get("metadata", "labels"))
    yield from doubts
    yield from Engine(root.get("spec"), root.get("metadata"), weight).findings()


def ways_of(root: At) -> tuple[str, ...]:
    """Return the ways in which a ChaosSchedule says that it repeats."""
    when = root.get("spec", "schedule")
    return tuple(way for way in ("now", "once", "repeat") if when.get(way).value not in (None, False))


def schedule(root: At) -> Iterator[Fault | Problem]:
    """Read a ChaosSchedule: one way of repeating, and the engine that it makes."""
    spec = root.get("spec")
    when = spec.get("schedule")
    ways = ways_of(root)
    if len(ways) != 1:
        found = " and ".join(ways) or "none"
        raise when.flaw(f"{when.where} must have exactly one of now: true, once and repeat, found {found}")
    weight, doubts = weigh(root.get("metadata", "labels"))
    yield from doubts
    yield from Engine(spec.get("engineTemplateSpec"), root.get("metadata"), weight).findings()
