"""Google's REST APIs, called in the name of the service account that this process runs as."""

from __future__ import annotations

import threading
from http.client import HTTPException
from typing import Any, Final

import google.auth
import msgspec
import urllib3
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.urllib3 import Request
from urllib3.exceptions import HTTPError

from shared.errors import Misconfigured, Unavailable
from shared.model.calls import Answer

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT: Final = urllib3.Timeout(connect=1.0, read=3.0)
_MOST: Final = 1 << 20


class Google:
    """One line to Google; credentials are looked for at the first call, as Google's own libraries look for them.

    With `anonymous` none are, which is for emulators. Nothing is repeated.
    """

    def __init__(self, *, anonymous: bool = False) -> None:
        self._anonymous = anonymous
        self._pool = urllib3.PoolManager(maxsize=4, timeout=_TIMEOUT, retries=False)
        self._request = Request(self._pool)  # type: ignore[no-untyped-call] # Google's own has no types, here and below
        self._lock = threading.Lock()
        self._found: tuple[Any, str | None] | None = None

    def call(self, method: str, url: str, document: object = None) -> Answer:
        """Send a document as JSON and return the answer.

        Raises `Misconfigured` where there are no credentials, `Unavailable` where no answer comes within seconds.
        """
        headers = {"content-type": "application/json"}
        if not self._anonymous:
            headers |= self._token(method, url)
        body = None if document is None else msgspec.json.encode(document)
        try:
            answer = self._pool.request(method, url, body=body, headers=headers, redirect=False, preload_content=False)
            try:
                return Answer(answer.status, answer.read(_MOST))
            finally:
                answer.release_conn()
        except (HTTPError, HTTPException, OSError) as error:
            raise Unavailable(f"{url.partition('?')[0]} does not answer: {type(error).__name__}") from error

    @property
    def project(self) -> str:
        """The project that the credentials belong to: `Misconfigured` if they tell none."""
        with self._lock:
            _, project = self._credentials()
        if not project:
            raise Misconfigured("no Google Cloud project is known here: set GOOGLE_CLOUD_PROJECT")
        return project

    def _token(self, method: str, url: str) -> dict[str, str]:
        """Return the headers that say who we are; one caller asks for a new token while the others wait for it."""
        headers: dict[str, str] = {}
        with self._lock:
            credentials, _ = self._credentials()
            try:
                credentials.before_request(self._request, method, url, headers)
            except GoogleAuthError as error:
                raise Unavailable(f"Google gives this service account no token: {type(error).__name__}") from error
        return headers

    def _credentials(self) -> tuple[Any, str | None]:
        if self._found is None:
            try:
                self._found = google.auth.default(scopes=_SCOPES, request=self._request)
            except DefaultCredentialsError as error:
                raise Misconfigured(
                    "there are no credentials for Google Cloud here: run as a service account, or name a key file in "
                    "GOOGLE_APPLICATION_CREDENTIALS"
                ) from error
        return self._found
