"""How answers are shown: a table for people, JSON for programs, and nothing that a terminal would obey."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import click

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON, one document.")
limited = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")
with_reason = click.option("--reason", default="", help="Why, for the ledger.")
by_whom = click.option("--by", help="Who says so, as `Name <mail>`; the owner if not given.")

Column = tuple[str, Callable[[dict[str, Any]], Any]]

_WIDE: Final = 10_000
"""Characters of a line that goes to a file or a program: never folded."""


def show(value: Any, *, json_: bool) -> None:
    """Print one object."""
    if json_ or not isinstance(value, dict):
        _print_json(value)
    else:
        _print_table([], [[name, _text(field, indent=2)] for name, field in value.items()])


def listing(rows: Iterable[dict[str, Any]], columns: Sequence[Column], *, json_: bool) -> None:
    """Print rows, of which a person sees the given columns."""
    found = list(rows)
    if json_:
        _print_json(found)
    elif found:
        _print_table([title for title, _ in columns], [[_text(read(row)) for _, read in columns] for row in found])
    else:
        click.echo("nothing yet")


def field(name: str) -> Column:
    """Return the column that shows a field under its own name."""
    return name, lambda row: row.get(name)


def plain(text: str) -> str:
    """Return a text in which a terminal finds no orders: what people named or sent is only data."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a third of the start-up, and JSON does without
    from rich.table import Table  # noqa: PLC0415 - likewise

    table = Table(*titles, box=None, header_style="bold", show_header=bool(titles))
    for row in rows:
        table.add_row(*row)
    for column in table.columns:
        column.overflow = "fold"
    width = None if sys.stdout.isatty() else _WIDE
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _text(value: Any, indent: int | None = None) -> str:
    if value is None:
        return "-"
    return plain(json.dumps(value, indent=indent, ensure_ascii=False) if isinstance(value, dict | list) else str(value))
