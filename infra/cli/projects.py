"""`litmus-gitops project`: tenants and their repositories."""

from __future__ import annotations

import click

from infra.cli.output import as_json, field, limited, listing, show
from infra.cli.portal import Lazy


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
@click.option("--repo", required=True, help="The repository's address, as git knows it.")
@click.option("--branch", default="main", show_default=True)
@click.option("--path", help="The folder in the repository; litmus/<project> if not given.")
@click.option("--provider", type=click.Choice(["git", "github", "gitlab"]), default="git", show_default=True)
@click.option("--credential", help="A reference to the credential: env:LITMUS_GITOPS_SECRET_… or file:NAME.")
@click.option("--webhook-secret", "secrets", multiple=True, help="A reference to a webhook secret; repeat to rotate.")
@click.option("--run-on-push", type=click.Choice(["never", "new", "changed"]), default="never", show_default=True)
@click.option("--enforce", is_flag=True, help="Start chaos for real; without it everything is only decided and shown.")
@click.option("--no-default-policy", is_flag=True, help="Without a policy, let no change count (default: any counts).")
@as_json
@click.pass_obj
def enable(
    lazy: Lazy,
    project_id: str,
    repo: str,
    branch: str,
    path: str | None,
    provider: str,
    credential: str | None,
    secrets: tuple[str, ...],
    run_on_push: str,
    enforce: bool,
    no_default_policy: bool,
    json_: bool,
) -> None:
    """Turn GitOps on for a project; what the repository has is imported at once, and nothing runs."""
    body = {
        "enabled": True,
        "provider": provider,
        "repo_url": repo,
        "branch": branch,
        "path": path,
        "credential": credential,
        "webhook_secrets": list(secrets),
        "run_on_push": run_on_push,
        "default_policy": not no_default_policy,
        "mode": "enforce" if enforce else "observe",
    }
    show(lazy.open().call("PUT", f"/projects/{project_id}/gitops", body), json_=json_)


@project.command()
@click.argument("project_id")
@click.pass_obj
def disable(lazy: Lazy, project_id: str) -> None:
    """Turn GitOps off; what is stored stays."""
    lazy.open().call("DELETE", f"/projects/{project_id}/gitops")


@project.command()
@click.argument("project_id")
@as_json
@click.pass_obj
def status(lazy: Lazy, project_id: str, json_: bool) -> None:
    """Show how far the portal follows git."""
    show(lazy.open().call("GET", f"/projects/{project_id}/sync"), json_=json_)


@project.command()
@click.argument("project_id")
@click.pass_obj
def sync(lazy: Lazy, project_id: str) -> None:
    """Ask for a sync now."""
    lazy.open().call("POST", f"/projects/{project_id}/sync")


@project.command()
@click.argument("project_id")
@click.option("--reason", default="", help="Why, for those who wonder.")
@click.option("--cluster", help="Only this cluster.")
@click.option("--lift", is_flag=True, help="Lift the freeze.")
@click.pass_obj
def freeze(lazy: Lazy, project_id: str, reason: str, cluster: str | None, lift: bool) -> None:
    """Let nothing start in a project, or lift that."""
    place = f"/projects/{project_id}" + (f"/clusters/{cluster}" if cluster else "")
    lazy.open().call("DELETE" if lift else "PUT", f"{place}/freeze", None if lift else {"reason": reason})


@project.command()
@click.argument("project_id")
@click.option("--drop", is_flag=True, help="Drop the held orders instead.")
@as_json
@click.pass_obj
def release(lazy: Lazy, project_id: str, drop: bool, json_: bool) -> None:
    """Let go what a storm of triggers held."""
    show(lazy.open().call("POST", f"/projects/{project_id}/release", {"drop": drop}), json_=json_)
