"""Tokens by which Google's services say who they are: OpenID Connect, signed by Google."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

from shared.clients.google import Google
from shared.errors import Unauthenticated, Unavailable

CERTIFICATES: Final = "https://www.googleapis.com/oauth2/v1/certs"
"""Google's certificates in PEM, by key id."""
ISSUERS: Final = frozenset({"https://accounts.google.com", "accounts.google.com"})
KEPT: Final = 3600.0
"""Seconds that certificates are used for; Google announces a key for longer before it signs with it."""
SOONEST: Final = 60.0
"""Seconds between two looks for a key that is not among them, so that made-up ids cost Google and us nothing."""
_SKEW: Final = 30
_LONGEST: Final = 8_192


class Certificates:
    """Google's certificates, asked for at first use and when a token names a key that is not among them."""

    def __init__(self, google: Google, url: str = CERTIFICATES, clock: Callable[[], float] = time.monotonic) -> None:
        self._google = google
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._kept: Mapping[str, str] = {}

    def of(self, key_id: object) -> Mapping[str, str]:
        """Return the certificates: `Unavailable` if they have to be asked for and no answer comes."""
        with self._lock:
            age = self._clock() - self._at
            if age >= KEPT or (key_id not in self._kept and age >= SOONEST):
                self._kept, self._at = self._asked(), self._clock()
            return self._kept

    def _asked(self) -> Mapping[str, str]:
        answer = self._google.call("GET", self._url)
        if answer.status != 200 or not isinstance(answer.body, bytes):  # noqa: PLR2004 - HTTP: success
            raise Unavailable(f"Google's certificates cannot be read now (status {answer.status})")
        return msgspec.json.decode(answer.body, type=dict[str, str])


class Tokens:
    """Verifies `Authorization: Bearer …` for one audience."""

    def __init__(self, certificates: Certificates, audience: str) -> None:
        self._certificates = certificates
        self._audience = audience

    def verify(self, headers: Mapping[str, str], account: str) -> None:
        """Return if Google signed the token, for this audience, for this service account, and it is still valid.

        Raises `Unauthenticated` otherwise, without a word of the token.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST:
            raise Unauthenticated("no token of Google's: send Authorization: Bearer with an OpenID Connect token")
        claims = self._claims(token)
        if claims.get("iss") not in ISSUERS:
            raise Unauthenticated("the token was issued by somebody else than Google")
        email = str(claims.get("email", ""))
        if claims.get("email_verified") is not True or not hmac.compare_digest(email.encode(), account.encode()):
            raise Unauthenticated(f"the token is for another account than {account}")

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header: Mapping[str, Any] = jwt.decode_header(token)  # type: ignore[no-untyped-call] # Google's own has no types
            found = self._certificates.of(header.get("kid"))
            claims: Mapping[str, Any] = jwt.decode(  # type: ignore[no-untyped-call] # likewise
                token, certs=_one(found, header), audience=self._audience, clock_skew_in_seconds=_SKEW
            )
        except (GoogleAuthError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise Unauthenticated(
                f"the token does not hold: it must be signed by Google, still valid, and made out to {self._audience}"
            ) from error
        return claims


def _one(certificates: Mapping[str, str], header: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the certificate of the key that the token names; one that names none is held to no other."""
    return {header["kid"]: certificates[header["kid"]]}
