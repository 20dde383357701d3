"""The API over HTTP: who calls, which handler answers, refusals as `Status`, watches as streams."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from infra.demo.kubernetes_api import audit, calls, discovery, refusals
from infra.demo.kubernetes_api.admission import Admission
from infra.demo.kubernetes_api.catalogue import Catalogue
from infra.demo.kubernetes_api.reads import Reads
from infra.demo.kubernetes_api.watches import Watch, encoded
from infra.demo.kubernetes_api.writes import Writes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from infra.demo.kubernetes_api.calls import Call, Envelope, User
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.storage import Storage

HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Api:
    """One API server's parts; `users` are those who may call, by bearer token, and may do everything."""

    def __init__(self, storage: Storage, users: Mapping[str, User]) -> None:
        self._storage = storage
        self._users = users
        self._catalogue = Catalogue()
        self._reads = Reads(storage)
        self._admission = Admission(storage)
        self._writes = Writes(storage, self._catalogue, self._admission)
        self.audit: audit.AuditSink | None = None
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=METHODS)])

    async def _answer(self, request: Request) -> Response:
        if request.url.path in HEALTH:
            return Response("ok", media_type="text/plain")
        try:
            envelope = await self._envelope(request)
            if discovery.is_discovery(request.url.path):
                return _json(HTTPStatus.OK, discovery.discover(self._catalogue, request.url.path))
            call = calls.read(envelope, self._catalogue, request.url.path)
            return await self._handle(call)
        except refusals.Refusal as refusal:
            return _json(refusal.code, refusal.document())

    async def _envelope(self, request: Request) -> Envelope:
        headers = request.headers
        token = headers.get("authorization", "").removeprefix("Bearer ").strip()
        user = self._users.get(token)
        if user is None:
            raise refusals.unauthorized()
        impersonator = None
        if acted := headers.get("impersonate-user"):
            impersonator, user = user, calls.impersonated(acted, tuple(headers.getlist("impersonate-group")))
        uri = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        media_type = headers.get("content-type", calls.JSON_TYPE).partition(";")[0].strip()
        body = await request.body()
        source = request.client.host if request.client else ""
        agent = headers.get("user-agent", "")
        query = request.query_params
        return calls.Envelope(request.method, uri, query, user, impersonator, agent, media_type, body, source)

    async def _handle(self, call: Call) -> Response:
        if call.verb == "watch":
            return await self._watch(call)
        code, document = await run_in_threadpool(self._document, call)
        return _json(code, document)

    def _document(self, call: Call) -> tuple[int, Document]:
        handlers: dict[str, Callable[[Call], Document]] = {"get": self._reads.get, "list": self._reads.select}
        if call.verb in handlers:
            return HTTPStatus.OK, handlers[call.verb](call)
        trail = audit.Trail()
        try:
            code, document = self._written(call, trail)
        except refusals.Refusal as refusal:
            code, document = refusal.code, refusal.document()
        if self.audit is not None and call.resource.plural in audit.AUDITED:
            self.audit.put(trail.event(call, code, document))
        return code, document

    def _written(self, call: Call, trail: audit.Trail) -> tuple[int, Document]:
        if (call.verb == "create") == bool(call.name):
            raise refusals.method_not_allowed()
        writers = {"create": self._writes.create, "update": self._writes.update, "patch": self._writes.patch}
        return writers.get(call.verb, self._writes.delete)(call, trail)

    async def _watch(self, call: Call) -> Response:
        try:
            watch = Watch(self._reads, call)
        except refusals.Refusal as refusal:
            if refusal.code != HTTPStatus.GONE:
                raise
            error = {"type": "ERROR", "object": refusal.document()}
            return Response(encoded(error), media_type=calls.JSON_TYPE)
        return StreamingResponse(watch.lines(), media_type=calls.JSON_TYPE)

    def end_watches(self) -> None:
        """Let every watch end."""
        self._storage.end_following()

    def close(self) -> None:
        """Close what was opened towards others."""
        self._admission.close()
        if self.audit is not None:
            self.audit.close()


def _json(code: int, document: Document) -> Response:
    return Response(json.dumps(document), code, media_type=calls.JSON_TYPE)
