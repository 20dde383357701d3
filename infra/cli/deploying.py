"""`litmus-gitops deploy`: what a platform takes of each function, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.cli.output import as_json, plain, show

if TYPE_CHECKING:
    from infra.deploying.plans import Plan

Options = Callable[[Callable[..., None]], Callable[..., None]]


def _options(platform: str) -> Options:
    """Return the options that every platform has."""

    def given(command: Callable[..., None]) -> Callable[..., None]:
        build = click.option(
            "--build",
            default=f"build/{platform}",
            show_default=True,
            type=click.Path(path_type=Path),
            help="Where bundles go.",
        )
        only = click.option("--plan", "only", is_flag=True, help="Make the bundles, show what would be done, stop.")
        yes = click.option("--yes", is_flag=True, help="Do it without asking, and have Terraform not ask.")
        return build(only(yes(as_json(command))))

    return given


var_files = click.option(
    "--var-file",
    "var_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of variables for Terraform; may be given several times.",
)


@click.group()
def deploy() -> None:
    """Bundle the functions for a platform and deploy them there; --plan shows all and makes only the bundles."""


@deploy.command()
@click.option(
    "--architecture", default="arm64", show_default=True, type=click.Choice(["arm64", "x86_64"]), help="Of Lambda."
)
@var_files
@_options("aws")
def aws(architecture: str, var_files: tuple[Path, ...], build: Path, only: bool, yes: bool, json_: bool) -> None:
    """Lambda, DynamoDB, SQS, API Gateway and EventBridge Scheduler, by the Terraform module infra/aws."""
    from infra.deploying.terraforming import plan_aws  # noqa: PLC0415 - what this command alone needs

    _go(lambda: plan_aws(build.resolve(), architecture, var_files, approved=yes), only=only, yes=yes, json_=json_)


@deploy.command()
@var_files
@_options("gcp")
def gcp(var_files: tuple[Path, ...], build: Path, only: bool, yes: bool, json_: bool) -> None:
    """Cloud Run functions, Cloud SQL, Pub/Sub and Cloud Scheduler, by the Terraform module infra/gcp."""
    from infra.deploying.terraforming import plan_gcp  # noqa: PLC0415 - what this command alone needs

    _go(lambda: plan_gcp(build.resolve(), var_files, approved=yes), only=only, yes=yes, json_=json_)


@deploy.command()
@click.option("--registry", default="images.example.org", show_default=True, help="Where images are pushed to.")
@click.option("--version", default="0.1.0", show_default=True, help="The images' tag.")
@click.option(
    "--overlay",
    default="infra/overlays/functions",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The Kustomize overlay that is applied.",
)
@_options("kubernetes")
def kubernetes(registry: str, version: str, overlay: Path, build: Path, only: bool, yes: bool, json_: bool) -> None:
    """Deployments of the functions on Kubernetes, with PostgreSQL, by Kustomize."""
    from infra.deploying.imaging import plan_kubernetes  # noqa: PLC0415 - what this command alone needs

    _go(lambda: plan_kubernetes(build.resolve(), registry, version, overlay), only=only, yes=yes, json_=json_)


def _go(make: Callable[[], Plan], *, only: bool, yes: bool, json_: bool) -> None:
    from shared.errors import LitmusGitopsError  # noqa: PLC0415 - what this command alone needs

    try:
        plan = make()
    except LitmusGitopsError as error:
        raise click.ClickException(plain(str(error))) from error
    if json_:
        show(plan.told(), json_=True)
    else:
        click.echo("\n".join(_lines(plan.told())))
    if only:
        return
    if plan.missing:
        raise click.ClickException("nothing was deployed: mend what is missing")
    if not yes:
        click.confirm("Run these commands?", abort=True, err=True)
    _run(plan)


def _run(plan: Plan) -> None:
    import subprocess  # noqa: PLC0415 - what this command alone needs

    from infra.deployments import ROOT  # noqa: PLC0415 - likewise

    for words in plan.commands:
        click.echo(f"$ {' '.join(words)}", err=True)
        status = subprocess.run(words, cwd=ROOT, check=False).returncode  # noqa: S603 - the commands that were shown
        if status:
            raise click.ClickException(f"{words[0]} ended with {status}: what was done so far stays; mend it, go again")


def _lines(told: dict[str, Any]) -> Iterator[str]:
    """Return the plan for a person."""
    yield f"{told['platform']}: Python {told['python']}, state and messages in {told['engine']}"
    yield ""
    yield from (f"  {one['name']:<20}{_made(one)}" for one in told["functions"])
    yield ""
    yield f"Messages reach {', '.join(told['queues'])}. From outside:"
    for route, function in told["routes"].items():
        yield f"  {route:<36}{function}"
    yield ""
    yield "What follows:"
    yield from (f"  $ {command}" for command in told["commands"])
    if told["missing"]:
        yield ""
        yield "Missing:"
        yield from (f"  {plain(what)}" for what in told["missing"])


def _made(function: dict[str, Any]) -> str:
    if not function["path"]:
        return "in the engine"
    digest = f"sha256 {function['sha256'][:12]}  " if function["sha256"] else ""
    return f"{function['bytes'] / (1 << 20):6.1f} MiB  {digest}{function['path']}"
