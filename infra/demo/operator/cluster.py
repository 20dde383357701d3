"""The few calls that the stand-ins need of a Kubernetes API, over the real client."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kubernetes.client import ApiException
from kubernetes.config import new_client_from_config

if TYPE_CHECKING:
    from pathlib import Path

    from infra.demo.operator.outcomes import Document

MANAGER = "litmus-gitops-demo"
MERGE = "application/merge-patch+json"
PLAIN = "application/json"


class Cluster:
    """One API, as a kubeconfig names it; `resource` is `<group>/<version>/<plural>`, `v1/<plural>` for the core.

    Raises ApiException for a refusal and urllib3's HTTPError where nobody answers.
    """

    def __init__(self, kubeconfig: Path, namespace: str = "") -> None:
        self._client: Any = new_client_from_config(config_file=str(kubeconfig))  # type: ignore[no-untyped-call]
        self._client.configuration.retries = False
        self._namespace = namespace

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def list(self, resource: str, *, everywhere: bool = False) -> list[Document]:
        """Return the objects of the watched namespace, or all; none where the resource is not served."""
        try:
            found = self._call("GET", _path(resource, "" if everywhere else self._namespace))
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return []
        return list(found["items"])

    def create(self, resource: str, namespace: str, body: Document) -> Document:
        """Create an object and return it as stored."""
        return self._call("POST", _path(resource, namespace), body)

    def patch(self, resource: str, found: Document, body: Document, subresource: str = "") -> Document:
        """Merge-patch an object that was found, or its subresource."""
        meta = found["metadata"]
        path = f"{_path(resource, meta['namespace'])}/{meta['name']}"
        return self._call("PATCH", f"{path}/{subresource}" if subresource else path, body, MERGE)

    def _call(self, method: str, path: str, body: Document | None = None, media_type: str = PLAIN) -> Document:
        target = path if method == "GET" else f"{path}?fieldManager={MANAGER}"
        headers = {"Accept": PLAIN, "Content-Type": media_type}
        request = self._client.param_serialize(
            method, target, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self._client.call_api(*request, _request_timeout=(5, 30))
        answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            self._client.response_deserialize(answer, {})
        decoded: Document = json.loads(answer.data)
        return decoded


def _path(resource: str, namespace: str) -> str:
    *group, plural = resource.split("/")
    root = f"/api/{group[0]}" if len(group) == 1 else f"/apis/{'/'.join(group)}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
