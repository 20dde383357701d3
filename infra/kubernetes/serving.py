"""gunicorn's settings for a function in a pod: TLS if TLS_FOLDER is set, with the certificate that is there by now.

With CLIENT_CA, a PEM file, only those are answered whose certificate one of its authorities vouches for.

Beside `main.py` in the image: `gunicorn --config /app/serving.py`. gunicorn asks for the context of each connection, so
a rotated Secret is served from the next connection on; a pair that does not fit together, as while it is being
replaced, leaves the last good one in use.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

TLS_FOLDER: Final = os.environ.get("TLS_FOLDER", "")
CLIENT_CA: Final = os.environ.get("CLIENT_CA", "")
SOURCE: Final = os.environ.get("FUNCTION_SOURCE") or str(Path(__file__).with_name("main.py"))
TARGET: Final = os.environ.get("FUNCTION_TARGET") or "subscriber"

wsgi_app = f"functions_framework:create_app({TARGET!r}, {SOURCE!r})"
preload_app = True  # the function starts its threads in the worker that is forked off it
worker_class = "gthread"
workers = 1
threads = int(os.environ.get("THREADS") or 16)
timeout = 0
graceful_timeout = 10
keepalive = 75  # the API server keeps its connections
control_socket_disable = True  # nothing but /tmp can be written
bind = f"{os.environ.get('HOST') or '0.0.0.0'}:{os.environ.get('PORT') or (8443 if TLS_FOLDER else 8080)}"  # noqa: S104 - a pod's own network
if TLS_FOLDER:
    certfile = str(Path(TLS_FOLDER) / "tls.crt")
    keyfile = str(Path(TLS_FOLDER) / "tls.key")
if CLIENT_CA:
    ca_certs = CLIENT_CA
    cert_reqs = ssl.CERT_REQUIRED

_log = logging.getLogger("litmus_gitops.tls")
_Stamp = tuple[tuple[int, int], ...]
_last: list[tuple[_Stamp, ssl.SSLContext]] = []


def ssl_context(_: object, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return the context of the pair that is there: anew if a file is another, else the last."""
    try:
        stamp = _stamp()
        if not _last or _last[-1][0] != stamp:
            _last[:] = [(stamp, _modern(make()))]
    except (OSError, ssl.SSLError) as error:
        if not _last:
            raise
        _log.warning("the certificate cannot be loaded, the last one stays: %s", error)
    return _last[-1][1]


def _stamp() -> _Stamp:
    found = (Path(path).stat() for path in (certfile, keyfile, CLIENT_CA) if path)
    return tuple((one.st_ino, one.st_mtime_ns) for one in found)


def _modern(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
