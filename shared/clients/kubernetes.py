"""One cluster's API over the official client, as plain JSON: digests need what the server sent, not a model of it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import urllib3

from shared.clients.watching import Watching
from shared.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    LitmusGitopsError,
    Misconfigured,
    NotFound,
    Stale,
    TooLarge,
    Unavailable,
)

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Json = dict[str, Any]
Objects = list[Json]

MANAGER: Final = "litmus-gitops"
_AS_US: Final = {"fieldManager": MANAGER}
_PAGE: Final = "500"
_CONNECT, _READ = 5.0, 30.0
_FOLLOWING: Final = {"watch": "true", "allowWatchBookmarks": "true"}
_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_PLAIN: Final = "application/json"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
_METADATA_LIST: Final = _METADATA.replace("Metadata;", "MetadataList;")
"""A list is no object: asked for one's metadata, the API server answers 406."""

_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes puts a pod's own token."""

_NO_WAY: Final = "no way to the cluster: {}; set KUBECONFIG, or run inside the cluster"

_ERRORS: Final[Mapping[int, type[LitmusGitopsError]]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    415: Invalid,
    422: Invalid,
}


def open_kubernetes(kubeconfig: str | None) -> Kubernetes:
    """Return the API that a kubeconfig names, or, for None, that of the cluster this process runs in.

    Opening looks for its files: `Misconfigured` if they are missing. They are read at the first request, which raises
    the same if they are broken, and loads the official client.
    """
    files = [Path(one).expanduser() for one in kubeconfig.split(os.pathsep)] if kubeconfig else [_TOKEN]
    if not any(file.is_file() for file in files):
        raise Misconfigured(_NO_WAY.format(f"there is no file {files[0]}"))
    return Kubernetes(partial(_connect, kubeconfig))


def _connect(kubeconfig: str | None) -> ApiClient:
    from kubernetes import client, config  # noqa: PLC0415 - slow to load: who starts answers meanwhile

    settings = client.Configuration()
    try:
        if kubeconfig:
            config.load_kube_config(kubeconfig, client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            config.load_incluster_config(settings)  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError) as error:
        raise Misconfigured(_NO_WAY.format(error)) from error
    settings.retries = False
    settings.connection_pool_maxsize = 32
    return client.ApiClient(settings)


class Kubernetes:
    """Implements `ports.KubernetesApi`; safe for use by many threads."""

    def __init__(self, connect: Callable[[], ApiClient]) -> None:
        self._connect = connect

    @cached_property
    def _api(self) -> ApiClient:
        return self._connect()

    def get(self, resource: str, namespace: str, name: str) -> Json:
        """Return the object."""
        return self._json(_Request("GET", _path(resource, namespace, name)))

    def list(self, resource: str, namespace: str = "", selector: str = "") -> Objects:
        """Return the objects that a label selector matches, each with its kind and apiVersion."""
        return self._listed(_Request("GET", _path(resource, namespace), {"labelSelector": selector}))[0]

    def create(self, resource: str, namespace: str, body: Mapping[str, Any]) -> Json:
        """Create the object: `Conflict` if the name is taken."""
        return self._json(_Request("POST", _path(resource, namespace), _AS_US, body))

    def apply(self, resource: str, namespace: str, body: Mapping[str, Any]) -> Json:
        """Apply server-side as field manager `litmus-gitops`, forcing conflicts."""
        path = _path(resource, namespace, body["metadata"]["name"])
        return self._json(_Request("PATCH", path, {**_AS_US, "force": "true"}, body, _APPLY))

    def patch(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> Json:
        """Merge-patch the object (RFC 7386); a `metadata.resourceVersion` in it is a condition."""
        return self._json(_Request("PATCH", _path(resource, namespace, name), _AS_US, body, _MERGE))

    def replace(self, resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> Json:
        """Replace the object: `Stale` if its resourceVersion moved."""
        return self._json(_Request("PUT", _path(resource, namespace, name), _AS_US, body))

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete the object and, in the background, what it owns; nothing happens if it is gone."""
        try:
            self._json(_Request("DELETE", _path(resource, namespace, name), {"propagationPolicy": "Background"}))
        except NotFound:
            return

    def watch(
        self, resource: str, namespace: str = "", selector: str = "", timeout: float = 30.0, name: str = ""
    ) -> Watching:
        """List, then yield each object as it is and becomes, for `timeout` seconds; `name` keeps to one object.

        The server is asked for no more than the objects' metadata: to be woken takes no more, and a Workflow is long.
        """
        path, chosen = _path(resource, namespace), {"labelSelector": selector}
        chosen |= {"fieldSelector": f"metadata.name={name}"} if name else {}

        def opened(version: str, seconds: float) -> urllib3.BaseHTTPResponse:
            query = {**chosen, **_FOLLOWING, "resourceVersion": version, "timeoutSeconds": str(math.ceil(seconds))}
            return self._send(_Request("GET", path, query, accept=_METADATA), seconds + _CONNECT)

        return Watching(lambda: self._listed(_Request("GET", path, chosen, accept=_METADATA_LIST)), opened, timeout)

    def serves(self, resource: str) -> bool:
        """Whether the API server serves the resource (its CRD is installed)."""
        root, _, plural = _root(resource).rpartition("/")
        try:
            found = self._json(_Request("GET", root))
        except NotFound:
            return False
        return any(one["name"] == plural for one in found["resources"])

    def now(self) -> datetime:
        """Return the API server's clock, to the second."""
        answer = self._send(_Request("GET", "/version"), _READ)
        answer.drain_conn()
        return parsedate_to_datetime(answer.headers["Date"])

    def _listed(self, request: _Request) -> tuple[Objects, str]:
        request = replace(request, query={**request.query, "limit": _PAGE})
        items: Objects = []
        while True:
            page = self._json(request)
            head = {"apiVersion": page["apiVersion"], "kind": page["kind"].removesuffix("List")}
            items += [head | item for item in page["items"] or ()]
            if not (more := page["metadata"].get("continue")):
                return items, page["metadata"]["resourceVersion"]
            request = replace(request, query={**request.query, "continue": more})

    def _json(self, request: _Request) -> Json:
        found: Json = _reading(request.path, lambda: json.loads(self._send(request, _READ).read()))
        return found

    def _send(self, request: _Request, seconds: float) -> urllib3.BaseHTTPResponse:
        target = f"{request.path}?{urlencode(request.query)}" if request.query else request.path
        headers = {"Accept": request.accept, "Content-Type": request.media}
        signed = self._api.param_serialize(request.method, target, header_params=headers, auth_settings=["BearerToken"])
        answer: urllib3.BaseHTTPResponse = _reading(
            request.path,
            lambda: self._api.call_api(*signed[:3], request.body, _request_timeout=(_CONNECT, seconds)).response,
        )
        if answer.status >= 300:  # noqa: PLR2004 - the first status that is no success
            raise _refusal(answer.status, answer.read(), request.path)
        return answer


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    media: str = _PLAIN
    accept: str = _PLAIN


def _root(resource: str) -> str:
    return f"/api/{resource}" if resource.count("/") == 1 else f"/apis/{resource}"


def _path(resource: str, namespace: str, name: str = "") -> str:
    root, _, plural = _root(resource).rpartition("/")
    place = f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
    return f"{place}/{name}" if name else place


def _reading(path: str, act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f"the Kubernetes API does not answer for {path}: {type(error).__name__}") from error


def _refusal(status: int, body: bytes, path: str) -> LitmusGitopsError:
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    sentence = f"the Kubernetes API answered {status} for {path}: {str(said.get('message') or 'no reason given')[:500]}"
    if said.get("reason") == "Conflict":
        return Stale(sentence)
    return _ERRORS.get(status, Unavailable)(sentence)
