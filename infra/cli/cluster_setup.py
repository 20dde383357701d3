"""What a cluster needs, printed or applied: `litmus-gitops cluster manifest <id> -p <project>`, and its certificate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click
import yaml

from infra.cli.clusters import project_option
from infra.cli.output import plain
from infra.cli.portal import Lazy, Portal, path_to

if TYPE_CHECKING:
    from infra.kubernetes.options import Options, Watched
    from shared.clients.kubernetes import Kubernetes

_ALL: Final = 10_000
_FILE: Final = click.File("r")
_CONFIG: Final = click.Path(exists=True, dir_okay=False)
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})

kubeconfig_option = click.option("--kubeconfig", envvar="KUBECONFIG", type=_CONFIG, help="Of the cluster.")
namespace_option = click.option(
    "--namespace", default="litmus-gitops", show_default=True, help="The subscriber's own; no chaos should reach it."
)


@click.command()
@click.argument("cluster_id")
@project_option
@click.option("--apply", "apply_", is_flag=True, help="Apply it all server-side instead of printing it.")
@click.option("--portal-url", help="Where the subscriber reaches the portal; --server if not given.")
@click.option("--image", help="The subscriber's image.")
@namespace_option
@click.option("--kind", "kinds", multiple=True, help="Another kind to watch, or Kind=group/version/plural.")
@click.option("--watch-metadata", is_flag=True, help="Labels and annotations too, as if a policy named them.")
@click.option("--autoscalers", is_flag=True, help="Autoscalers' scaling too, as if a policy counted it.")
@click.option("--certificate", "issuer", default="own", type=click.Choice(["own", "cert-manager"]), show_default=True)
@click.option("--direct", type=_FILE, help="The API server calls the portal: a file with admission_url, - for stdin.")
@click.option("--ca", type=click.File("rb"), help="PEM of the authority behind the portal, where it is a private one.")
@click.option("--client-ca", type=click.File("rb"), help="PEM behind the API server's own certificate: ask for that.")
@click.option(
    "--with-secret",
    "secrets",
    type=_FILE,
    multiple=True,
    help="A file with subscriber_secret, - for stdin; else no Secret. A former one may come after it.",
)
@click.option("--audit-policy", is_flag=True, help="Print the API server's audit policy instead.")
@click.option("--audit-kubeconfig", type=_FILE, help="Print its backend's kubeconfig instead: a file with audit_url.")
@kubeconfig_option
@click.pass_obj
def manifest(lazy: Lazy, /, cluster_id: str, project: str, **given: Any) -> None:
    """Print everything that a cluster needs, or apply it.

    Files are what `cluster add --json` printed, or hold the value alone.
    """
    authority = given["ca"].read() if given["ca"] else None
    if given["audit_kubeconfig"]:
        from infra.kubernetes.auditing import kubeconfig  # noqa: PLC0415 - what this command alone needs

        _print([kubeconfig(_value(given["audit_kubeconfig"], "audit_url"), authority)])
        return
    options = _options(lazy, cluster_id, project, authority, given)
    if given["audit_policy"]:
        from infra.kubernetes.auditing import policy  # noqa: PLC0415 - likewise

        _print([policy(options.watched, options.namespace)])
    elif given["apply_"]:
        _apply(options, given["kubeconfig"], project)
    else:
        _show(options)


@click.command()
@click.argument("cluster_id")
@namespace_option
@click.option("--renew", is_flag=True, help="Make another one though the old one is good.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650), help="How long it is good.")
@kubeconfig_option
def certificate(cluster_id: str, namespace: str, renew: bool, days: int, kubeconfig: str | None) -> None:
    """Make the certificate that the subscriber serves with, and have the API server trust it.

    The authority behind it signs this one certificate only and its key is forgotten. Running pods take it up by
    themselves; until they do, the API server trusts both.
    """
    from infra.kubernetes.applying import renew as renewed  # noqa: PLC0415 - what this command alone needs
    from infra.kubernetes.applying import webhook_of  # noqa: PLC0415 - likewise
    from infra.kubernetes.certificates import ends  # noqa: PLC0415 - likewise
    from infra.kubernetes.webhooks import issued  # noqa: PLC0415 - likewise
    from shared.errors import LitmusGitopsError  # noqa: PLC0415 - likewise

    api = opened(kubeconfig)
    try:
        if (live := webhook_of(api)) and issued(live):
            raise click.ClickException("cert-manager issues this cluster's certificate: see its Certificate objects")
        made = renewed(api, namespace, days=days, force=renew)
    except LitmusGitopsError as error:
        raise click.ClickException(plain(str(error))) from error
    if made is None:
        click.echo(f"the certificate of {cluster_id} is good; --renew makes another one")
    else:
        click.echo(f"{cluster_id} serves with a new certificate until {ends(made.certificate):%F}")


def opened(kubeconfig: str | None) -> Kubernetes:
    """Return the cluster's API; where no kubeconfig is named, that ends the command."""
    from shared.clients.kubernetes import open_kubernetes  # noqa: PLC0415 - a second to load
    from shared.errors import LitmusGitopsError  # noqa: PLC0415 - likewise

    if kubeconfig is None:
        raise click.UsageError("which cluster? set KUBECONFIG, or give --kubeconfig")
    try:
        return open_kubernetes(kubeconfig)
    except LitmusGitopsError as error:
        raise click.ClickException(plain(str(error))) from error


def registered(portal: Portal, project: str, cluster_id: str) -> dict[str, Any] | None:
    """Return the cluster as the portal knows it, None if it is none of the project's."""
    rows = portal.items(path_to("projects", project, "clusters"), _ALL)
    return next((row for row in rows if row["id"] == cluster_id), None)


def _options(lazy: Lazy, cluster_id: str, project: str, authority: bytes | None, given: dict[str, Any]) -> Options:
    from infra.kubernetes.options import IMAGE, Options  # noqa: PLC0415 - what this command alone needs

    portal = lazy.open()
    row = registered(portal, project, cluster_id)
    if row is None:
        mend = f"litmus-gitops cluster add {cluster_id} -p {project}"
        raise click.ClickException(plain(f"{cluster_id} is no cluster of {project}: register it with {mend}"))
    return Options(
        cluster=cluster_id,
        portal=_reachable(given["portal_url"] or lazy.server),
        namespace=given["namespace"],
        image=given["image"] or IMAGE,
        watched=_watched(portal, project, given),
        certificate=given["issuer"],
        poll=row["subscriber_url"] is None,
        direct=_value(given["direct"], "admission_url") if given["direct"] else None,
        authority=authority,
        clients=_clients(row, given["client_ca"]),
        secret=" ".join(_value(file, "subscriber_secret") for file in given["secrets"]) or None,
    )


def _clients(row: dict[str, Any], file: Any) -> bytes | None:
    if file is None:
        return None
    if row["subscriber_url"] is not None:
        raise click.UsageError("the portal POSTs orders to this cluster and has no certificate: go without --client-ca")
    pem: bytes = file.read()
    if b"BEGIN CERTIFICATE" not in pem:
        raise click.UsageError("--client-ca holds no certificate: give the authority's PEM")
    return pem


def _reachable(url: str) -> str:
    if urlsplit(url).hostname in _HERE:
        raise click.UsageError(f"no pod reaches {url}: give the portal's address with --portal-url")
    return url.rstrip("/")


def _watched(portal: Portal, project: str, given: dict[str, Any]) -> Watched:
    from infra.kubernetes.kinds import kind_of  # noqa: PLC0415 - what this command alone needs
    from infra.kubernetes.options import wanted  # noqa: PLC0415 - likewise
    from shared.errors import Misconfigured  # noqa: PLC0415 - likewise

    try:
        kinds = [kind_of(text) for text in given["kinds"]]
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    policies = portal.items(path_to("projects", project, "policies"), _ALL)
    return wanted(kinds, policies, metadata=given["watch_metadata"], scaling=given["autoscalers"])


def _value(file: Any, name: str) -> str:
    """Return a secret from a file: its whole text, or the field of the JSON that registering printed."""
    text = file.read().strip()
    try:
        value = json.loads(text)[name] if text.startswith("{") else text
    except (ValueError, KeyError) as error:
        raise click.ClickException(f"{file.name} holds no {name}: give what `cluster add --json` printed") from error
    prefix = "whsec_" if name == "subscriber_secret" else "https://"
    if not (isinstance(value, str) and value.startswith(prefix) and len(value.split()) == 1):
        raise click.ClickException(f"{file.name} holds no {name}, which begins with {prefix}")
    return value


def _print(objects: list[dict[str, Any]]) -> None:
    click.echo(yaml.safe_dump_all(objects, sort_keys=False, width=_ALL), nl=False)


def _show(options: Options) -> None:
    from infra.kubernetes.objects import build  # noqa: PLC0415 - what this command alone needs

    _print(build(options))
    if not options.secret:
        click.echo("the Secret with the subscriber's key is not among these: --with-secret FILE adds it", err=True)
    if options.certificate == "own" and not options.direct:
        told = f"litmus-gitops cluster certificate {options.cluster}"
        click.echo(f"the certificate comes after these: {told}", err=True)


def _apply(options: Options, kubeconfig: str | None, project: str) -> None:
    from infra.kubernetes.applying import apply, has_key  # noqa: PLC0415 - what this command alone needs
    from shared.errors import LitmusGitopsError  # noqa: PLC0415 - likewise

    api = opened(kubeconfig)
    try:
        applied, keyed = apply(api, options), has_key(api, options.namespace)
    except LitmusGitopsError as error:
        raise click.ClickException(plain(str(error))) from error
    for obj in applied:
        click.echo(f"{obj['kind']} {obj['metadata']['name']}")
    if not keyed:
        click.echo("its pods wait for the Secret with the subscriber's key: --with-secret FILE adds it", err=True)
    told = f"litmus-gitops cluster check {options.cluster} -p {project}"
    click.echo(plain(f"applied; when its pods are up, {told} says whether it is heard"))
