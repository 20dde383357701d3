"""`litmus-gitops policy`: which changes count, and trying that before it counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import click

from infra.cli.clusters import project_option
from infra.cli.experiments import problem_of
from infra.cli.output import as_json, field, limited, listing, plain
from infra.cli.portal import Lazy, path_to

if TYPE_CHECKING:
    from shared.model.changes import Change
    from shared.model.policies import Policy
    from shared.services.simulating import Trial

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def _fires(row: Mapping[str, Any]) -> str:
    return "yes" if row["fires"] else "unknown" if row.get("unknown", False) else "no"


_TRIAL: Final = (field("at"), field("subject"), ("fires", _fires), field("reason"))
_PAGE: Final = 500


@click.group()
def policy() -> None:
    """See event tracker policies, and try new ones."""


@policy.command("list")
@project_option
@limited
@as_json
@click.pass_obj
def list_(lazy: Lazy, project: str, limit: int, json_: bool) -> None:
    """List policies with their state and problem."""
    columns = [field("name"), field("path"), field("condition_type"), field("state"), ("problem", problem_of)]
    listing(lazy.open().items(path_to("projects", project, "policies"), limit), columns, json_=json_)


@policy.command()
@click.argument("file", type=_FILE)
@project_option
@click.option("--since", help="Only changes that are not older, such as 2026-01-31T12:00:00Z.")
@limited
@as_json
@click.pass_obj
def simulate(lazy: Lazy, file: Path, project: str, since: str | None, limit: int, json_: bool) -> None:
    """Try a policy on what happened in a project in the last week: what would have started, and why not the rest."""
    body = {"policy": _text(file), "since": since}
    rows = list(_simulated(lazy, path_to("projects", project, "policies", "simulate"), body, limit))
    listing(rows, _TRIAL, json_=json_)
    if not json_:
        click.echo(f"{sum(row['fires'] for row in rows)} of {len(rows)} changes would have started something")
        if unknown := sum(row.get("unknown", False) for row in rows):
            click.echo(f"{unknown} are unknown, since they came sealed and no policy asked for what this one compares")


@policy.command()
@click.argument("file", type=_FILE)
@click.option("--old", type=_FILE, help="The workload before the change; without it, it is created.")
@click.option("--new", type=_FILE, help="The workload after the change.")
@click.option("--review", "reviews", type=_FILE, multiple=True, help="A recorded AdmissionReview; repeat for more.")
@click.option("--actor", default="", help="Who makes the change, as the API server names users.")
@click.option("--expect", type=click.Choice(["fires", "ignored"]), help="Exit status 1 if anything ends otherwise.")
@as_json
def test(
    file: Path,
    old: Path | None,
    new: Path | None,
    reviews: tuple[Path, ...],
    actor: str,
    expect: str | None,
    json_: bool,
) -> None:
    """Try a policy on files, on this machine and without a server."""
    from shared.services.api.policies import show_trial  # noqa: PLC0415 - only this command judges here

    if (new is None) == (not reviews):
        raise click.UsageError("give either --new (with --old), or --review: that is the change to try the policy on")
    rows = [show_trial(trial) for trial in _tested(_policy(file), old, new, reviews, actor)]
    listing(rows, _TRIAL, json_=json_)
    if expect and any(row["fires"] != (expect == "fires") for row in rows):
        raise click.exceptions.Exit(1)


def _simulated(lazy: Lazy, path: str, body: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    portal, cursor = lazy.open(), None
    while limit > 0:
        asked = {"limit": str(min(limit, _PAGE))} | ({"cursor": cursor} if cursor else {})
        page = portal.call("POST", f"{path}?{urlencode(asked)}", body)
        yield from page["items"]
        cursor, limit = page["next"], limit - len(page["items"])
        if cursor is None:
            return


def _tested(
    policy_: Policy, old: Path | None, new: Path | None, reviews: tuple[Path, ...], actor: str
) -> Iterator[Trial]:
    from shared.services.simulating import Trial, change_between, tried  # noqa: PLC0415 - likewise

    named: list[tuple[str, Change | None]] = [(str(one), _reviewed(one)) for one in reviews]
    if new is not None:
        named.append((str(new), change_between(_object(old) if old else None, _object(new), _NOW, actor)))
    for name, change in named:
        unmoved = Trial(name, "", name, fires=False, reason="nothing that counts differs, or it has not opted in")
        yield tried(policy_, change, name, {}) if change else unmoved


_NOW: Final = "2000-01-01T00:00:00.000Z"
"""When a change between two files was made: no matter, since no rule of policies asks."""


def _reviewed(file: Path) -> Change | None:
    from shared.errors import BadInput  # noqa: PLC0415 - likewise
    from shared.rules.digests import side  # noqa: PLC0415 - likewise
    from shared.rules.tracking import observe  # noqa: PLC0415 - likewise
    from shared.wire.admission import read_review  # noqa: PLC0415 - likewise

    try:
        return observe(None, read_review(file.read_bytes()).sighting("", _NOW, lambda obj: side(obj, b""))).change
    except BadInput as error:
        raise click.ClickException(plain(f"{file}: {error}")) from error


def _object(file: Path) -> dict[str, Any]:
    from shared.model.experiments import Problem  # noqa: PLC0415 - likewise
    from shared.wire.yaml import read_yaml  # noqa: PLC0415 - likewise

    read = read_yaml(file.read_bytes())
    value = None if isinstance(read, Problem) else read.value
    if not isinstance(value, dict):
        told = f"line {read.line}: {read.message}" if isinstance(read, Problem) else "write one Kubernetes object"
        raise click.ClickException(plain(f"{file} is no object: {told}"))
    return json.loads(json.dumps(value))  # type: ignore[no-any-return]


def _policy(file: Path) -> Policy:
    from shared.wire.files import read_policy_file  # noqa: PLC0415 - likewise

    read = read_policy_file(str(file), file.read_bytes())
    if read.problem:
        place = f":{read.problem.line}:{read.problem.column or 1}" if read.problem.line else ""
        raise click.ClickException(plain(f"{file}{place}: {read.problem.message}"))
    return read


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is no text in UTF-8") from error
