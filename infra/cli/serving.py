"""`litmus-gitops up` and `demo`: running it, and seeing it work."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--port", envvar="PORT", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data", envvar="DATA_DIR", default=".data", show_default=True, type=click.Path(path_type=Path))
def up(port: int, data: Path) -> None:
    """Serve every function in one process; state is in the data folder unless STORE_URL says otherwise."""
    from infra.local.engine import serve  # noqa: PLC0415 - the engine is heavy and only this command needs it

    raise click.exceptions.Exit(serve(port, data))


@click.command()
@click.option("--keep", is_flag=True, help="Keep the demo's folder and say where it is.")
def demo(*, keep: bool) -> None:
    """Show the whole loop on real parts: push, change, dispatch, run, score, note."""
    from infra.demo.script import run  # noqa: PLC0415 - the demo starts servers; only this command needs it

    raise click.exceptions.Exit(run(keep=keep))
