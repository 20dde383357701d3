from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.model.changes import Side, Workload
from shared.model.experiments import Problem
from shared.model.hosting import Annotation
from shared.model.policies import Policy, Selector
from shared.model.projects import Cluster, GitOps
from shared.rules.forecasts import MOST, Scene, Sight, code, policies_at, summary, tell
from shared.rules.pulls import Changed, Ground
from tests.rules.pulled import GROUND, cart, changed, fault

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ANY = Policy("any", path="any.yaml")
US = Cluster("us", "shop", "US", "")


def sight(
    name: str = "web", cluster: str = "eu", kind: str = "Deployment", experiments: str = "L", **labels: str
) -> Sight:
    annotations = {"litmuschaos.io/gitops": "true", "litmuschaos.io/workflow": experiments}
    content: dict[str, Any] = {"metadata": {"annotations": annotations, "labels": labels or {"app": "web"}}}
    return Sight(Workload(cluster, kind, "shop", name), Side("u", content, "d"))


def scene(*sights: Sight, **changes: Any) -> Scene:
    gitops = GitOps("https://git.example.org/chaos", "litmus/shop", mode="enforce")
    return msgspec.structs.replace(Scene(gitops, GROUND, (ANY,), sights, NOW), **changes)


def lines(where: Scene, one: Changed, *findings: Annotation) -> list[str]:
    text = tell(where, [one], {one.path: "L"}, [], findings)
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]


def hit(where: Scene, **changes: Any) -> str:
    return lines(where, changed(cart(**changes)))[0]


def runs(where: Scene, before: str | None = None, **changes: Any) -> list[str]:
    return lines(where, changed(cart(**changes), before=before))[1:]


PLACE = "`Deployment/shop/web` on cluster `eu`"
TARGET = "`pod-delete` hits `deployment` `app=web` in namespace `shop`: "


def test_a_fault_hits_the_watched_workloads_that_bear_its_label() -> None:
    others = [sight("db", app="db"), sight("set", kind="StatefulSet")]
    assert f"{TARGET}{PLACE}" == hit(scene(sight(), *others))


@pytest.mark.parametrize(
    ("labels", "hits"),
    [
        pytest.param("app=web,tier=front", True, id="all of several labels"),
        pytest.param("app=web,tier=back", False, id="not all"),
        pytest.param(None, False, id="none that is known"),
    ],
)
def test_a_label_selects_as_kubernetes_does(labels: str | None, *, hits: bool) -> None:
    told = hit(scene(sight(app="web", tier="front")), faults=(fault(label=labels),))
    assert hits == told.endswith(PLACE)
    assert hits != told.endswith("no watched workload that is known")


def test_labels_of_the_pods_count_as_well() -> None:
    one = sight(app="other")
    one.side.content["spec"] = {"template": {"metadata": {"labels": {"app": "web"}}}}
    assert hit(scene(one)).endswith(PLACE)


@pytest.mark.parametrize(
    ("changes", "hits"),
    [
        pytest.param({"infra_id": "eu"}, True, id="its own cluster"),
        pytest.param({"infra_id": "us"}, False, id="another cluster's experiment"),
        pytest.param({"annotations": {"litmuschaos.io/clusters": "eu"}, "infra_id": "us"}, True, id="a named cluster"),
        pytest.param({"annotations": {"litmuschaos.io/clusters": "us"}}, False, id="another that is named"),
    ],
)
def test_only_clusters_on_which_it_runs_are_hit(changes: dict[str, Any], *, hits: bool) -> None:
    assert hits == hit(scene(sight()), **changes).endswith(PLACE)


def test_what_is_not_known_before_a_run_is_said() -> None:
    assert "hits what only a run knows" == hit(scene(), faults=())
    vague = fault(kind=None, label=None, namespace=None)
    expected = "`pod-delete` hits whatever its selectors say in namespace one that only a run knows: "
    assert f"{expected}no watched workload that is known" == hit(scene(sight()), faults=(vague,))


def test_the_same_fault_twice_is_told_once() -> None:
    assert 2 == len(lines(scene(), changed(cart(faults=(fault(), fault(lines={}))))))


def test_it_runs_when_a_workload_that_names_it_changes_by_the_policies_that_count_that() -> None:
    policies = (ANY, Policy("images"), Policy("db", selector=Selector(kinds=("StatefulSet",))))
    expected = [f"runs on `eu` when {PLACE} changes (by policy `any`, `images`)"]
    assert expected == runs(scene(sight(), sight("db", experiments="other"), policies=policies))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            {"policies": ()}, "runs on `eu` when {} changes (any change, since there is no policy)", id="default"
        ),
        pytest.param(
            {"policies": (), "gitops": GitOps("u", "p", mode="enforce", default_policy=False)},
            "does not run when {} changes: the project has no policy",
            id="no default",
        ),
        pytest.param(
            {"policies": (Policy("db", selector=Selector(kinds=("StatefulSet",))),)},
            "does not run when {} changes: no policy counts its changes",
            id="no policy for it",
        ),
        pytest.param(
            {"policies": (Policy("p", selector=Selector(clusters=("tier=staging",))),)},
            "runs on `eu` when {} changes (by policy `p`)",
            id="by its cluster's labels",
        ),
        pytest.param(
            {"policies": (Policy("p", problem=Problem("x")),)},
            "does not run when {} changes: no policy counts its changes",
            id="an invalid policy",
        ),
        pytest.param(
            {"ground": Ground("shop", clusters=(US,))},
            "does not run when {} changes: `cluster eu, where the change was seen, does not belong to the project`",
            id="a cluster that is none of the project's",
        ),
    ],
)
def test_when_a_workload_starts_it_is_told_with_why(change: dict[str, Any], expected: str) -> None:
    assert [expected.format(PLACE)] == runs(scene(sight(), **change))


def test_many_workloads_are_counted() -> None:
    where = scene(*(sight(f"web-{number}") for number in range(MOST + 5)))
    assert hit(where).endswith("`Deployment/shop/web-19` on cluster `eu` and 5 more")
    assert (MOST + 1, "… and of 5 more workloads") == (len(runs(where)), runs(where)[-1])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (
            "0 2 * * *",
            "runs by its schedule `0 2 * * *`, next at 2026-01-02 02:00 UTC, once it is installed on a cluster",
        ),
        ("0 0 30 2 *", "runs by its schedule `0 0 30 2 *`, which never comes, once it is installed on a cluster"),
        ("now", "runs when its ChaosSchedule is installed on a cluster"),
        ("repeat", "runs again and again, as its ChaosSchedule says"),
    ],
)
def test_a_schedule_is_told_with_its_next_time(schedule: str, expected: str) -> None:
    assert [expected] == runs(scene(), schedules=(schedule,))


@pytest.mark.parametrize(
    ("setting", "annotation", "before", "due"),
    [
        pytest.param("never", None, None, False, id="never"),
        pytest.param("new", None, None, True, id="a new one"),
        pytest.param("new", None, "b0", False, id="one that was there"),
        pytest.param("changed", None, "b0", True, id="a changed one"),
        pytest.param("never", "changed", "b0", True, id="its own word counts"),
        pytest.param("changed", "never", None, False, id="also to keep it off"),
    ],
)
def test_what_runs_on_push_is_told(setting: Any, annotation: str | None, before: str | None, *, due: bool) -> None:
    gitops = GitOps("u", "p", mode="enforce", run_on_push=setting)
    annotations = {} if annotation is None else {"litmuschaos.io/run-on-push": annotation}
    told = runs(scene(gitops=gitops), before, annotations=annotations)
    push = f"runs once when this is merged (run-on-push: {annotation or setting})"
    assert [push if due else "runs by hand only: no watched workload names `L`"] == told


def test_a_policy_is_told_with_the_workloads_that_it_watches() -> None:
    told = lines(scene(sight()), changed(Policy("images"), "p.yaml"))
    assert [f"policy `images` counts changes of {PLACE}"] == told
    assert ["policy `images` counts changes of no workload that is known"] == lines(scene(), changed(Policy("images")))


def test_findings_stand_first_with_their_lines() -> None:
    finding = Annotation("a.yaml", 3, "a `tab` by @ada\nindents", "failure")
    assert ["**error** in line 3: `a 'tab' by @ada indents`"] == lines(
        scene(), changed(Problem("x")), finding, Annotation("other.yaml", 1, "x")
    )
    assert ["**warning** in line 3: `x`"] == lines(
        scene(), changed(Policy("p", problem=Problem("x"))), Annotation("a.yaml", 3, "x", "warning")
    )


def test_the_comment_says_what_comes_changes_and_goes() -> None:
    files = [changed(Policy("a"), "a.yaml"), changed(Policy("b"), "b.yaml", before="b0")]
    told = tell(scene(), files, {}, ["c.yaml"], ()).splitlines()
    assert ["### Chaos experiments of project `shop`", "", "no errors in 2 changed files."] == told[:3]
    assert ["**`a.yaml`** is new", "**`b.yaml`** changes", "**`c.yaml`** is removed: nothing starts it any more"] == [
        line for line in told if line.startswith("**")
    ]


def test_a_project_that_observes_says_so() -> None:
    gitops = GitOps("u", "p")
    assert "The project observes" in tell(scene(gitops=gitops), [changed(Policy("a"))], {}, [], ())


def test_a_request_that_changes_nothing_of_ours_says_so() -> None:
    assert tell(scene(), [], {}, [], ()).endswith("This pull request changes no experiment and no policy.\n")


def test_a_large_request_is_cut() -> None:
    files = [changed(Policy("a"), f"{number}.yaml") for number in range(60)]
    assert tell(scene(), files, {}, ["z.yaml"], ()).endswith("… and 10 more files\n")


def test_a_request_is_summed_up() -> None:
    findings = [Annotation("a", 1, "x"), Annotation("a", 1, "x", "warning")]
    assert ["1 error, 1 warning in 1 changed file", "no errors in 2 changed files"] == [
        summary(findings, 1),
        summary([], 2),
    ]


def test_the_policies_of_a_head_are_those_that_it_leaves_and_brings() -> None:
    stored = [ANY, Policy("gone", path="gone.yaml"), Policy("old", path="p.yaml"), Policy("own", cluster="eu")]
    brought = [changed(Policy("new"), "p.yaml"), changed(cart())]
    names = [policy.name for policy in policies_at({"any.yaml": "1", "p.yaml": "2"}, brought, stored)]
    assert ["any", "own", "new"] == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("app=web", "`app=web`", id="plain"),
        pytest.param("a`b` @ada\n\n# x", "`a'b' @ada # x`", id="what would leave the span"),
        pytest.param("", "` `", id="nothing"),
        pytest.param("x" * 200, f"`{'x' * 100}`", id="too long"),
    ],
)
def test_texts_of_strangers_stay_in_a_code_span(text: str, expected: str) -> None:
    assert expected == code(text)
