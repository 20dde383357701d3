"""`litmus-gitops webhook`: the git host's hook that tells us of pushes and pull requests."""

from __future__ import annotations

from typing import Any

import click

from infra.cli.output import as_json, plain, show
from infra.cli.portal import Lazy, Portal, path_to

Row = dict[str, Any]


@click.group()
def webhook() -> None:
    """Install the git host's webhook, find out why it does not deliver, and rotate its secret."""


@webhook.command()
@click.argument("project_id")
@as_json
@click.pass_obj
def install(lazy: Lazy, project_id: str, json_: bool) -> None:
    """Create the project's webhook on GitHub or GitLab, or make it right."""
    _given(project_id, lazy.open().call("POST", path_to("projects", project_id, "webhook")), json_=json_)


@webhook.command()
@click.argument("project_id")
@as_json
@click.pass_obj
def check(lazy: Lazy, project_id: str, json_: bool) -> None:
    """Say what is wrong with a webhook that does not deliver; exit status 1 if something is."""
    checked = _checked(lazy.open(), project_id)
    if json_:
        show(checked, json_=True)
    else:
        _tell(checked)
    if any(row["severity"] == "finding" for row in checked["findings"]):
        raise click.exceptions.Exit(1)


@webhook.command()
@click.argument("project_id")
@click.option(
    "--secret",
    required=True,
    help="A reference to the new secret: env:LITMUS_GITOPS_SECRET_…, file:NAME or aws-sm:NAME.",
)
@as_json
@click.pass_obj
def rotate(lazy: Lazy, project_id: str, secret: str, json_: bool) -> None:
    """Have the webhook sign with another secret; the old one stays live until deliveries come with the new."""
    path = path_to("projects", project_id, "webhook", "rotate")
    _given(project_id, lazy.open().call("POST", path, {"secret": secret}), json_=json_)


@webhook.command()
@click.argument("project_id")
@click.option("--secret", help="A reference to the secret to end; else those that rotation left.")
@as_json
@click.pass_obj
def retire(lazy: Lazy, project_id: str, secret: str | None, json_: bool) -> None:
    """End an old secret now, if deliveries come with the new; an hour later that happens by itself."""
    ended = lazy.open().call("POST", path_to("projects", project_id, "webhook", "retire"), {"secret": secret})
    if json_:
        show(ended, json_=True)
    else:
        click.echo(f"not live any more: {', '.join(ended['retired'])}")


def findings(portal: Portal, project: str) -> list[Row]:
    """Return what is wrong with a project's webhook: `what`, `mend` and `severity` of each."""
    found: list[Row] = _checked(portal, project)["findings"]
    return found


def _checked(portal: Portal, project: str) -> Row:
    checked: Row = portal.call("GET", path_to("projects", project, "webhook"))
    return checked


def _given(project: str, given: Row, *, json_: bool) -> None:
    if json_:
        show(given, json_=True)
        return
    if given["todo"]:
        click.echo(plain(f"{given['secret']} is live; {given['todo']}"))
        return
    click.echo(plain(f"webhook {given['hook']} delivers to {given['address']}, signed with {given['secret']}"))
    if given["duplicates"]:
        click.echo(plain(f"these deliver there too, delete them: {', '.join(given['duplicates'])}"))
    trouble = f"the test delivery failed ({given['test']})" if given["test"] else "a test delivery is on its way"
    click.echo(plain(f"{trouble}: see litmus-gitops webhook check {project}"))


def _tell(checked: Row) -> None:
    for row in checked["findings"]:
        note = "" if row["severity"] == "finding" else "note: "
        click.echo(plain(f"{note}{row['what']}\n  {row['mend']}"))
    for secret in checked["secrets"]:
        came = f"last came at {secret['matched_at']}" if secret["matched_at"] else "never came"
        click.echo(plain(f"{secret['reference']}: {came}{', is being retired' if secret['retiring'] else ''}"))
    if not any(row["severity"] == "finding" for row in checked["findings"]):
        click.echo(plain(f"nothing found: deliveries to {checked['address']} are in order"))
