"""The answers by which the API server refuses, each a `Status` with the reason that clients look at."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.demo.kubernetes_api.documents import Document
    from infra.demo.kubernetes_api.resources import Resource

PATCH_TYPES = "application/json-patch+json, application/merge-patch+json"


class Refusal(Exception):
    """One refusal: HTTP code, machine-readable reason, sentence and the object that it is about."""

    def __init__(self, code: int, reason: str, message: str, details: Document | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details

    def document(self) -> Document:
        """Return the `Status` object of the answer's body."""
        body: Document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        body |= {"message": str(self)} | ({"reason": self.reason} if self.reason else {})
        if self.details is not None:
            body["details"] = self.details
        return body | {"code": self.code}


def about(resource: Resource, name: str) -> Document:
    """Return the `details` that name an object; its `kind` is the plural, as the API server has it."""
    details: Document = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}


def not_found(resource: Resource, name: str) -> Refusal:
    """Refuse because nothing has this name."""
    message = f'{resource.group_resource} "{name}" not found'
    return Refusal(HTTPStatus.NOT_FOUND, "NotFound", message, about(resource, name))


def no_such_path() -> Refusal:
    """Refuse because no such resource is served."""
    message = "the server could not find the requested resource"
    return Refusal(HTTPStatus.NOT_FOUND, "NotFound", message, {})


def already_exists(resource: Resource, name: str) -> Refusal:
    """Refuse a create because the name is taken."""
    message = f'{resource.group_resource} "{name}" already exists'
    return Refusal(HTTPStatus.CONFLICT, "AlreadyExists", message, about(resource, name))


def conflict(resource: Resource, name: str, why: str) -> Refusal:
    """Refuse a write whose precondition does not hold."""
    message = f'Operation cannot be fulfilled on {resource.group_resource} "{name}": {why}'
    return Refusal(HTTPStatus.CONFLICT, "Conflict", message, about(resource, name))


def stale(resource: Resource, name: str) -> Refusal:
    """Refuse a write that was made from an older resourceVersion."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def expired(asked: int, oldest: int) -> Refusal:
    """Refuse to watch from a resourceVersion that the history no longer reaches."""
    message = f"too old resource version: {asked} ({oldest})"
    return Refusal(HTTPStatus.GONE, "Expired", message)


def version_at_birth() -> Refusal:
    """Refuse to create an object that names a resourceVersion; the API server gives no reason but the sentence."""
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "", "resourceVersion should not be set on objects to be created")


def bad_request(message: str) -> Refusal:
    """Refuse what cannot be read."""
    return Refusal(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def invalid(resource: Resource, name: str, field: str, why: str) -> Refusal:
    """Refuse an object that breaks a rule, naming the field."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = about(resource, name) | {"kind": resource.kind, "causes": [{"message": why, "field": field}]}
    message = f'{kind} "{name}" is invalid: {field}: {why}'
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details)


def unsupported(accepted: str = PATCH_TYPES) -> Refusal:
    """Refuse a media type."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message, {})


def method_not_allowed() -> Refusal:
    """Refuse a verb that the resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message, {})


def unauthorized() -> Refusal:
    """Refuse a caller without a known token."""
    return Refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def internal(message: str) -> Refusal:
    """Refuse because something that the write depends on failed."""
    sentence = f"Internal error occurred: {message}"
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", sentence, {"causes": [{"message": message}]})
