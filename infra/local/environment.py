"""The environment that functions are loaded in; only here is it written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.local.settings import HOST, LocalSettings

_OF_THE_FRAMEWORK = ("FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE")


def variables(settings: LocalSettings, port: int) -> dict[str, str]:
    """Return what the functions are told: where state is, and that loopback repositories and clusters are welcome."""
    data = settings.data_dir.resolve()
    told = {
        "DATA_DIR": str(data),
        "STORE_URL": settings.store_url or own_store(settings),
        "PUBLIC_URL": settings.public_url or f"http://{HOST}:{port}",
        "ALLOW_LOCAL": os.environ.get("ALLOW_LOCAL", "true"),
    }
    return told if settings.admin_token is None else told | {"ADMIN_TOKEN": settings.admin_token}


def own_store(settings: LocalSettings) -> str:
    """Return the URL of the store in the data folder, which only the process has that holds the folder."""
    return f"sqlite:{settings.data_dir.resolve() / 'litmus-gitops.db'}"


@contextmanager
def applied(told: Mapping[str, str]) -> Iterator[None]:
    """Set the variables, and afterwards leave the environment as it was before."""
    names = (*told, *_OF_THE_FRAMEWORK)
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})
