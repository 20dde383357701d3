from __future__ import annotations

import pytest

from shared.model.experiments import Fault, Manifest
from shared.model.projects import Cluster
from shared.rules.routing import CLUSTERS, TRIGGER_FROM, Targets, chosen, doubts, meant, namespaces, targets

STAGING = Cluster("staging", "shop", "Staging", "", labels={"env": "test", "region": "eu"})
PRODUCTION = Cluster("production", "shop", "Production", "", labels={"env": "live", "region": "eu", "infra_id": "7f2e"})
FAR = Cluster("far", "shop", "Far", "", labels={"env": "live", "region": "us"})
ALL = (STAGING, PRODUCTION, FAR)


def manifest(
    annotations: dict[str, str] | None = None, infra_id: str | None = None, faults: tuple[Fault, ...] = ()
) -> Manifest:
    return Manifest("Workflow", "kill", infra_id=infra_id, annotations=annotations or {}, faults=faults)


def words(found: Targets) -> str:
    return "; ".join(refusal.reason for refusal in found.refusals)


@pytest.mark.parametrize(
    ("experiment", "origin", "expected", "reason"),
    [
        pytest.param(manifest(), "staging", ("staging",), "", id="the origin"),
        pytest.param(manifest(infra_id="staging"), "staging", ("staging",), "", id="the origin, by its id"),
        pytest.param(manifest(infra_id="7f2e"), "production", ("production",), "", id="the origin, by its label"),
        pytest.param(
            manifest(infra_id="production"),
            "staging",
            (),
            "for infra_id production, not for cluster staging",
            id="staging never starts production's chaos",
        ),
        pytest.param(manifest(), "elsewhere", (), "cluster elsewhere", id="an origin that left the project"),
        pytest.param(
            manifest({CLUSTERS: "far, staging"}), "production", ("far", "staging"), "", id="others, as the file says"
        ),
        pytest.param(
            manifest({CLUSTERS: "far"}, infra_id="production"), "staging", ("far",), "", id="naming them is enough"
        ),
        pytest.param(manifest({CLUSTERS: "env=live"}), "staging", ("production", "far"), "", id="by a label"),
        pytest.param(
            manifest({CLUSTERS: "env=live,region=us"}), "staging", ("far",), "", id="by all of several labels"
        ),
        pytest.param(
            manifest({CLUSTERS: "staging,env=live,region=eu,staging"}),
            "staging",
            ("staging", "production"),
            "",
            id="ids and labels together, each cluster once",
        ),
        pytest.param(
            manifest({CLUSTERS: "staging,gone"}),
            "staging",
            ("staging",),
            "the project has no cluster gone",
            id="an unknown one is named",
        ),
        pytest.param(
            manifest({CLUSTERS: "env=none"}), "staging", (), "has the labels env=none", id="labels that nothing has"
        ),
        pytest.param(manifest({CLUSTERS: " , "}), "staging", (), "", id="none, as the file says"),
    ],
)
def test_a_change_starts_its_experiment_at_its_origin_unless_the_file_says_otherwise(
    experiment: Manifest, origin: str, expected: tuple[str, ...], reason: str
) -> None:
    found = targets(experiment, origin, "shop", ALL)
    assert expected == found.clusters
    assert reason in words(found)
    assert bool(reason) == bool(found.refusals)


@pytest.mark.parametrize(
    ("experiment", "namespace", "allowed"),
    [
        pytest.param(manifest(), "anywhere", True, id="it names no namespace"),
        pytest.param(manifest(faults=(Fault("a"),)), "anywhere", True, id="its fault's namespace is yet unknown"),
        pytest.param(manifest(faults=(Fault("a", "shop"),)), "shop", True, id="its fault's namespace"),
        pytest.param(manifest(faults=(Fault("a", "shop"),)), "other", False, id="not its fault's namespace"),
        pytest.param(
            manifest(faults=(Fault("a"), Fault("b", "shop", others=("db",)))), "db", True, id="any that a fault names"
        ),
        pytest.param(
            manifest({TRIGGER_FROM: "ci-*, shop"}, faults=(Fault("a", "db"),)), "ci-1", True, id="invited by a glob"
        ),
        pytest.param(manifest({TRIGGER_FROM: "ci"}, faults=(Fault("a", "db"),)), "db", False, id="stated means only"),
        pytest.param(manifest({TRIGGER_FROM: ""}), "shop", False, id="stated as nobody"),
    ],
)
def test_only_invited_namespaces_start_an_experiment(experiment: Manifest, namespace: str, allowed: bool) -> None:
    found = targets(experiment, "staging", namespace, ALL)
    assert (("staging",) if allowed else ()) == found.clusters
    assert ([] if allowed else ["trigger from"]) == [refusal.rule for refusal in found.refusals]


@pytest.mark.parametrize(
    ("experiment", "asked", "clusters", "expected", "reason"),
    [
        pytest.param(manifest(), ("far", "staging"), ALL, ("far", "staging"), "", id="as asked"),
        pytest.param(manifest(), ("env=live",), ALL, (), "no cluster env=live", id="ids only"),
        pytest.param(manifest(), (), (STAGING,), ("staging",), "", id="the only cluster"),
        pytest.param(manifest(infra_id="far"), (), ALL, ("far",), "", id="the experiment's infra_id"),
        pytest.param(manifest({CLUSTERS: "env=live"}), (), ALL, ("production", "far"), "", id="the annotation"),
        pytest.param(manifest(), (), ALL, (), "(staging, production, far)", id="nothing is guessed"),
        pytest.param(manifest(), (), (), (), "(none is registered)", id="no cluster at all"),
    ],
)
def test_a_persons_run_goes_where_it_was_asked_for(
    experiment: Manifest, asked: tuple[str, ...], clusters: tuple[Cluster, ...], expected: tuple[str, ...], reason: str
) -> None:
    found = chosen(experiment, asked, clusters)
    assert expected == found.clusters
    assert reason in words(found)
    assert bool(reason) == bool(found.refusals)


def test_namespaces_are_listed_once_and_unknown_ones_are_none() -> None:
    faults = (Fault("a", "shop"), Fault("b"), Fault("c", "shop", others=("db",)))
    assert ("shop", None, "db") == namespaces(manifest(faults=faults))


MAP = {"foreign": "staging", "lost": "gone", "far": "staging"}


@pytest.mark.parametrize(
    ("infra_id", "expected"),
    [
        pytest.param("staging", ("staging",), id="our own id"),
        pytest.param("7f2e", ("production",), id="our own label"),
        pytest.param("foreign", ("staging",), id="a mapping"),
        pytest.param("far", ("far",), id="our own id before a mapping"),
        pytest.param("lost", (), id="a mapping to what is no cluster of the project"),
        pytest.param("9a9a", (), id="unknown"),
    ],
)
def test_what_an_infra_id_means(infra_id: str, expected: tuple[str, ...]) -> None:
    assert expected == meant(infra_id, ALL, MAP)


@pytest.mark.parametrize(
    ("experiment", "origin", "expected"),
    [
        pytest.param(manifest(infra_id="foreign"), "staging", ("staging",), id="its cluster"),
        pytest.param(manifest(infra_id="foreign"), "production", (), id="another cluster"),
        pytest.param(manifest(infra_id="far"), "staging", (), id="an id of ours means that cluster"),
        pytest.param(manifest({CLUSTERS: "foreign"}), "far", ("staging",), id="named in the annotation"),
    ],
)
def test_a_mapped_infra_id_is_that_cluster_for_a_change(
    experiment: Manifest, origin: str, expected: tuple[str, ...]
) -> None:
    assert expected == targets(experiment, origin, "shop", ALL, MAP).clusters


def test_a_mapped_infra_id_is_that_cluster_for_a_run() -> None:
    assert ("staging",) == chosen(manifest(infra_id="foreign"), (), ALL, MAP).clusters
    assert "name one of the project's" in words(chosen(manifest(infra_id="foreign"), (), ALL))


def test_an_infra_id_that_nobody_knows_can_be_mapped() -> None:
    assert "map-infra" in words(targets(manifest(infra_id="foreign"), "staging", "shop", ALL))
    assert "map-infra" not in words(targets(manifest(infra_id="production"), "staging", "shop", ALL))


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        pytest.param(manifest(), [], id="nothing named"),
        pytest.param(manifest({CLUSTERS: "staging,env=live"}, infra_id="7f2e"), [], id="all known"),
        pytest.param(manifest({CLUSTERS: "foreign"}, infra_id="foreign"), [], id="all mapped"),
        pytest.param(manifest({CLUSTERS: "gone"}), ["no cluster gone"], id="an unknown cluster"),
        pytest.param(manifest({CLUSTERS: "env=none"}), ["labels env=none"], id="labels that none has"),
        pytest.param(manifest(infra_id="9a9a"), ["infra_id 9a9a is no cluster"], id="an unknown infra_id"),
    ],
)
def test_what_is_odd_about_where_it_runs_is_a_doubt(experiment: Manifest, expected: list[str]) -> None:
    found = doubts(experiment, ALL, MAP)
    assert [True] * len(expected) == [part in doubt.message for part, doubt in zip(expected, found, strict=True)]
