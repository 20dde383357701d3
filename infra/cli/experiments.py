"""`litmus-gitops experiment`: what git holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from infra.cli.clusters import project_option
from infra.cli.output import as_json, by_whom, field, limited, listing, plain, show, with_reason
from infra.cli.portal import Lazy, path_to

if TYPE_CHECKING:
    from shared.model.experiments import Problem

YAML = "application/yaml"
_SIDES = ("base", "git", "portal")


@click.group()
def experiment() -> None:
    """See, check, change and run experiments."""


@experiment.command("list")
@project_option
@limited
@as_json
@click.pass_obj
def list_(lazy: Lazy, project: str, limit: int, json_: bool) -> None:
    """List experiments with their state and problem."""
    columns = [field("id"), field("kind"), field("path"), field("state"), field("schedule"), ("problem", problem_of)]
    listing(lazy.open().items(path_to("projects", project, "experiments"), limit), columns, json_=json_)


@experiment.command("show")
@click.argument("experiment_id")
@project_option
@click.option("--yaml", is_flag=True, help="Print the file itself.")
@as_json
@click.pass_obj
def show_(lazy: Lazy, experiment_id: str, project: str, yaml: bool, json_: bool) -> None:
    """Show one experiment."""
    path = path_to("projects", project, "experiments", experiment_id)
    if yaml:
        click.echo(lazy.open().call("GET", path, accept=YAML), nl=False)
    else:
        show(lazy.open().call("GET", path, accept="application/json"), json_=json_)


@experiment.command()
@click.argument("experiment_id")
@click.argument("file", type=click.File("rb"))
@project_option
@as_json
@click.pass_obj
def put(lazy: Lazy, experiment_id: str, file: BinaryIO, project: str, json_: bool) -> None:
    """Write an experiment from a file; it becomes a commit."""
    path = path_to("projects", project, "experiments", experiment_id)
    show(lazy.open().call("PUT", path, file.read(), media=YAML), json_=json_)


@experiment.command()
@click.argument("file", type=click.File("rb"))
@project_option
@as_json
@click.pass_obj
def create(lazy: Lazy, file: BinaryIO, project: str, json_: bool) -> None:
    """Make an experiment from a file, whatever its id; it becomes a commit."""
    path = path_to("projects", project, "experiments")
    show(lazy.open().call("POST", path, file.read(), media=YAML), json_=json_)


@experiment.command()
@click.argument("experiment_id")
@click.argument("path")
@project_option
@as_json
@click.pass_obj
def rename(lazy: Lazy, experiment_id: str, path: str, project: str, json_: bool) -> None:
    """Move an experiment's file to PATH, such as litmus/shop/cart.yaml; its id stays."""
    way = path_to("projects", project, "experiments", experiment_id, "rename")
    show(lazy.open().call("POST", way, {"path": path}), json_=json_)


@experiment.command()
@click.argument("conflict_id", required=False)
@project_option
@limited
@as_json
@click.pass_obj
def conflicts(lazy: Lazy, conflict_id: str | None, project: str, limit: int, json_: bool) -> None:
    """List edits that overlap with what git holds, or show all sides of one."""
    if conflict_id is not None:
        found = lazy.open().call("GET", path_to("projects", project, "conflicts", conflict_id))
        _show_sides(found, json_=json_)
        return
    columns = [field(name) for name in ("id", "experiment", "path", "author", "at", "reason")]
    listing(lazy.open().items(path_to("projects", project, "conflicts"), limit), columns, json_=json_)


@experiment.command()
@click.argument("conflict_id")
@click.argument("file", type=click.File("rb"), required=False)
@project_option
@click.option("--take", type=click.Choice(["git", "portal", "merged"]), required=True, help="merged takes FILE.")
@as_json
@click.pass_obj
def settle(lazy: Lazy, conflict_id: str, file: BinaryIO | None, project: str, take: str, json_: bool) -> None:
    """Settle a conflict: keep git's text, take the portal's, or a merged one from FILE."""
    if (take == "merged") != (file is not None):
        raise click.UsageError("--take merged goes with a file that holds the merged text, the others go without")
    text = {} if file is None else {"text": file.read().decode(errors="surrogateescape")}
    path = path_to("projects", project, "conflicts", conflict_id, "settle")
    show(lazy.open().call("POST", path, {"take": take, **text}), json_=json_)


@experiment.command()
@click.argument("experiment_id")
@project_option
@as_json
@click.pass_obj
def delete(lazy: Lazy, experiment_id: str, project: str, json_: bool) -> None:
    """Delete an experiment; that becomes a commit."""
    show(lazy.open().call("DELETE", path_to("projects", project, "experiments", experiment_id)), json_=json_)


@experiment.command("run")
@click.argument("experiment_id")
@project_option
@click.option("--cluster", "clusters", multiple=True, help="Run here; repeat for more.")
@as_json
@click.pass_obj
def run_(lazy: Lazy, experiment_id: str, project: str, clusters: tuple[str, ...], json_: bool) -> None:
    """Run an experiment now."""
    path = path_to("projects", project, "experiments", experiment_id, "runs")
    started = lazy.open().call("POST", path, {"clusters": list(clusters)})
    listing(started["items"], [field("id"), field("cluster"), field("state")], json_=json_)


@experiment.command()
@click.argument("experiment_id")
@project_option
@limited
@as_json
@click.pass_obj
def history(lazy: Lazy, experiment_id: str, project: str, limit: int, json_: bool) -> None:
    """List what an experiment's runs came to, newest first, and how it fares.

    SECONDS are those from what triggered a run to its end. The last line sums up the newest 100 runs.
    """
    portal, path = lazy.open(), path_to("projects", project, "experiments", experiment_id)
    runs, trend = list(portal.items(f"{path}/history", limit)), portal.call("GET", f"{path}/trend")
    if json_:
        show({"items": runs, "trend": trend}, json_=True)
        return
    names = ("ended_at", "run", "cluster", "cause", "state", "verdict", "score", "seconds")
    listing(runs, [field(name) for name in names], json_=False)
    if runs:
        click.echo(_fares(trend))


@experiment.command()
@click.argument("experiment_id")
@project_option
@click.option("--accept/--decline", required=True, help="Have it installed on its clusters, or removed from them.")
@with_reason
@by_whom
@as_json
@click.pass_obj
def schedule(
    lazy: Lazy, experiment_id: str, project: str, accept: bool, reason: str, by: str | None, json_: bool
) -> None:
    """Accept or decline the schedule of a CronWorkflow or ChaosSchedule.

    Where a namespace of it needs a person's approval, accepting is that approval, of its text as it is now.
    """
    path = path_to("projects", project, "experiments", experiment_id, "schedule")
    show(lazy.open().call("POST", path, {"accept": accept, "reason": reason}, editor=by), json_=json_)


@experiment.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def validate(files: tuple[Path, ...], json_: bool) -> None:
    """Check files on this machine, without a server; exit status 1 if one is wrong."""
    found = [finding for file in files for finding in _check(file)]
    if json_:
        listing(found, [], json_=True)
    for one in found if not json_ else ():
        click.echo(plain("{file}:{line}:{column}: {severity}: {message}".format_map(one)))
    if any(one["severity"] == "error" for one in found):
        raise click.exceptions.Exit(1)


def problem_of(row: dict[str, Any]) -> str | None:
    """Return what is wrong with a file of a list, and where."""
    problem = row.get("problem")
    if not problem:
        return None
    place = f"{problem['line']}:{problem.get('column') or 1} " if problem.get("line") else ""
    return f"{place}{problem['message']}"


def _fares(trend: dict[str, Any]) -> str:
    """Return a trend as one line."""
    told = [f"of the newest {trend['runs']}: {trend['measured']} measured"]
    if trend["measured"]:
        told.append("{pass_rate:.1f} % passed, mean score {mean_score:.2f}, trend {direction}".format_map(trend))
    if trend["median_seconds"] is not None:
        told.append("verdict within {median_seconds:.1f} s for half, {p95_seconds:.1f} s for 95 %".format_map(trend))
    return ", ".join(told)


def _show_sides(found: dict[str, Any], *, json_: bool) -> None:
    """Print what a conflict is about, and for a person each side's text as it is."""
    show(found if json_ else {name: value for name, value in found.items() if name not in _SIDES}, json_=json_)
    for name in _SIDES if not json_ else ():
        side = found[name]
        text = "there is no file" if side is None else side["text"] or "its text is not kept, since it is too large"
        click.echo(f"\n=== {name}\n{plain(text)}")


def _check(file: Path) -> list[dict[str, Any]]:
    from shared.model.experiments import Manifest, Problem  # noqa: PLC0415 - only this command reads manifests
    from shared.wire.files import read_file  # noqa: PLC0415 - likewise

    found = read_file(str(file), file.read_bytes())
    if isinstance(found, Manifest):
        return [_finding(file, "warning", doubt) for doubt in found.warnings]
    problem = found if isinstance(found, Problem) else found.problem
    return [_finding(file, "error", problem)] if problem else []


def _finding(file: Path, severity: str, problem: Problem) -> dict[str, Any]:
    place = {"line": problem.line or 1, "column": problem.column or 1}
    return {"file": str(file), **place, "severity": severity, "message": problem.message}
