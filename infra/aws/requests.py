"""Requests as API Gateway's HTTP APIs and Function URLs hand them over (payload format 2.0), answered by a function."""

from __future__ import annotations

import json
from typing import Any, Final
from wsgiref.types import WSGIApplication

from apig_wsgi import make_lambda_handler

from shared.edge.functions import problem
from shared.errors import LitmusGitopsError, TooLarge

MOST: Final = 6 << 20
"""Bytes that Lambda takes and gives in one call (AWS Lambda quotes: "Invocation payload, synchronous")."""

GATEWAY: Final = 29.0
"""Seconds within which an answer has to be there: API Gateway gives up at thirty."""

_SURELY_FITS: Final = MOST // 13
"""Characters of a body that fit however JSON writes them: none takes more than the six of a `\\u` escape."""

Event = dict[str, Any]


class Requests:
    """Answers one function's requests."""

    def __init__(self, app: WSGIApplication) -> None:
        self._answer = make_lambda_handler(app)

    def __call__(self, event: Event, context: object) -> Event:
        """Answer a request; what Lambda cannot carry is refused in words, where AWS would only say that it fails."""
        size = len(event.get("body") or "")
        if size > MOST:
            return _refused(
                TooLarge(
                    f"the body has {size} bytes, Lambda takes {MOST}: send less; of a push nothing is lost, the next "
                    "look at the repository finds it"
                )
            )
        answer: Event = self._answer(event, context)
        if len(answer["body"]) > _SURELY_FITS and (size := len(json.dumps(answer))) > MOST:
            return _refused(
                LitmusGitopsError(f"the answer has {size} bytes, Lambda gives {MOST}: ask for a smaller page")
            )
        return answer


def _refused(error: LitmusGitopsError) -> Event:
    answer = problem(error)
    return {
        "statusCode": answer.status,
        "headers": {name.lower(): value for name, value in answer.headers.items()},
        "body": json.dumps(answer.body),
        "isBase64Encoded": False,
    }
