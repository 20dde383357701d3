"""Loads function folders the way functions-framework does, all into one process."""

from __future__ import annotations

import sys
from pathlib import Path
from wsgiref.types import WSGIApplication

import functions_framework

from infra.deployments import IN_CLUSTER


def load_functions(root: Path) -> dict[str, WSGIApplication]:
    """Return each function of the root by its name, which is its folder's and its target's.

    Whatever keeps a function from loading is raised, with a note that names the function.
    """
    folders = sorted(main.parent for main in root.glob("*/main.py"))
    return {folder.name: _load(folder) for folder in folders if folder.name not in IN_CLUSTER}


def _load(folder: Path) -> WSGIApplication:
    path = list(sys.path)
    try:
        app: WSGIApplication = functions_framework.create_app(folder.name, str(folder / "main.py"), "http")  # type: ignore[no-untyped-call] # it has no types
    except Exception as error:
        error.add_note(f"while loading the function {folder.name} from {folder}")
        raise
    finally:
        sys.path[:] = path
    return app
