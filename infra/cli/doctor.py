"""`litmus-gitops doctor`: finding why something does not work, with the mend beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from infra.cli import deployment, file_findings, rotations
from infra.cli.output import as_json, listing, plain
from infra.cli.portal import Lazy, Portal, path_to
from infra.cli.webhook import findings

_ALL: Final = 10_000
_NEWEST: Final = 200
_SILENT: Final = timedelta(minutes=5)
_BEHIND: Final = timedelta(minutes=5)
UNREADY: Final = "deployment"
"""The place of what keeps the portal from being asked anything."""

Row = dict[str, Any]
Finding = tuple[str, str]
"""What is wrong, and how to mend it."""


@click.command()
@as_json
@click.pass_obj
def doctor(lazy: Lazy, json_: bool) -> None:
    """Look for what keeps things from working; exit status 1 if something is found.

    Notes tell what is so on purpose, such as a freeze, and are no findings.
    """
    portal = lazy.open()
    rows = [*_deployment(portal)]
    if not any(row["place"] == UNREADY for row in rows):
        for project in portal.items("/projects", _ALL):
            rows += _examined(portal, project)
    if json_:
        listing(rows, [], json_=True)
    else:
        _tell(rows)
    if any(row["severity"] == "finding" for row in rows):
        raise click.exceptions.Exit(1)


def _tell(rows: list[Row]) -> None:
    for row in rows:
        note = "" if row["severity"] == "finding" else "note: "
        click.echo(plain(f"{row['place']}: {note}{row['what']}\n  {row['mend']}"))
    if not any(row["severity"] == "finding" for row in rows):
        click.echo("nothing found: every project follows its repository and every cluster was heard")


def _deployment(portal: Portal) -> Iterator[Row]:
    """Yield what is wrong with the deployment as a whole; one that is not ready is asked no more."""
    if trouble := deployment.unready(portal):
        yield _row(UNREADY, *trouble)
        return
    for place, look in (("portal", deployment.clock), ("portal", deployment.certificate), ("queue", deployment.queue)):
        yield from (_row(place, what, mend) for what, mend in look(portal))
    yield from _letters(portal)


def _letters(portal: Portal) -> Iterator[Row]:
    letters = list(portal.items("/dead-letters", _ALL))
    if letters:
        what = f"{len(letters)} messages were given up; the first: {letters[0]['reason']}"
        yield _row("queue", what, "mend the reason, then litmus-gitops event redrive <id>, as event dead lists them")


def _examined(portal: Portal, project: Row) -> Iterator[Row]:
    name = project["id"]
    yield from (_row(name, what, mend, "note") for what, mend in _frozen(name, project))
    if not project["gitops"]:
        yield _row(name, "GitOps is off", f"litmus-gitops project enable {name} --repo …")
        return
    settings = portal.call("GET", path_to("projects", name, "gitops"))
    yield from (_row(name, what, mend, "note") for what, mend in _modest(name, settings))
    notes = (
        *file_findings.schedules(portal, name),
        *file_findings.proposals(portal, name),
        *_waits(portal, name),
        *rotations.underway(portal, name),
    )
    yield from (_row(name, what, mend, "note") for what, mend in notes)
    for look in (
        _sync,
        _lag,
        _credential,
        file_findings.files,
        file_findings.edits,
        file_findings.offers,
        _clusters,
        rotations.ending,
        _conditions,
        _runs,
    ):
        yield from (_row(name, what, mend) for what, mend in look(portal, name))
    yield from (_row(name, what, mend) for what, mend in _foreign(portal, name, settings))
    if settings["webhook_secrets"]:
        yield from (_row(name, **finding) for finding in findings(portal, name))


def _frozen(name: str, project: Row) -> Iterator[Finding]:
    if project["freeze"]:
        yield (
            f"frozen: {project['freeze']['reason'] or 'no reason given'}",
            f"litmus-gitops project freeze {name} --lift",
        )


def _modest(name: str, settings: Row) -> Iterator[Finding]:
    if settings["mode"] == "observe":
        yield "it observes: nothing starts", f"litmus-gitops project enable {name} --enforce"
    if not settings["webhook_secrets"]:
        yield (
            "it knows no webhook secret, so a push is noticed within half a minute only",
            f"litmus-gitops project enable {name} --webhook-secret file:NAME",
        )


def _sync(portal: Portal, name: str) -> Iterator[Finding]:
    state = portal.call("GET", path_to("projects", name, "sync"))
    if state["moved"]:
        mend = f"litmus-gitops project enable {name} --repo {state['moved']}"
        yield f"the repository was renamed and is at {state['moved']} by now", mend
    if state["state"] == "degraded":
        mend = f"mend that, then litmus-gitops project sync {name}"
        yield f"the sync is degraded: {state['problem']}", mend
    elif state["commit"] and not any(
        row["commit"] for row in portal.items(path_to("projects", name, "experiments"), _ALL)
    ):
        yield (
            f"no experiment was found at commit {state['commit'][:12]} of {state['branch']}",
            f"look at branch and path: litmus-gitops project enable {name} --branch … --path …",
        )


def _lag(portal: Portal, name: str) -> Iterator[Finding]:
    """Find a push that was told of a while ago and is not synced yet."""
    state = portal.call("GET", path_to("projects", name, "sync"))
    if state["state"] != "syncing":
        return
    pushes = portal.items(path_to("projects", name, "events"), _NEWEST, kind="delivery")
    waits = [row["at"] for row in pushes if row["verdict"] == "accepted" and row["at"] > (state["at"] or "")]
    if waits and datetime.now(UTC) - datetime.fromisoformat(waits[-1]) > _BEHIND:
        mend = f"see litmus-gitops event list -p {name} --kind sync, and what the queue says"
        yield f"the push of {waits[-1]} is not synced yet; the portal shows {state['commit']}", mend


def _credential(portal: Portal, name: str) -> Iterator[Finding]:
    """Ask the host of what git alone does not show; whether git can be read, the sync says."""
    if portal.call("GET", path_to("projects", name, "gitops"))["provider"] == "git":
        return
    found = portal.call("GET", path_to("projects", name, "credential"))
    what = f"the credential {found['credential']}"
    if found["problem"]:
        mend = f"mend its value, or name another: litmus-gitops project enable {name} --credential file:NAME"
        yield f"{what} does not open the git host's API: {found['problem']}", mend
    elif found["expires_at"] and datetime.fromisoformat(found["expires_at"]) - datetime.now(UTC) < deployment.SOON:
        yield f"{what} ends at {found['expires_at']}", "make another one at the git host and put it in its place"


def _clusters(portal: Portal, name: str) -> Iterator[Finding]:
    rows = list(portal.items(path_to("projects", name, "clusters"), _ALL))
    if not rows:
        yield "no cluster is registered", f"litmus-gitops cluster add <id> -p {name}"
    for row in rows:
        mend = "is its subscriber running, with this portal's address and the cluster's secret? see its log"
        if row["last_seen"] is None:
            yield f"cluster {row['id']} was never heard", mend
        elif datetime.now(UTC) - datetime.fromisoformat(row["last_seen"]) > _SILENT:
            yield f"cluster {row['id']} was last heard at {row['last_seen']}", mend
        ahead = timedelta(seconds=row["clock_ahead"] or 0)
        if abs(ahead) > deployment.SKEW:
            what = f"the clock of cluster {row['id']} is {deployment.told(ahead)} the portal's"
            yield what, "set both by NTP: signatures over five minutes off are refused"
        if row["circuit"]["state"] == "open":
            what = f"cluster {row['id']} takes no orders since {row['circuit']['since']}: {row['circuit']['reason']}"
            yield what, f"is {row['subscriber_url']} reached from here? it is tried again by itself"


def _conditions(portal: Portal, name: str) -> Iterator[Finding]:
    for row in portal.items(path_to("projects", name, "safety", "conditions"), _ALL):
        if row["state"] == "unknown":
            what = f"stop condition {row['reason']}: until it can, nothing starts, and what runs is stopped"
            yield what, f"mend the monitor or the condition: litmus-gitops project safety {name}"
        elif row["state"] == "breached":
            yield f"stop condition {row['reason']}: nothing starts", "wait until it is well again"


def _foreign(portal: Portal, name: str, settings: Row) -> Iterator[Finding]:
    known = {row["id"] for row in portal.items(path_to("projects", name, "clusters"), _ALL)}
    for row in portal.items(path_to("projects", name, "infra-ids"), _ALL):
        yield (
            f"infra_id {row['infra_id']} is no cluster of the project; experiments that name it: {row['count']}",
            f"litmus-gitops project map-infra {name} {row['infra_id']}=CLUSTER",
        )
    for foreign, cluster in settings["infra_ids"].items():
        if cluster not in known:
            what = f"infra_id {foreign} is mapped to {cluster}, which is no cluster of the project"
            yield what, f"litmus-gitops cluster add {cluster} -p {name}"
        elif foreign in known:
            what = f"infra_id {foreign} is mapped to {cluster}, but it is a cluster of the project, and that counts"
            yield what, f"litmus-gitops project map-infra {name} {foreign}="


def _runs(portal: Portal, name: str) -> Iterator[Finding]:
    for row in portal.items(path_to("projects", name, "runs"), _NEWEST):
        if row["state"] == "needs_attention":
            what = (
                f"run {row['id']} on {row['cluster']} needs attention: {row['message'] or 'it has not ended cleanly'}"
            )
            yield what, f"clean up in the cluster, or litmus-gitops run stop {row['id']} -p {name}"


def _waits(portal: Portal, name: str) -> Iterator[Finding]:
    for row in portal.items(path_to("projects", name, "runs"), _NEWEST):
        if row["state"] == "waiting" and "approval" in row["message"]:
            mend = f"litmus-gitops run approve {row['id']} -p {name}, or run deny"
            yield f"run {row['id']} of {row['experiment']} on {row['cluster']} waits: {row['message']}", mend


def _row(place: str, what: str, mend: str, severity: str = "finding") -> Row:
    return {"place": place, "severity": severity, "what": what, "mend": mend}
