"""`litmus-gitops cluster check <id> -p <project>`: why nothing arrives, looked for from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
import urllib3

from infra.cli.cluster_setup import kubeconfig_option, namespace_option, opened, registered
from infra.cli.clusters import project_option
from infra.cli.output import as_json, listing, plain
from infra.cli.portal import Lazy, Portal, path_to

if TYPE_CHECKING:
    from infra.kubernetes.checking import Known

_ALL: Final = 10_000
_LOOKED_AT: Final = 1_000
_TOLD: Final = 3
_SILENT: Final = timedelta(minutes=5)

Row = dict[str, Any]


@click.command()
@click.argument("cluster_id")
@project_option
@namespace_option
@kubeconfig_option
@as_json
@click.pass_obj
def check(lazy: Lazy, cluster_id: str, project: str, namespace: str, kubeconfig: str | None, json_: bool) -> None:
    """Find why nothing arrives from a cluster, or at it; exit status 1 if something is found.

    Without a kubeconfig only the portal's side is looked at.
    """
    portal = lazy.open()
    rows = list(_portal(portal, project, cluster_id))
    rows += _cluster(portal, project, cluster_id, namespace, kubeconfig) if kubeconfig else [_unseen()]
    if json_:
        listing(rows, [], json_=True)
    else:
        _tell(rows, cluster_id)
    if any(row["severity"] == "finding" for row in rows):
        raise click.exceptions.Exit(1)


def _tell(rows: list[Row], cluster_id: str) -> None:
    for row in rows:
        note = "" if row["severity"] == "finding" else "note: "
        click.echo(plain(f"{row['place']}: {note}{row['what']}\n  {row['mend']}"))
    if not any(row["severity"] == "finding" for row in rows):
        click.echo(plain(f"nothing found: {cluster_id} is heard and told"))


def _portal(portal: Portal, project: str, cluster_id: str) -> Iterator[Row]:
    if not next((row for row in portal.items("/projects", _ALL) if row["id"] == project and row["gitops"]), None):
        yield _row("GitOps is off, so changes are not judged", f"litmus-gitops project enable {project} --repo …")
    known = registered(portal, project, cluster_id)
    if known is None:
        what = f"{cluster_id} is no cluster of {project}"
        yield _row(what, f"litmus-gitops cluster add {cluster_id} -p {project}")
        return
    yield from _heard(known)
    if known["freeze"]:
        yield _row(f"the cluster is frozen: {known['freeze']['reason'] or 'no reason given'}", "lift it", "note")
    yield from _last(portal, project, cluster_id)


def _heard(known: Row) -> Iterator[Row]:
    mend = "is its subscriber running, with the portal's address and the cluster's key? see its log"
    if known["last_seen"] is None:
        yield _row("its subscriber was never heard", mend)
    elif datetime.now(UTC) - datetime.fromisoformat(known["last_seen"]) > _SILENT:
        yield _row(f"its subscriber was last heard at {known['last_seen']}", mend)


def _last(portal: Portal, project: str, cluster_id: str) -> Iterator[Row]:
    """Yield what the ledger last said of the cluster's changes and orders, newest first."""
    events = portal.items(path_to("projects", project, "events"), _LOOKED_AT)
    rows = list(islice((row for row in events if _is_of(row, cluster_id)), _TOLD))
    for row in rows:
        what = f"last in the ledger: {row['at']} {row['kind']} {row['subject']} {row['verdict']}: {row['reason']}"
        yield _row(what, f"litmus-gitops event show {row['id']} -p {project}", "note")
    if not rows:
        mend = "change the image of an annotated workload, and look again"
        yield _row("the ledger knows no change and no order of this cluster", mend, "note")


def _is_of(row: Row, cluster_id: str) -> bool:
    return row["detail"].get("cluster") == cluster_id or {"rel": "cluster", "id": cluster_id} in row["links"]


def _cluster(portal: Portal, project: str, cluster_id: str, namespace: str, kubeconfig: str) -> Iterator[Row]:
    from infra.kubernetes.checking import look  # noqa: PLC0415 - a second to load, for this command alone

    found = look(opened(kubeconfig), _known(portal, project, cluster_id, namespace))
    yield from (_row(one.what, one.mend, one.severity, one.place) for one in found)


def _known(portal: Portal, project: str, cluster_id: str, namespace: str) -> Known:
    from infra.kubernetes.checking import Known  # noqa: PLC0415 - likewise

    experiments = portal.items(path_to("projects", project, "experiments"), _ALL)
    return Known(
        cluster=cluster_id,
        project=project,
        namespace=namespace,
        experiments=frozenset(row["id"] for row in experiments),
        policies=tuple(portal.items(path_to("projects", project, "policies"), _ALL)),
        clock=_clock(portal),
    )


def _clock(portal: Portal) -> datetime:
    """Return the portal's clock to the second; this machine's where the portal does not say."""
    answer = urllib3.request("GET", f"{portal.server}/healthz", timeout=30, retries=False)
    told = answer.headers.get("Date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)


def _unseen() -> Row:
    return _row("the cluster's own side was not looked at", "set KUBECONFIG, or give --kubeconfig", "note", "cluster")


def _row(what: str, mend: str, severity: str = "finding", place: str = "portal") -> Row:
    return {"place": place, "severity": severity, "what": what, "mend": mend}
