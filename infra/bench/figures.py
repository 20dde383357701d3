"""Figures: what was measured, beside what the same run measured without us."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table


class Figure(msgspec.Struct, frozen=True):
    """One measured value in `unit`, and the value of `beside`, its reference in the same run."""

    group: str
    name: str
    value: float
    unit: str
    beside: str
    reference: float

    @property
    def ratio(self) -> float:
        """How many times the reference it is."""
        return self.value / self.reference


class Report(msgspec.Struct, frozen=True):
    """All figures of a run, with the machine that it ran on."""

    figures: tuple[Figure, ...]
    python: str = platform.python_version()
    machine: str = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def median(values: Sequence[float]) -> float:
    """Return the middle of the values."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of them, between 0 and 1, do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def encoded(report: Report) -> bytes:
    """Return the report as JSON; each figure carries its ratio."""
    figures = [msgspec.to_builtins(figure) | {"ratio": round(figure.ratio, 3)} for figure in report.figures]
    return msgspec.json.format(msgspec.json.encode(msgspec.to_builtins(report) | {"figures": figures}), indent=2)


def show(report: Report, console: Console) -> None:
    """Print the report as a table."""
    table = Table(title=f"Python {report.python} · {report.machine}", title_justify="left")
    for heading, justify in (("", "left"), ("measured", "left"), ("here", "right"), ("beside", "left"), ("", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    table.add_column("ratio", justify="right")
    group = ""
    for figure in report.figures:
        first = "" if figure.group == group else figure.group
        group = figure.group
        here, there = (f"{value:,.{_digits(value)}f} {figure.unit}" for value in (figure.value, figure.reference))
        table.add_row(first, figure.name, here, figure.beside, there, f"{figure.ratio:.2f}", end_section=False)
    console.print(table)


def _digits(value: float) -> int:
    return 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004 - three digits that count
