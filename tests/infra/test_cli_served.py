"""The command against a real engine: each verb does what it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gitserver import git
from tests.infra.commanding import KILL, Served, served, workflow
from tests.services.chaos_manifests import cron


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        made.enable()
        yield made


def test_a_project_is_created_once_and_listed(portal: Served) -> None:
    assert "Bank" in portal("project", "create", "bank", "--name", "The Bank").out
    assert "taken" in portal("project", "create", "bank", code=1).err
    listed = portal("project", "list", "--json").json
    assert {("bank", "The Bank", False), ("shop", "shop", True)} <= {(p["id"], p["name"], p["gitops"]) for p in listed}
    assert portal("project", "list").out.splitlines()[0].split() == ["id", "name", "gitops", "created_at"]
    assert 1 == len(portal("project", "list", "--json", "--limit", "1").json)


def test_a_name_is_shown_as_it_is(portal: Served) -> None:
    portal("project", "create", "odd", "--name", "[/] [red]x[0] :smile:")
    assert "[/] [red]x[0] :smile:" in portal("project", "list").out
    portal.api("PUT", "/projects/odd/freeze", {"reason": "a\x1b[2Jb"})
    assert "\x1b" not in portal("project", "list").out + portal("doctor", code=1).out


def test_what_is_wrong_with_an_id_is_said_by_its_field(portal: Served) -> None:
    assert "id: String should match pattern" in portal("project", "create", "Shop!", code=1).err
    assert "no project 'none'" in portal("project", "status", "none", code=1).err
    assert "\x1b" not in portal("event", "list", "-p", "shop", "--since", "\x1b[2J", code=1).err
    assert "no project 'a/b" in portal("project", "status", "a%2Fb?x#y", code=1).err.replace("%2F", "/")


def test_settings_that_are_not_named_stay(portal: Served) -> None:
    portal("project", "create", "keep")
    assert "--repo" in portal("project", "enable", "keep", code=2).err
    first = ("--repo", portal.repository, "--webhook-secret", "file:a", "--webhook-secret", "file:b", "--path", "x")
    made = portal("project", "enable", "keep", *first, "--no-default-policy", "--json").json
    assert ("observe", ["file:a", "file:b"], False) == (made["mode"], made["webhook_secrets"], made["default_policy"])
    changed = portal("project", "enable", "keep", "--enforce", "--json").json
    assert made | {"mode": "enforce"} == changed
    portal("project", "disable", "keep")
    assert "GitOps is off" in portal("project", "status", "keep", "--json").json["problem"]
    assert "GitOps is off" in portal("project", "sync", "keep", code=1).err
    again = portal("project", "enable", "keep", "--observe", "--default-policy", "--webhook-secret", "file:c", "--json")
    assert made | {"webhook_secrets": ["file:c"], "default_policy": True} == again.json


def test_a_pasted_secret_is_refused_and_not_repeated(portal: Served) -> None:
    done = portal("project", "enable", "shop", "--webhook-secret", "hunter2", code=1)
    assert "webhook_secrets.0: " in done.err
    assert "hunter2" not in done.err + done.out


def test_a_sync_is_asked_for_and_its_state_shown(portal: Served) -> None:
    assert "project status shop" in portal("project", "sync", "shop").out
    state = portal.until(lambda: (s := portal("project", "status", "shop", "--json").json)["state"] == "synced" and s)
    assert (portal.person.branch, git("rev-parse", "HEAD", cwd=portal.person.folder)) == (
        state["branch"],
        state["head"],
    )
    assert "synced" in portal("project", "status", "shop").out


def test_a_freeze_is_set_and_lifted_on_a_project_and_on_a_cluster(portal: Served) -> None:
    assert "frozen" in portal("project", "freeze", "shop", "--reason", "release week").out
    (shop,) = [row for row in portal("project", "list", "--json").json if row["id"] == "shop"]
    assert shop["freeze"]["reason"] == "release week"
    assert "lift" not in portal("project", "freeze", "shop", "--lift").out
    portal("cluster", "add", "cold", "-p", "shop")
    portal("project", "freeze", "shop", "--cluster", "cold", "--reason", "repairs")
    frozen = {row["id"]: row["freeze"] for row in portal("cluster", "list", "-p", "shop", "--json").json}
    assert frozen["cold"]["reason"] == "repairs"
    portal("project", "freeze", "shop", "--cluster", "cold", "--lift")
    portal("cluster", "forget", "cold", "-p", "shop")
    assert "no cluster 'cold'" in portal("cluster", "forget", "cold", "-p", "shop", code=1).err


def test_what_a_storm_held_is_released(portal: Served) -> None:
    assert {"released": 0, "dropped": False} == portal("project", "release", "shop", "--json").json
    assert {"released": 0, "dropped": True} == portal("project", "release", "shop", "--drop", "--json").json


def test_a_cluster_shows_its_secrets_once(portal: Served) -> None:
    made = portal("cluster", "add", "c2", "-p", "shop", "--label", "env=test", "--label", "a=b=c", "--json").json
    assert made["subscriber_secret"].startswith("whsec_")
    assert made["admission_url"].startswith(f"{portal.engine.url}/admission/c2/")
    assert {"env": "test", "a": "b=c"} == made["labels"]
    listed = portal("cluster", "list", "-p", "shop")
    assert "c2" in listed.out
    assert "whsec_" not in listed.out
    portal("cluster", "forget", "c2", "-p", "shop")


def test_an_experiment_is_written_shown_changed_and_deleted(portal: Served) -> None:
    text = workflow("pay", "pay-1")
    made = portal("experiment", "put", "pay-1", "-", "-p", "shop", "--json", given=text.encode()).json
    assert ("synced", "litmus/shop/pay.yaml") == (made["state"], made["path"])
    assert text == portal("experiment", "show", "pay-1", "-p", "shop", "--yaml").out
    assert "Workflow" == portal("experiment", "show", "pay-1", "-p", "shop", "--json").json["kind"]
    listed = portal("experiment", "list", "-p", "shop", "--json").json
    assert {KILL, "pay-1"} == {row["id"] for row in listed}
    wrong = portal("experiment", "put", "pay-1", "-", "-p", "shop", given=b"kind: Workflow\nkind: Workflow\n", code=1)
    assert "line 2, column 1: the key 'kind'" in wrong.err
    gone = portal("experiment", "delete", "pay-1", "-p", "shop", "--json").json
    assert gone["commit"] == git("rev-parse", "main", cwd=portal.folder / "chaos.git")
    assert "no experiment 'pay-1'" in portal("experiment", "show", "pay-1", "-p", "shop", code=1).err


def test_a_schedule_is_declined_and_accepted(portal: Served) -> None:
    text = cron("shop").replace("  name: nightly\n", "  name: nightly\n  labels: {workflow_id: nightly-1}\n", 1)
    portal("experiment", "put", "nightly-1", "-", "-p", "shop", given=text.encode())
    words = ("experiment", "schedule", "nightly-1", "-p", "shop", "--json")
    assert "waiting" == portal(*words, "--decline").json["schedule"]
    portal.until(lambda: "--accept" in (_reason(portal) or ""))
    portal(*words, "--accept")
    portal.until(lambda: "--accept" not in (_reason(portal) or "--accept"))
    assert "--accept" in portal(*words, code=2).err
    assert "is a Workflow" in portal("experiment", "schedule", KILL, "-p", "shop", "--accept", code=1).err
    portal("experiment", "delete", "nightly-1", "-p", "shop")


def _reason(portal: Served) -> str | None:
    reason: str | None = portal("experiment", "show", "nightly-1", "-p", "shop", "--json").json["schedule_reason"]
    return reason


def test_an_experiment_is_made_and_moved(portal: Served) -> None:
    made = portal("experiment", "create", "-", "-p", "shop", "--json", given=workflow("log", "log-1").encode()).json
    assert ("log-1", "litmus/shop/log.yaml") == (made["id"], made["path"])
    moved = portal("experiment", "rename", "log-1", "litmus/shop/deep/log.yaml", "-p", "shop", "--json").json
    assert ("log-1", "litmus/shop/deep/log.yaml") == (moved["id"], moved["path"])
    assert "litmus/shop/log.yaml" not in git("ls-tree", "-r", "--name-only", "main", cwd=portal.folder / "chaos.git")
    assert "no place of an experiment" in portal("experiment", "rename", "log-1", "x.yaml", "-p", "shop", code=1).err
    portal("experiment", "delete", "log-1", "-p", "shop")


def test_a_conflict_is_listed_shown_and_settled(portal: Served) -> None:
    text = workflow("pay", "pay-2")
    portal("experiment", "put", "pay-2", "-", "-p", "shop", given=text.encode())
    theirs, mine, ours = (text.replace("busybox", image) for image in ("theirs", "mine", "ours"))
    portal.person.pull()
    portal.person.write("litmus/shop/pay.yaml", theirs)
    portal.person.push()
    refused = portal("experiment", "put", "pay-2", "-", "-p", "shop", given=mine.encode(), code=1)
    [row] = portal("experiment", "conflicts", "-p", "shop", "--json").json
    assert ("pay-2", True) == (row["experiment"], f"conflict {row['id']}: litmus/shop/pay.yaml" in refused.err)
    assert row["id"] in portal("experiment", "conflicts", "-p", "shop").out
    shown = portal("experiment", "conflicts", row["id"], "-p", "shop").out
    assert f"=== base\n{text}\n\n=== git\n{theirs}\n\n=== portal\n{mine}\n" in shown
    assert theirs == portal("experiment", "conflicts", row["id"], "-p", "shop", "--json").json["git"]["text"]
    assert (
        "--take merged goes with a file"
        in portal("experiment", "settle", row["id"], "-p", "shop", "--take", "merged", code=2).err
    )
    words = ("experiment", "settle", row["id"], "-", "-p", "shop", "--take", "merged", "--json")
    settled = portal(*words, given=ours.encode()).json
    assert settled["commit"] == git("rev-parse", "main", cwd=portal.folder / "chaos.git")
    assert ours == portal("experiment", "show", "pay-2", "-p", "shop", "--yaml").out
    assert [] == portal("experiment", "conflicts", "-p", "shop", "--json").json
    portal("experiment", "delete", "pay-2", "-p", "shop")


def test_plain_git_takes_no_pull_requests(portal: Served) -> None:
    assert (
        "plain git has no pull requests"
        in portal("project", "enable", "shop", "--write-back", "pull_request", code=1).err
    )


def test_a_run_is_started_shown_and_stopped(portal: Served) -> None:
    assert "none is registered" in portal("experiment", "run", KILL, "-p", "shop", code=1).err
    portal("cluster", "add", "c1", "-p", "shop")
    assert "observes" in portal("experiment", "run", KILL, "-p", "shop", code=1).err
    portal("project", "enable", "shop", "--enforce")
    (run,) = portal("experiment", "run", KILL, "-p", "shop", "--cluster", "c1", "--json").json
    assert [run["id"]] == [row["id"] for row in portal("run", "list", "-p", "shop", "--json").json]
    shown = portal("run", "show", run["id"], "-p", "shop")
    assert "queued" in shown.out or "waiting" in shown.out
    stopped = portal("run", "stop", run["id"], "-p", "shop", "--json").json
    assert stopped["state"] in {"stopped", "skipped"}
    assert "nothing to stop" in portal("run", "stop", run["id"], "-p", "shop", code=1).err
    assert (
        "the project has no cluster c9"
        in portal("experiment", "run", KILL, "-p", "shop", "--cluster", "c9", code=1).err
    )
    portal("cluster", "forget", "c1", "-p", "shop")
    portal("project", "enable", "shop", "--observe")


def test_the_ledger_is_listed_shown_and_replayed(portal: Served) -> None:
    rows = portal("event", "list", "-p", "shop", "--kind", "sync", "--json").json
    assert {"sync"} == {row["kind"] for row in rows}
    assert rows[0]["id"] in portal("event", "list", "-p", "shop", "--limit", "500").out
    assert rows[0]["id"] == portal("event", "show", rows[0]["id"], "-p", "shop", "--json").json["id"]
    would = portal("event", "replay", rows[0]["id"], "-p", "shop", "--dry-run", "--json").json
    assert (True, "sync the project with its branch head") == (would["dry_run"], would["would"])
    assert "would" in portal("event", "replay", rows[0]["id"], "-p", "shop").out
    assert [] == portal("event", "list", "-p", "shop", "--since", "2999-01-01T00:00:00Z", "--json").json
    assert "nothing yet" in portal("event", "list", "-p", "shop", "--workload", "Deployment/a/b").out
    assert "since='soon'" in portal("event", "list", "-p", "shop", "--since", "soon", code=1).err
    assert "no event 'none'" in portal("event", "show", "none", "-p", "shop", code=1).err


def test_a_dead_letter_is_listed_and_sent_again(portal: Served) -> None:
    assert "no dead letter" in portal("event", "redrive", "none", code=1).err
    portal.bury("odd", "nobody", "nothing is served under this path")
    (letter,) = portal("event", "dead", "--json").json
    assert ("odd", "nobody") == (letter["message"]["id"], letter["message"]["function"])
    assert "nobody/anything" in portal("event", "dead").out
    assert "odd" in portal("event", "redrive", "odd").out
    assert [] == portal("event", "dead", "--json").json


def test_policies_are_listed_with_what_is_wrong(portal: Served) -> None:
    portal.person.pull()
    portal.person.write("litmus/shop/policy.yaml", "kind: EventTrackerPolicy\nmetadata: {name: p}\nspec: {}\n")
    portal.person.push()
    portal("project", "sync", "shop")
    rows = portal.until(lambda: portal("policy", "list", "-p", "shop", "--json").json)
    assert [("p", "invalid")] == [(row["name"], row["state"]) for row in rows]
    assert rows[0]["problem"]["message"] in portal("policy", "list", "-p", "shop").out
