"""`litmus-gitops doctor` finds each thing that keeps things from working, and tells it from what is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import urllib3

from shared.model.experiments import Edit, Experiment, Manifest
from shared.model.projects import Presence
from shared.model.reaches import Reach
from shared.model.runs import Run
from shared.services.tables import EDITS, EXPERIMENTS, PRESENCE, REACHES, RUNS
from tests.gitserver import GitServer
from tests.infra.commanding import KILL, Served, served
from tests.monitors import MonitorStand

LONG_AGO = "2026-01-01T00:00:00.000Z"
NOW = "2999-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable()
        made("cluster", "add", "c1", "-p", "shop")
        heard(made, NOW)
        yield made


def found(portal: Served, place: str = "shop") -> dict[str, str]:
    """Return what doctor finds at a place, with the mend; its exit status says whether it finds anything."""
    done = portal.run("doctor", "--json")
    rows: list[dict[str, Any]] = [row for row in done.json if row["severity"] == "finding"]
    assert done.code == bool(rows)
    return {row["what"]: row["mend"] for row in rows if row["place"] == place}


def heard(portal: Served, at: str) -> None:
    portal.store.commit([PRESENCE.put(Presence("c1", at), "shop", "c1")])


def test_gitops_that_is_off_is_found(portal: Served) -> None:
    portal("project", "disable", "shop")
    assert {"GitOps is off": "litmus-gitops project enable shop --repo …"} == found(portal)
    portal.enable()


def test_a_cluster_that_is_missing_or_silent_is_found(portal: Served) -> None:
    portal("cluster", "forget", "c1", "-p", "shop")
    assert ["no cluster is registered"] == list(found(portal))
    portal("cluster", "add", "c1", "-p", "shop")
    assert ["cluster c1 was never heard"] == list(found(portal))
    heard(portal, LONG_AGO)
    assert [f"cluster c1 was last heard at {LONG_AGO}"] == list(found(portal))
    heard(portal, NOW)
    assert {} == found(portal)


def test_stop_conditions_that_keep_chaos_from_starting_are_found(portal: Served, tmp_path: Path) -> None:
    with MonitorStand().open() as monitor:
        page = {"name": "page", "url": monitor.url, "alert": "HighErrorRate"}
        rules = tmp_path / "rules.json"
        rules.write_text(json.dumps({"stop_conditions": [page, {"name": "p99", "url": monitor.url, "promql": "(("}]}))
        assert '"page"' in portal("project", "safety", "shop", str(rules), "--json").out
        monitor.alerts = [{"alertname": "HighErrorRate"}]
        whats = list(found(portal))
        assert "stop condition page is breached: alert HighErrorRate fires: nothing starts" == whats[0]
        assert whats[1].startswith("stop condition p99 cannot be judged: Prometheus answered 400, bad_data")
        rows = portal("project", "conditions", "shop", "--json").json
        assert ["breached", "unknown"] == [row["state"] for row in rows]
    rules.write_text('{"stop_conditions": []}')
    portal("project", "safety", "shop", str(rules))
    assert {} == found(portal)


def test_a_circuit_that_is_open_is_found_and_shown(portal: Served) -> None:
    since = "2026-01-01T00:00:00.000Z"
    portal.store.commit([REACHES.put(Reach(7, "its subscriber answered 500", since, since), "c1")])
    assert [f"cluster c1 takes no orders since {since}: its subscriber answered 500"] == list(found(portal))
    [row] = portal.run("cluster", "list", "-p", "shop", "--json").json
    assert ("open", 7, since) == tuple(row["circuit"][name] for name in ("state", "failures", "retry_at"))
    assert "open" in portal.run("cluster", "list", "-p", "shop").out
    assert b"litmus_gitops_open_circuits 1\n" in urllib3.request("GET", f"{portal.engine.url}/metrics").data
    portal.store.commit([REACHES.delete("c1")])
    assert {} == found(portal)


def test_what_is_so_on_purpose_is_a_note_and_no_finding(portal: Served) -> None:
    portal("project", "freeze", "shop", "--reason", "release\x1b[31m week")
    done = portal("doctor")
    assert "nothing found" in done.out
    assert "shop: note: frozen: release\N{REPLACEMENT CHARACTER}[31m week\n  litmus-gitops project freeze" in done.out
    assert "shop: note: it observes: nothing starts\n  litmus-gitops project enable shop --enforce" in done.out
    assert "no webhook secret" in done.out
    portal("project", "freeze", "shop", "--lift")


def test_a_file_that_is_broken_is_found_with_its_place(portal: Served) -> None:
    portal.person.write("litmus/shop/bad.yaml", "kind: Workflow\nkind: Workflow\n")
    portal.person.write("litmus/shop/rule.yaml", "kind: EventTrackerPolicy\nmetadata: {name: p}\nspec: {}\n")
    portal.person.push()
    portal("project", "sync", "shop")
    portal.until(lambda: portal("policy", "list", "-p", "shop", "--json").json)
    whats = sorted(found(portal))
    assert "litmus/shop/bad.yaml, line 2 is invalid: the key 'kind' was already given on line 1; keep one" == whats[0]
    assert whats[1].startswith("litmus/shop/rule.yaml, line ")
    for name in ("bad", "rule"):
        (portal.person.folder / f"litmus/shop/{name}.yaml").unlink()
    portal.person.push()
    portal("project", "sync", "shop")
    portal.until(lambda: not found(portal))


def test_an_edit_that_waits_for_git_is_found(portal: Served) -> None:
    odd = Experiment("odd", "x.yaml", "b", "c", "pending", LONG_AGO)
    portal.store.commit([EXPERIMENTS.put(odd, "shop", "odd")])
    assert ["an edit of x.yaml waits for the git host"] == list(found(portal))
    portal.store.commit([EXPERIMENTS.delete("shop", "odd")])


def test_an_edit_that_waits_for_its_pull_request_is_a_note(portal: Served) -> None:
    odd = Experiment("odd", "x.yaml", "b", "c", "pending", LONG_AGO, pull=7)
    portal.store.commit([EXPERIMENTS.put(odd, "shop", "odd")])
    assert {} == found(portal)
    assert "note: an edit of x.yaml waits for pull request #7\n  merge or close it" in portal("doctor").out
    portal.store.commit([EXPERIMENTS.delete("shop", "odd")])


def test_a_schedule_that_a_cluster_cannot_carry_out_is_found_and_one_that_waits_is_a_note(portal: Served) -> None:
    why = "cluster c1: no chaos scheduler is running"
    odd = Experiment("odd", "x.yaml", "b", "c", "synced", LONG_AGO, schedule="waiting", schedule_reason=why)
    portal.store.commit([EXPERIMENTS.put(odd, "shop", "odd")])
    assert {} == found(portal)
    note = f"note: the schedule of x.yaml is waiting: {why}\n  see litmus-gitops event list -p shop --kind order"
    assert note in portal("doctor").out
    failed = msgspec.structs.replace(odd, schedule_failed=True)
    portal.store.commit([EXPERIMENTS.put(failed, "shop", "odd")])
    mend = "mend that, then litmus-gitops experiment schedule odd -p shop --accept"
    assert {f"the schedule of x.yaml: {why}": mend} == found(portal)
    assert "the schedule of x.yaml is" not in portal.run("doctor").out
    portal.store.commit([EXPERIMENTS.delete("shop", "odd")])


def test_a_conflict_is_found_with_the_way_to_settle_it(portal: Served) -> None:
    odd = Edit("e1", "shop", "odd", "x.yaml", b"", None, "Ada <a@x>", LONG_AGO, state="conflict", problem="it moved")
    portal.store.commit([EDITS.put(odd, "shop", "e1")])
    what = "an edit of x.yaml by Ada <a@x> overlaps with what git holds: it moved"
    mend = "see litmus-gitops experiment conflicts e1 -p shop, then experiment settle"
    assert {what: mend} == found(portal)
    portal.store.commit([EDITS.delete("shop", "e1")])


def test_a_run_that_needs_attention_is_found(portal: Served) -> None:
    run = Run("r1", "shop", "kill-1", "c1", "needs_attention", LONG_AGO, LONG_AGO, message="a pod is left")
    portal.store.commit([RUNS.put(run, "shop", "r1")])
    expected = "clean up in the cluster, or litmus-gitops run stop r1 -p shop"
    assert {"run r1 on c1 needs attention: a pod is left": expected} == found(portal)
    portal.store.commit([RUNS.delete("shop", "r1")])


def test_a_folder_without_experiments_is_found(portal: Served) -> None:
    portal("project", "enable", "shop", "--path", "elsewhere")
    what = portal.until(lambda: next((one for one in found(portal) if "no experiment" in one), None))
    assert what.endswith("of main")
    offered = "1 files are only in the portal, and nothing of them starts; the first: elsewhere/kill.yaml"
    assert "litmus-gitops project export shop, or with --drop" == found(portal)[offered]
    assert "elsewhere/kill.yaml" in portal("project", "export", "shop", "--list").out
    done = portal("project", "export", "shop", "--experiment", KILL, "--json").json
    assert ["elsewhere/kill.yaml"] == [row["path"] for row in done["exported"]]
    portal.until(lambda: not found(portal))
    portal("project", "enable", "shop", "--path", "litmus/shop")


def test_a_sync_that_cannot_go_on_is_found_with_its_reason(portal: Served) -> None:
    portal("project", "enable", "shop", "--branch", "gone")
    what = portal.until(lambda: next((one for one in found(portal) if "degraded" in one), None))
    assert "there is no branch 'gone'" in what
    portal("project", "enable", "shop", "--branch", "main")


def test_a_repository_that_was_renamed_is_found_with_its_new_address(portal: Served, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served", moved={"former.git": "chaos.git"}) as server:
        new = server.create()
        person = server.clone()
        person.write("litmus/shop/readme.txt", "none yet")
        person.push()
        portal("project", "enable", "shop", "--repo", new.replace("chaos", "former"))
        what = portal.until(lambda: next((one for one in found(portal) if "renamed" in one), None))
        assert f"the repository was renamed and is at {new} by now" == what
        portal("project", "enable", "shop", "--repo", portal.repository)


def test_messages_that_were_given_up_are_found(portal: Served) -> None:
    portal.bury("odd", "nobody", "nothing is served under this path")
    (what,) = found(portal, "queue")
    assert what == "1 messages were given up; the first: nothing is served under this path"
    portal("event", "redrive", "odd")
    assert {} == found(portal, "queue")


def test_an_infra_id_that_nobody_knows_is_found_until_it_is_mapped(portal: Served) -> None:
    manifest = Manifest("Workflow", "odd", infra_id="7f2e")
    odd = Experiment("odd", "x.yaml", "b", "c", "synced", LONG_AGO, manifest=manifest)
    portal.store.commit([EXPERIMENTS.put(odd, "shop", "odd")])
    mend = "litmus-gitops project map-infra shop 7f2e=CLUSTER"
    expected = "infra_id 7f2e is no cluster of the project; experiments that name it: 1"
    assert {expected: mend} == found(portal)
    portal("project", "map-infra", "shop", "7f2e=c9", "c1=c1")
    assert [
        expected,
        "infra_id 7f2e is mapped to c9, which is no cluster of the project",
        "infra_id c1 is mapped to c1, but it is a cluster of the project, and that counts",
    ] == list(found(portal))
    portal("project", "map-infra", "shop", "7f2e=c1", "c1=")
    assert {} == found(portal)
    assert {"7f2e": "c1"} == portal.api("GET", "/projects/shop/gitops")["infra_ids"]
    assert "is no mapping" in portal("project", "map-infra", "shop", "7f2e", code=2).err
    portal("project", "map-infra", "shop", "7f2e=")
    portal.store.commit([EXPERIMENTS.delete("shop", "odd")])
