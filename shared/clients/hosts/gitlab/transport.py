"""python-gitlab's transport on our own line: its session has neither our deadlines nor our CA bundle and proxy."""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from gitlab._backends.requests_backend import RequestsBackend, RequestsResponse
from requests.structures import CaseInsensitiveDict

from shared.clients.hosts.refusals import refused
from shared.clients.hosts.web import Line, Reply


class Transport(RequestsBackend):
    """Sends once; a rate limit is our `NotYet`, since python-gitlab's errors do not say how long it lasts."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def http_request(  # noqa: PLR0913, PLR0917 - python-gitlab's signature
        self,
        method: str,
        url: str,
        json: dict[str, Any] | bytes | None = None,
        data: Any = None,
        params: Any | None = None,
        timeout: float | None = None,
        verify: bool | str | None = True,  # noqa: FBT001, FBT002 - likewise
        stream: bool | None = False,  # noqa: FBT001, FBT002 - likewise
        **kwargs: Any,
    ) -> RequestsResponse:
        """Send JSON, and return the answer in requests' shape."""
        del data, timeout, verify, stream
        asked = requests.Request(method.upper(), url, kwargs["headers"], params=params, json=json, auth=kwargs["auth"])
        ready = asked.prepare()
        headers = {name: str(value) for name, value in ready.headers.items()}
        body = ready.body.decode() if isinstance(ready.body, bytes) else None
        reply = self._line.send(method.upper(), str(ready.url), headers, body)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise refused(urlsplit(url).netloc, "this", reply.status, "", reply.headers)
        return RequestsResponse(_response(url, reply))


def _response(url: str, reply: Reply) -> requests.Response:
    made = requests.Response()
    made.url, made.status_code, made.reason = url, reply.status, ""
    made.headers = CaseInsensitiveDict(reply.headers)
    made.raw = io.BytesIO(reply.text.encode())
    made.encoding = "utf-8"
    return made
