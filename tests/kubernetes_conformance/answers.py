"""What the API answers, where the client's models hide it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException


def refused(call: Callable[..., Any], *arguments: Any, **more: Any) -> tuple[int, str]:
    """The code and the reason, "" where there is none, of the `Status` that the call is answered with."""
    status = refusal(call, *arguments, **more)
    return status["code"], status.get("reason", "")


def refusal(call: Callable[..., Any], *arguments: Any, **more: Any) -> dict[str, Any]:
    """The whole `Status`, which has the code of the answer."""
    with pytest.raises(ApiException) as caught:
        call(*arguments, **more)
    body: dict[str, Any] = json.loads(str(caught.value.body))
    assert (body["kind"], body["status"], body["code"]) == ("Status", "Failure", caught.value.status)
    return body


def raw(client: ApiClient, method: str, path: str, body: Any = None, media_type: str = "application/json") -> Any:
    """The decoded body of the answer, as the server wrote it; an ApiException where it refuses."""
    headers = {"Accept": "application/json", "Content-Type": media_type}
    request = client.param_serialize(method, path, header_params=headers, body=body, auth_settings=["BearerToken"])
    answer: Any = client.call_api(*request)
    answer.read()
    checked = client.response_deserialize(answer, {"200": "object", "201": "object"})
    return json.loads(checked.raw_data)
