"""The custom resources of an experiment, and their installation into any Kubernetes API, this one or a real one."""

from __future__ import annotations

import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from kubernetes.client import ApiException, ApiextensionsV1Api

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubernetes.client import ApiClient

    from infra.demo.kubernetes_api.documents import Document

OURS = Path(__file__).parent / "crds.yaml"
SERVED_SECONDS = 20.0
POLL_SECONDS = 0.05


def definitions() -> list[Document]:
    """Read our own minimal definitions of Argo's and Litmus' kinds."""
    return list(yaml.safe_load_all(OURS.read_text()))


def install(client: ApiClient, wanted: Iterable[Document]) -> list[str]:
    """Create the definitions that are not there and return the names of those, once they are served.

    Definitions that are there, for instance Litmus' own, stay as they are. Raises TimeoutError.
    """
    api = ApiextensionsV1Api(client)
    created = [definition["metadata"]["name"] for definition in wanted if _create(api, definition)]
    deadline = time.monotonic() + SERVED_SECONDS
    while not all(_is_served(api, name) for name in created):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {SERVED_SECONDS:.0f} s the API server still does not serve all of {created}")
        time.sleep(POLL_SECONDS)
    return created


def _create(api: ApiextensionsV1Api, definition: Any) -> bool:
    try:
        api.create_custom_resource_definition(definition)
    except ApiException as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        return False
    return True


def _is_served(api: ApiextensionsV1Api, name: str) -> bool:
    found: Any = api.read_custom_resource_definition(name)
    conditions = (found.status and found.status.conditions) or []
    return any(one.type == "Established" and one.status == "True" for one in conditions)
