"""Google on loopback: its metadata server, Pub/Sub, Secret Manager and certificates, and the keys behind them."""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt

PROJECT = "acme"
TOKEN = "ya29.of-the-metadata-server"
ISSUER = "https://accounts.google.com"


@dataclass(frozen=True)
class SigningKey:
    """A key of Google's, with the certificate that it publishes."""

    id: str
    pem: bytes
    certificate: str

    def token(self, **claims: Any) -> str:
        """Return a token that says so, signed."""
        signer = crypt.RSASigner.from_string(self.pem, self.id)  # type: ignore[no-untyped-call] # Google's has no types
        token: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call] # likewise
        return token.decode()


@cache
def signing_key(name: str) -> SigningKey:
    """Return the key of this name, the same in the whole run."""
    key, now = rsa.generate_private_key(65537, 2048), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.system.gserviceaccount.com")])
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    dated = built.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = dated.serial_number(x509.random_serial_number()).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return SigningKey(name, pem, certificate.public_bytes(serialization.Encoding.PEM).decode())


def claims(audience: str, account: str, **other: Any) -> dict[str, Any]:
    """Return what a token of one of Google's services says."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": audience, "email": account, "email_verified": True, "iat": now, "exp": now + 3600}
    return said | other


@dataclass
class GoogleServer:
    """What it serves may be changed at any time; `status`, if set, is what everything but metadata is answered."""

    secrets: dict[str, bytes] = field(default_factory=dict)
    keys: list[SigningKey] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)
    published: list[tuple[str, list[str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    unauthorized: bool = False
    status: int | None = None

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def ids(self) -> list[tuple[str, str]]:
        """Every message that was published: the last part of its topic, and its data."""
        return [(topic.rpartition("/")[2], one) for topic, ids in self.published for one in ids]

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, object]:
        """Return status and document for one request."""
        self.asked.append(f"{method} {path}")
        if path == "/" or path.startswith("/computeMetadata/v1/"):
            return 200, self._metadata(path.removeprefix("/computeMetadata/v1/"))
        if self.status is not None:
            return self.status, {"error": {"message": "so it was said"}}
        if path == "/certs":
            return 200, {key.id: key.certificate for key in self.keys}
        if not self.unauthorized and authorization != f"Bearer {TOKEN}":
            return 401, {}
        if path.endswith(":access"):
            return self._secret(path.removeprefix("/v1/").removesuffix("/versions/latest:access"))
        return self._publish(path.removeprefix("/v1/").removesuffix(":publish"), body)

    def _metadata(self, path: str) -> object:
        if path == "project/project-id":
            return PROJECT
        if path.endswith("/token"):
            return {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        return {"email": "functions@acme.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}

    def _secret(self, name: str) -> tuple[int, object]:
        if name not in self.secrets:
            return 404, {}
        return 200, {"name": name, "payload": {"data": base64.b64encode(self.secrets[name]).decode()}}

    def _publish(self, topic: str, body: bytes) -> tuple[int, object]:
        if topic not in self.topics:
            return 404, {}
        messages = json.loads(body)["messages"]
        assert len(messages) <= 1000
        self.published.append((topic, [base64.b64decode(one["data"]).decode() for one in messages]))
        return 200, {"messageIds": [str(number) for number in range(len(messages))]}


def _handler(google: GoogleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["content-length"])))

        def _answer(self, body: bytes) -> None:
            path = urlsplit(self.path).path
            status, document = google.answer(self.command, path, self.headers.get("authorization", ""), body)
            data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("metadata-flavor", "Google")
            self.send_header("content-type", "application/text" if isinstance(document, str) else "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
