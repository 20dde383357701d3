"""`litmus-gitops up`, `demo` and `doctor`: running it, seeing it work, and finding why it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from infra.cli.portal import Lazy, Portal


@click.command()
@click.option("--port", envvar="PORT", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data", envvar="DATA_DIR", default=".data", show_default=True, type=click.Path(path_type=Path))
def up(port: int, data: Path) -> None:
    """Serve every function in one process, with SQLite in the data folder."""
    from infra.local.engine import serve  # noqa: PLC0415 - the engine is heavy and only this command needs it

    raise click.exceptions.Exit(serve(port, data))


@click.command()
@click.option("--keep", is_flag=True, help="Keep the demo's folder and say where it is.")
def demo(*, keep: bool) -> None:
    """Show the whole loop on real parts: push, change, dispatch, run, score, note."""
    from infra.demo.script import run  # noqa: PLC0415 - the demo starts servers; only this command needs it

    raise click.exceptions.Exit(run(keep=keep))


@click.command()
@click.pass_obj
def doctor(lazy: Lazy) -> None:
    """Look for what keeps things from working; exit status 1 if something is found."""
    portal = lazy.open()
    findings = [line for project in portal.items("/projects", 10_000) for line in _examine(portal, project)]
    for line in findings:
        click.echo(line)
    if findings:
        raise click.exceptions.Exit(1)
    click.echo("nothing found: every project follows its repository and every cluster was heard")


def _examine(portal: Portal, project: dict[str, Any]) -> list[str]:
    name = project["id"]
    if not project["gitops"]:
        return [f"{name}: GitOps is off; turn it on with `litmus-gitops project enable {name} --repo …`"]
    return [f"{name}: {line}" for line in (*_sync(portal, name), *_experiments(portal, name), *_clusters(portal, name))]


def _sync(portal: Portal, name: str) -> list[str]:
    state = portal.call("GET", f"/projects/{name}/sync")
    return [f"the sync is degraded: {state['problem']}"] if state["state"] == "degraded" else []


def _experiments(portal: Portal, name: str) -> list[str]:
    rows = portal.items(f"/projects/{name}/experiments", 10_000)
    policies = portal.items(f"/projects/{name}/policies", 10_000)
    broken = [row for row in (*rows, *policies) if row["state"] == "invalid"]
    return [f"{row['path']} is invalid: {row['problem']['message']}" for row in broken]


def _clusters(portal: Portal, name: str) -> list[str]:
    rows = list(portal.items(f"/projects/{name}/clusters", 10_000))
    silent = [row["id"] for row in rows if row["last_seen"] is None]
    lines = [f"cluster {cluster} was never heard: is its subscriber running?" for cluster in silent]
    return lines if rows else ["no cluster is registered; add one with `litmus-gitops cluster add`"]
