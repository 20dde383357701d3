"""`AdmissionReview` v1 as kube-apiserver sends it, and the reading of its answer."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from infra.demo.kubernetes_api import scaling
from infra.demo.kubernetes_api.documents import lookup
from infra.demo.kubernetes_api.refusals import Refusal

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.calls import Call
    from infra.demo.kubernetes_api.documents import Document

API_VERSION = "admission.k8s.io/v1"
OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One write about to happen; `new` is None for a deletion, `old` for a creation."""

    call: Call
    operation: str
    new: Document | None
    old: Document | None

    @property
    def name(self) -> str:
        """The name in the request; the generated one where the server made it."""
        return self.call.name or str(lookup(self.new or self.old, "metadata", "name", default=""))

    @property
    def namespace(self) -> str:
        """The namespace, which for a Namespace is itself."""
        return self.name if self.call.resource.plural == "namespaces" else self.call.namespace

    def review(self) -> Document:
        """Return the review with a new uid."""
        return {"kind": "AdmissionReview", "apiVersion": API_VERSION, "request": self._request()}

    def _request(self) -> Document:
        call = self.call
        request: Document = {"uid": str(uuid.uuid4()), "kind": self._kind(), "resource": self._resource()}
        request |= {"subResource": call.subresource} if call.subresource else {}
        request |= {"requestKind": self._kind(), "requestResource": self._resource()}
        request |= {"requestSubResource": call.subresource} if call.subresource else {}
        request |= {"name": self.name} | ({"namespace": self.namespace} if self.namespace else {})
        request |= {"operation": self.operation, "userInfo": call.envelope.user.document()}
        request |= {"object": self._shown(self.new), "oldObject": self._shown(self.old)}
        return request | {"dryRun": call.dry_run, "options": self._options()}

    def _kind(self) -> Document:
        resource = self.call.resource
        if self.call.subresource == "scale":
            return {"group": scaling.GROUP, "version": scaling.VERSION, "kind": scaling.KIND}
        return {"group": resource.group, "version": resource.version, "kind": resource.kind}

    def _resource(self) -> Document:
        resource = self.call.resource
        return {"group": resource.group, "version": resource.version, "resource": resource.plural}

    def _shown(self, document: Document | None) -> Document | None:
        if document is None or self.call.subresource != "scale":
            return document
        return scaling.scale_of(document)

    def _options(self) -> Document:
        call = self.call
        options: Document = {"kind": OPTIONS[self.operation], "apiVersion": "meta.k8s.io/v1"}
        options |= {"dryRun": ["All"]} if call.dry_run else {}
        if self.operation != "DELETE":
            named = ("fieldManager", "fieldValidation")
            return options | {name: call.text(name) for name in named if call.text(name)}
        given = call.content() or {}
        return options | {key: value for key, value in given.items() if key not in {"kind", "apiVersion"}}


class NoAnswer(Exception):
    """A webhook answered with something that is no valid review."""


def read_answer(body: Document, uid: str) -> Document:
    """Return the `response` of an answered review, or raise NoAnswer."""
    if body.get("apiVersion") != API_VERSION or body.get("kind") != "AdmissionReview":
        raise NoAnswer(f"expected webhook response of {API_VERSION}, Kind=AdmissionReview")
    response = body.get("response")
    if not isinstance(response, dict):
        raise NoAnswer("webhook response was absent")
    if response.get("uid") != uid:
        raise NoAnswer(f"expected response.uid={uid!r}, got {response.get('uid')!r}")
    return response


def denied(webhook: str, response: Document) -> Refusal:
    """Return the refusal that a webhook's denial makes; a code below 400 becomes 400."""
    status = response.get("status") or {}
    why = status.get("message") or status.get("reason")
    sentence = f'admission webhook "{webhook}" denied the request' + (f": {why}" if why else " without explanation")
    code = max(int(status.get("code") or 0), HTTPStatus.BAD_REQUEST)
    return Refusal(code, str(status.get("reason") or ""), sentence, status.get("details"))
