"""`litmus-gitops project`: tenants and their repositories."""

from __future__ import annotations

from typing import Any, BinaryIO, Final

import click

from infra.cli.output import as_json, field, limited, listing, show
from infra.cli.portal import Lazy, Portal, Refusal, path_to

_CONDITIONS: Final = 10
"""Stop conditions that a project may have."""


@click.group()
def project() -> None:
    """Create projects, connect them to git, and see how far they follow it."""


@project.command("list")
@limited
@as_json
@click.pass_obj
def list_(lazy: Lazy, limit: int, json_: bool) -> None:
    """List projects."""
    columns = [field("id"), field("name"), field("gitops"), field("created_at")]
    listing(lazy.open().items("/projects", limit), columns, json_=json_)


@project.command()
@click.argument("project_id")
@click.option("--name", help="A name for people; the id if not given.")
@as_json
@click.pass_obj
def create(lazy: Lazy, project_id: str, name: str | None, json_: bool) -> None:
    """Create a project."""
    show(lazy.open().call("POST", "/projects", {"id": project_id, "name": name or project_id}), json_=json_)


@project.command()
@click.argument("project_id")
@click.option("--repo", "repo_url", help="The repository's address, as git knows it.")
@click.option("--branch", help="main, unless told otherwise.")
@click.option("--path", help="The folder in the repository; litmus/<project>, unless told otherwise.")
@click.option("--provider", type=click.Choice(["git", "github", "gitlab"]), help="git, unless told otherwise.")
@click.option(
    "--write-back",
    type=click.Choice(["commit", "pull_request"]),
    help="How edits in the portal reach git: commit, unless told otherwise.",
)
@click.option("--credential", help="A reference to the credential: env:LITMUS_GITOPS_SECRET_… or file:NAME.")
@click.option(
    "--webhook-secret",
    "webhook_secrets",
    multiple=True,
    help="A reference to a webhook secret; repeat to rotate. Those given replace those known.",
)
@click.option("--enforce/--observe", default=None, help="Start chaos, or only decide and show (which is the default).")
@click.option(
    "--default-policy/--no-default-policy", default=None, help="Whether any change counts where there is no policy."
)
@as_json
@click.pass_obj
def enable(lazy: Lazy, /, project_id: str, json_: bool, enforce: bool | None, **given: Any) -> None:
    """Turn GitOps on for a project, or change its settings: what is not named stays as it is.

    What the repository has is imported at once, and nothing runs.
    """
    portal, path = lazy.open(), path_to("projects", project_id, "gitops")
    mode = None if enforce is None else "enforce" if enforce else "observe"
    named = {name: value for name, value in {**given, "mode": mode}.items() if value not in {None, ()}}
    settings = _settings(portal, path) | named | {"enabled": True}
    if "repo_url" not in settings:
        raise click.UsageError(f"project {project_id!r} has no repository yet: name it with --repo")
    show(portal.call("PUT", path, settings), json_=json_)


def _settings(portal: Portal, path: str) -> dict[str, Any]:
    """Return the settings as they are, none where GitOps was never turned on."""
    try:
        found: dict[str, Any] = portal.call("GET", path)
    except Refusal as refusal:
        if refusal.status == 404:  # noqa: PLR2004 - HTTP: never turned on, or no such project, as the next call says
            return {}
        raise
    return found


@project.command()
@click.argument("project_id")
@click.option("--experiment", "experiments", multiple=True, help="Only this one, by its id; repeat for more.")
@click.option("--policy", "policies", multiple=True, help="Only this one, by its path; repeat for more.")
@click.option("--drop", is_flag=True, help="Drop it instead.")
@click.option("--list", "list_", is_flag=True, help="Only list it.")
@limited
@as_json
@click.pass_obj
def export(lazy: Lazy, /, project_id: str, limit: int, json_: bool, list_: bool, drop: bool, **only: Any) -> None:
    """Commit to git what only the portal has, after the project moved to another repository, branch or path.

    All of it goes into one commit, or one pull request where write_back says so.
    """
    portal, path = lazy.open(), path_to("projects", project_id, "export")
    if list_:
        columns = [field("experiment"), field("path"), field("since")]
        listing(portal.items(path, limit), columns, json_=json_)
    else:
        named = {sort: list(names) for sort, names in only.items() if names}
        show(portal.call("POST", path, named | {"drop": drop}), json_=json_)


@project.command("map-infra")
@click.argument("project_id")
@click.argument("mappings", nargs=-1, required=True, metavar="FOREIGN=CLUSTER...")
@as_json
@click.pass_obj
def map_infra(lazy: Lazy, project_id: str, mappings: tuple[str, ...], json_: bool) -> None:
    """Say which cluster a foreign infra_id means; FOREIGN= forgets it. The files in git stay as they are."""
    pairs = [mapping.partition("=") for mapping in mappings]
    if bare := [foreign for foreign, equals, _ in pairs if not foreign or not equals]:
        raise click.UsageError(f"{bare[0]!r} is no mapping: write FOREIGN=CLUSTER, such as 7f2e=staging")
    portal, path = lazy.open(), path_to("projects", project_id, "gitops")
    settings = portal.call("GET", path)
    wanted = settings["infra_ids"] | {foreign.strip(): cluster.strip() for foreign, _, cluster in pairs}
    kept = {foreign: cluster for foreign, cluster in wanted.items() if cluster}
    show(portal.call("PUT", path, settings | {"infra_ids": kept}), json_=json_)


@project.command()
@click.argument("project_id")
@click.pass_obj
def disable(lazy: Lazy, project_id: str) -> None:
    """Turn GitOps off; what is stored stays."""
    lazy.open().call("DELETE", path_to("projects", project_id, "gitops"))
    click.echo(f"GitOps is off for {project_id}: nothing is synced and nothing starts")


@project.command()
@click.argument("project_id")
@as_json
@click.pass_obj
def status(lazy: Lazy, project_id: str, json_: bool) -> None:
    """Show how far the portal follows git."""
    show(lazy.open().call("GET", path_to("projects", project_id, "sync")), json_=json_)


@project.command()
@click.argument("project_id")
@click.pass_obj
def sync(lazy: Lazy, project_id: str) -> None:
    """Ask for a sync now."""
    lazy.open().call("POST", path_to("projects", project_id, "sync"))
    click.echo(f"{project_id} is to be synced: see litmus-gitops project status {project_id}")


@project.command()
@click.argument("project_id")
@click.option("--reason", default="", help="Why, for those who wonder.")
@click.option("--cluster", help="Only this cluster.")
@click.option("--lift", is_flag=True, help="Lift the freeze.")
@click.pass_obj
def freeze(lazy: Lazy, project_id: str, reason: str, cluster: str | None, lift: bool) -> None:
    """Let nothing start in a project, or lift that."""
    place = ("projects", project_id) if cluster is None else ("projects", project_id, "clusters", cluster)
    lazy.open().call("DELETE" if lift else "PUT", path_to(*place, "freeze"), None if lift else {"reason": reason})
    click.echo(f"{place[-1]} is {'not frozen any more' if lift else 'frozen: nothing starts there'}")


@project.command()
@click.argument("project_id")
@click.argument("file", type=click.File("rb"), required=False)
@as_json
@click.pass_obj
def safety(lazy: Lazy, project_id: str, file: BinaryIO | None, json_: bool) -> None:
    """Show the rules of safety, or replace those that a JSON FILE names."""
    path = path_to("projects", project_id, "safety")
    portal = lazy.open()
    show(portal.call("GET", path) if file is None else portal.call("PUT", path, file.read()), json_=json_)


@project.command()
@click.argument("project_id")
@click.argument("file", type=click.File("rb"), required=False)
@as_json
@click.pass_obj
def sinks(lazy: Lazy, project_id: str, file: BinaryIO | None, json_: bool) -> None:
    """List who is told of events, or replace them all by those of a JSON FILE."""
    portal, path = lazy.open(), path_to("projects", project_id, "sinks")
    shown = portal.call("GET", path) if file is None else portal.call("PUT", path, file.read())
    columns = [field(name) for name in ("name", "kind", "url", "events", "secret")]
    listing(shown["items"], columns, json_=json_)


@project.command()
@click.argument("project_id")
@as_json
@click.pass_obj
def conditions(lazy: Lazy, project_id: str, json_: bool) -> None:
    """Ask the stop conditions how they stand now."""
    rows = lazy.open().items(path_to("projects", project_id, "safety", "conditions"), _CONDITIONS)
    listing(rows, [field("name"), field("state"), field("reason")], json_=json_)


@project.command()
@click.argument("project_id")
@click.option("--drop", is_flag=True, help="Drop the held orders instead.")
@as_json
@click.pass_obj
def release(lazy: Lazy, project_id: str, drop: bool, json_: bool) -> None:
    """Let go what a storm of triggers held."""
    show(lazy.open().call("POST", path_to("projects", project_id, "release"), {"drop": drop}), json_=json_)
