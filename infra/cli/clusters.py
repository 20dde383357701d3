"""`litmus-gitops cluster`: target clusters."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from infra.cli import rotations
from infra.cli.output import as_json, by_whom, field, limited, listing, show
from infra.cli.portal import Lazy, path_to

project_option = click.option("-p", "--project", required=True, help="The project's id.")


@click.group()
def cluster() -> None:
    """Register the clusters that experiments run on."""


@cluster.command("list")
@project_option
@limited
@as_json
@click.pass_obj
def list_(lazy: Lazy, project: str, limit: int, json_: bool) -> None:
    """List a project's clusters and when each was last heard."""
    columns = [field("id"), field("name"), field("labels"), field("subscriber_url"), field("last_seen")]
    columns.append(("circuit", lambda row: row["circuit"]["state"]))
    columns.append(("former secrets", rotations.told))
    listing(lazy.open().items(path_to("projects", project, "clusters"), limit), columns, json_=json_)


@cluster.command()
@click.argument("cluster_id")
@project_option
@click.option("--name", help="A name for people; the id if not given.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label to select the cluster by.")
@click.option("--subscriber-url", help="Where its subscriber takes orders; without it the subscriber polls.")
@click.option("--chaoscenter-url", help="The GraphQL endpoint of a ChaosCenter that carries out its orders instead.")
@click.option("--chaoscenter-project", metavar="ID", help="The project's id in that ChaosCenter.")
@click.option("--chaoscenter-infra", metavar="ID", help="The id of the chaos infrastructure there.")
@click.option(
    "--chaoscenter-credential", metavar="REFERENCE", help="Its bearer token: env:LITMUS_GITOPS_SECRET_… or file:NAME."
)
@as_json
@click.pass_obj
def add(
    lazy: Lazy,
    /,
    cluster_id: str,
    project: str,
    name: str | None,
    labels: tuple[str, ...],
    subscriber_url: str | None,
    json_: bool,
    **center: str | None,
) -> None:
    """Register a cluster and show its addresses and secret, this once."""
    body: dict[str, object] = {"id": cluster_id, "name": name or cluster_id, "labels": _labels(labels)}
    body |= {"subscriber_url": subscriber_url, "chaoscenter": _center(center)}
    show(lazy.open().call("POST", path_to("projects", project, "clusters"), body), json_=json_)


@cluster.command()
@click.argument("cluster_id")
@project_option
@click.option("--grace", help="For how long those before count as well: 24h if not given, 0s ends them at once.")
@click.option("--end-grace", is_flag=True, help="Make no other secrets: end the grace of those before.")
@by_whom
@as_json
@click.pass_obj
def rotate(
    lazy: Lazy, cluster_id: str, project: str, grace: str | None, end_grace: bool, by: str | None, json_: bool
) -> None:
    """Give a cluster other addresses, key and access key, and show them, this once."""
    path = path_to("projects", project, "clusters", cluster_id, "rotate")
    if grace and end_grace:
        raise click.UsageError("--end-grace makes no other secrets, so there is no --grace to give to them")
    if end_grace:
        lazy.open().call("DELETE", path, editor=by)
        click.echo(f"the newest secrets of {cluster_id} alone count from now on")
    else:
        show(lazy.open().call("POST", path, {"grace": grace} if grace else {}, editor=by), json_=json_)


@cluster.command()
@click.argument("cluster_id")
@project_option
@click.pass_obj
def forget(lazy: Lazy, cluster_id: str, project: str) -> None:
    """Forget a cluster: its secrets stop working, and what was to start there does not."""
    lazy.open().call("DELETE", path_to("projects", project, "clusters", cluster_id))
    click.echo(f"{cluster_id} is forgotten; what runs there goes on unheard")


def _center(given: Mapping[str, str | None]) -> dict[str, str | None] | None:
    if not any(given.values()):
        return None
    if missing := [f"--{name.replace('_', '-')}" for name, value in given.items() if not value]:
        raise click.UsageError(f"a ChaosCenter needs {' and '.join(missing)}, too")
    fields = {"url": "url", "project": "project_id", "infra": "infra_id", "credential": "credential"}
    return {fields[name.removeprefix("chaoscenter_")]: value for name, value in given.items()}


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [label.partition("=") for label in given]
    for key, equals, _ in pairs:
        if not (key and equals):
            raise click.UsageError(f"--label {key!r} is not of the form KEY=VALUE")
    return {key: value for key, _, value in pairs}


@cluster.command()
@click.argument("cluster_id")
@click.option(
    "--secret-file", required=True, type=click.Path(exists=True, dir_okay=False), help="Holds the whsec_… value."
)
@click.option("--kubeconfig", envvar="KUBECONFIG", required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--namespace", default="litmus-gitops", show_default=True, help="Where it keeps its orders; made if new.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(1, 65535), help="Where it takes orders.")
@click.pass_obj
def connect(lazy: Lazy, cluster_id: str, secret_file: str, kubeconfig: str, namespace: str, port: int) -> None:
    """Run the cluster's subscriber here, in the foreground; it polls for orders, so nobody need reach it."""
    _make_namespace(kubeconfig, namespace)
    source = Path(__file__).parents[2] / "functions" / "subscriber" / "main.py"
    settings = {
        "CLUSTER_ID": cluster_id,
        "PORTAL_URL": lazy.server,
        "SUBSCRIBER_SECRET_FILE": secret_file,
        "SUBSCRIBER_NAMESPACE": namespace,
        "KUBECONFIG": kubeconfig,
        "POLL": "true",
    }
    command = [sys.executable, "-m", "functions_framework", "--target", "subscriber", "--source", str(source)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    click.echo(f"the subscriber of {cluster_id} runs until Ctrl-C: litmus-gitops cluster list shows when it was heard")
    sys.stdout.flush()
    os.execve(sys.executable, command, {**os.environ, **settings})  # noqa: S606 - it becomes the subscriber


def _make_namespace(kubeconfig: str, name: str) -> None:
    from shared.clients.kubernetes import open_kubernetes  # noqa: PLC0415 - a second to load, for this command alone
    from shared.errors import LitmusGitopsError, NotFound  # noqa: PLC0415 - likewise

    try:
        api = open_kubernetes(kubeconfig)
        try:
            api.get("v1/namespaces", "", name)
        except NotFound:
            api.create("v1/namespaces", "", {"metadata": {"name": name}})
            click.echo(f"made the namespace {name}")
    except LitmusGitopsError as error:
        raise click.ClickException(f"the namespace {name} is not there and cannot be made: {error}") from error
