"""`litmus-gitops run` and `event`: what happened, and why."""

from __future__ import annotations

from typing import Any

import click

from infra.cli.clusters import project_option
from infra.cli.output import as_json, by_whom, field, limited, listing, show, with_reason
from infra.cli.portal import Lazy, path_to

KINDS = ("delivery", "sync", "edit", "change", "order", "run", "report", "cluster")


@click.group()
def run() -> None:
    """See, approve and stop runs."""


@run.command("list")
@project_option
@limited
@as_json
@click.pass_obj
def list_runs(lazy: Lazy, project: str, limit: int, json_: bool) -> None:
    """List runs, newest first."""
    names = ("id", "experiment", "cluster", "state", "verdict", "score", "cause", "updated_at")
    listing(
        lazy.open().items(path_to("projects", project, "runs"), limit), [field(name) for name in names], json_=json_
    )


@run.command("show")
@click.argument("run_id")
@project_option
@as_json
@click.pass_obj
def show_run(lazy: Lazy, run_id: str, project: str, json_: bool) -> None:
    """Show one run with its faults."""
    show(lazy.open().call("GET", path_to("projects", project, "runs", run_id)), json_=json_)


@run.command()
@click.argument("run_id")
@project_option
@as_json
@click.pass_obj
def stop(lazy: Lazy, run_id: str, project: str, json_: bool) -> None:
    """Stop a run."""
    show(lazy.open().call("POST", path_to("projects", project, "runs", run_id, "stop")), json_=json_)


@run.command()
@click.argument("run_id")
@project_option
@with_reason
@by_whom
@as_json
@click.pass_obj
def approve(lazy: Lazy, run_id: str, project: str, reason: str, by: str | None, json_: bool) -> None:
    """Let a run go into a namespace that needs a person's approval."""
    _judge(lazy, path_to("projects", project, "runs", run_id, "approve"), reason, by, json_=json_)


@run.command()
@click.argument("run_id")
@project_option
@with_reason
@by_whom
@as_json
@click.pass_obj
def deny(lazy: Lazy, run_id: str, project: str, reason: str, by: str | None, json_: bool) -> None:
    """End a run that waits for a person's approval."""
    _judge(lazy, path_to("projects", project, "runs", run_id, "deny"), reason, by, json_=json_)


def _judge(lazy: Lazy, path: str, reason: str, by: str | None, *, json_: bool) -> None:
    show(lazy.open().call("POST", path, {"reason": reason}, editor=by), json_=json_)


@click.group()
def event() -> None:
    """Ask the ledger what happened, and why or why not."""


@event.command("list")
@project_option
@click.option("--kind", type=click.Choice(KINDS), help="Only rows of this kind.")
@click.option("--workload", help="<Kind>/<namespace>/<name>.")
@click.option("--since", help="An RFC 3339 time such as 2026-01-31T12:00:00Z.")
@limited
@as_json
@click.pass_obj
def list_events(
    lazy: Lazy, project: str, kind: str | None, workload: str | None, since: str | None, limit: int, json_: bool
) -> None:
    """List the ledger, newest first."""
    path = path_to("projects", project, "events")
    rows = lazy.open().items(path, limit, kind=kind, workload=workload, since=since)
    names = ("at", "kind", "verdict", "subject", "reason", "id")
    listing(rows, [field(name) for name in names], json_=json_)


@event.command("show")
@click.argument("event_id")
@project_option
@as_json
@click.pass_obj
def show_event(lazy: Lazy, event_id: str, project: str, json_: bool) -> None:
    """Show one row with all its details."""
    show(lazy.open().call("GET", path_to("projects", project, "events", event_id)), json_=json_)


@event.command()
@click.argument("event_id")
@project_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@as_json
@click.pass_obj
def replay(lazy: Lazy, event_id: str, project: str, dry_run: bool, json_: bool) -> None:
    """Have an event acted on again; what was done already is not done twice."""
    path = path_to("projects", project, "events", event_id, "replay")
    show(lazy.open().call("POST", path, {"dry_run": dry_run}), json_=json_)


@event.command()
@limited
@as_json
@click.pass_obj
def dead(lazy: Lazy, limit: int, json_: bool) -> None:
    """List messages that were given up after their last attempt."""
    columns = [("id", lambda row: row["message"]["id"]), ("asked", _asked), field("attempts"), field("reason")]
    listing(lazy.open().items("/dead-letters", limit), columns, json_=json_)


@event.command()
@click.argument("message_id")
@click.pass_obj
def redrive(lazy: Lazy, message_id: str) -> None:
    """Deliver a dead message again, with fresh attempts."""
    lazy.open().call("POST", path_to("dead-letters", message_id, "redrive"))
    click.echo(f"{message_id} is on its way again")


def _asked(row: dict[str, Any]) -> str:
    return f"{row['message']['function']}/{row['message']['action']} {row['message']['ids']}"
