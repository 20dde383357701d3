"""The page at `/`: one static document that reads the API with the owner's token; it holds no data itself."""

from __future__ import annotations

from importlib.resources import files

from shared.model.calls import Answer, Call, Route

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_MEDIA = {"page.html": "text/html; charset=utf-8", "page.css": "text/css", "page.js": "text/javascript"}


def routes() -> list[Route]:
    """Return the routes of the page and its two assets."""
    return [
        Route("GET", "/", _Static("page.html")),
        Route("GET", "/page.css", _Static("page.css")),
        Route("GET", "/page.js", _Static("page.js")),
    ]


class _Static:
    def __init__(self, name: str) -> None:
        self._body = files("shared.services.api").joinpath(name).read_bytes()
        self._headers = _HEADERS | {"Content-Type": _MEDIA[name]}

    def __call__(self, _: Call) -> Answer:
        return Answer(200, self._body, self._headers)
