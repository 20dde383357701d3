"""The function that does nothing: what every other one is measured against."""  # noqa: INP001 - loaded by path

import flask


def empty(request: flask.Request) -> dict[str, str]:
    """Read the body, as all do, and answer."""
    request.get_data()
    return {"status": "ok"}
