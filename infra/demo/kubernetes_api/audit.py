"""Audit events of writes, in batches to a webhook, as kube-apiserver's webhook backend sends them."""

from __future__ import annotations

import json
import logging
import queue
import ssl
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import urllib3

from infra.demo.kubernetes_api.documents import lookup, microsecond

if TYPE_CHECKING:
    from pathlib import Path

    from infra.demo.kubernetes_api.calls import Call, Envelope
    from infra.demo.kubernetes_api.documents import Document

LOGGER = logging.getLogger(__name__)
AUDITED = frozenset({"deployments", "statefulsets", "daemonsets"})
RETRIES = urllib3.Retry(total=5, backoff_factor=0.1, status_forcelist=range(500, 600), allowed_methods=None)
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, */*", "User-Agent": "Go-http-client/1.1"}
STATUS_FIELDS = ("metadata", "status", "message", "reason", "details", "code")
ALLOWED = {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}


@dataclass(slots=True)
class Trail:
    """What one request leaves behind for its audit event, filled as it is handled."""

    received: str = field(default_factory=microsecond)
    request_object: Any = None
    generated_name: str = ""

    def event(self, call: Call, code: int, answer: Document) -> Document:
        """Return the event of the finished request."""
        envelope = call.envelope
        event: Document = {"level": "RequestResponse", "auditID": str(uuid.uuid4()), "stage": "ResponseComplete"}
        event |= {"requestURI": envelope.uri, "verb": call.verb} | _users(envelope)
        event |= {"sourceIPs": [envelope.source_ip], "userAgent": envelope.agent}
        event |= {"objectRef": self._reference(call), "responseStatus": _status(code, answer)}
        event |= {} if self.request_object is None else {"requestObject": self.request_object}
        event |= {"responseObject": _response(code, answer), "requestReceivedTimestamp": self.received}
        return event | {"stageTimestamp": microsecond(), "annotations": ALLOWED}

    def _reference(self, call: Call) -> Document:
        resource = call.resource
        typed = call.verb in {"create", "update"}
        meta = lookup(self.request_object, "metadata", default={}) if typed else {}
        reference = {"resource": resource.plural, "namespace": call.namespace, "name": call.name or meta.get("name")}
        reference |= {"uid": meta.get("uid"), "apiGroup": resource.group, "apiVersion": resource.version}
        reference |= {"resourceVersion": meta.get("resourceVersion"), "subresource": call.subresource}
        return {key: value for key, value in reference.items() if value}


def _users(envelope: Envelope) -> Document:
    if envelope.impersonator is None:
        return {"user": envelope.user.document()}
    return {"user": envelope.impersonator.document(), "impersonatedUser": envelope.user.document()}


def _status(code: int, answer: Document) -> Document:
    if answer.get("kind") != "Status":
        return {"metadata": {}, "code": code}
    return {key: answer[key] for key in STATUS_FIELDS if key in answer} | {"code": code}


def _response(code: int, answer: Document) -> Document:
    if answer.get("kind") == "Status" and code >= 400:  # noqa: PLR2004 - the first of HTTP's error codes
        return answer
    return {key: value for key, value in answer.items() if answer.get("kind") != "Status" or key != "code"}


class AuditSink:
    """Sends what it is given in batches from its own thread; tries a receiver that is away again for some seconds."""

    def __init__(self, url: str, *, ca: Path | None = None, wait: float = 0.1) -> None:
        self._url = url
        self._wait = wait
        context = ssl.create_default_context(cafile=ca)
        self._pool = urllib3.PoolManager(ssl_context=context, retries=RETRIES)
        self._queue: queue.SimpleQueue[Document | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="kubernetes-api-audit", daemon=True)
        self._thread.start()

    def put(self, event: Document) -> None:
        """Queue one event."""
        self._queue.put(event)

    def close(self) -> None:
        """Send what is queued, then end."""
        self._queue.put(None)
        self._thread.join()
        self._pool.clear()

    def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._batch()
            if batch:
                self._send(batch)

    def _batch(self) -> tuple[list[Document], bool]:
        batch: list[Document] = []
        event = self._queue.get()
        while event is not None:
            batch.append(event)
            try:
                event = self._queue.get(timeout=self._wait)
            except queue.Empty:
                return batch, False
        return batch, True

    def _send(self, batch: list[Document]) -> None:
        body = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": batch})
        try:
            self._pool.request("POST", f"{self._url}?timeout=30s", body=body, headers=HEADERS, timeout=30)
        except urllib3.exceptions.HTTPError as error:
            LOGGER.warning("%d audit events were not delivered: %s", len(batch), type(error).__name__)
