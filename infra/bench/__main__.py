"""`python -m infra.bench [--json FILE] [--full] [GROUP …]`: every figure beside its reference from the same run.

Functions run as they are deployed: one bundle a process, under functions-framework's own server (gunicorn, one worker,
four threads), with SQLite. Clients are as many as threads, on the same machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from infra.bench import admission, bundles, cold, deliveries, fanout, syncing
from infra.bench.figures import Figure, Report, encoded, show
from infra.bench.house import House

SHORT: Final = 3.0
LONG: Final = 15.0

WIDTH: Final = 120

GROUPS: Final[Mapping[str, Callable[[House, bool], Iterable[Figure]]]] = {
    "bundles": lambda house, _: bundles.measure(house),
    "cold": lambda house, _: cold.measure(house),
    "admission": lambda house, full: admission.measure(house, LONG if full else SHORT),
    "sync": lambda house, full: syncing.measure(house, full=full),
    "deliveries": lambda house, full: deliveries.measure(house, LONG if full else SHORT),
    "fanout": lambda house, _: fanout.measure(house),
}


@click.command(help=__doc__)
@click.argument("groups", nargs=-1, type=click.Choice(sorted(GROUPS)))
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures here, as JSON.")
@click.option("--full", is_flag=True, help="Measure longer, and more often.")
def main(groups: tuple[str, ...], file: Path | None, *, full: bool) -> None:
    """Measure, and show what was measured."""
    console = Console()
    console.width = max(console.width, WIDTH)
    figures: list[Figure] = []
    for group in groups or tuple(GROUPS):
        with tempfile.TemporaryDirectory(prefix="litmus-gitops-bench-") as folder:
            house = House(Path(folder))
            house.furnish()
            console.print(f"measuring {group} …", style="dim")
            figures += GROUPS[group](house, full)
    report = Report(tuple(figures))
    show(report, console)
    if file is not None:
        file.write_bytes(encoded(report) + b"\n")


if __name__ == "__main__":
    main()
