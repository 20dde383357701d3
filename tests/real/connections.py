"""The real Kubernetes client, where its own types stop short of what it takes and gives."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config
from kubernetes.watch import Watch

Manifest = Any
"""What YAML holds; the client takes it in place of its models, though its annotations deny that."""


@contextmanager
def connected(kubeconfig: Path) -> Iterator[ApiClient]:
    """A client for the file's user, closed at the end."""
    with new_client_from_config(config_file=str(kubeconfig)) as client:  # type: ignore[no-untyped-call]
        yield client


def events(listing: Callable[..., Any], *arguments: str, since: str, seconds: int = 10) -> Iterator[dict[str, Any]]:
    """What a watch by that list call tells after the resourceVersion, for at most the seconds given."""
    watch: Any = Watch()  # type: ignore[no-untyped-call]
    yield from watch.stream(listing, *arguments, resource_version=since, timeout_seconds=seconds)
