"""How answers are shown: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON, one document.")
limited = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")

Column = tuple[str, Callable[[dict[str, Any]], Any]]


def show(value: Any, *, json_: bool) -> None:
    """Print one object."""
    if json_ or not isinstance(value, dict):
        click.echo(json.dumps(value, indent=2))
        return
    table = Table(show_header=False, box=None)
    for name, field in value.items():
        table.add_row(name, _text(field))
    Console().print(table)


def listing(rows: Iterable[dict[str, Any]], columns: Sequence[Column], *, json_: bool) -> None:
    """Print rows, of which a person sees the given columns."""
    found = list(rows)
    if json_:
        click.echo(json.dumps(found, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for title, _ in columns:
        table.add_column(title, overflow="fold")
    for row in found:
        table.add_row(*(_text(read(row)) for _, read in columns))
    Console().print(table if found else "nothing yet")


def field(name: str) -> Column:
    """Return the column that shows a field under its own name."""
    return name, lambda row: row.get(name)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
