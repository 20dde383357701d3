"""What Litmus' own event tracker says to its ChaosCenter: the GraphQL mutation `gitopsNotifier`.

Source of the fields: litmuschaos/litmus 3.31, `gitops.graphqls` and `chaos_infrastructure.graphqls` (InfraIdentity).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from graphql import DocumentNode, FieldNode, OperationDefinitionNode

FIELD: Final = "gitopsNotifier"
MOST_TOKENS: Final = 2_000
"""Words of a document that is looked into: the mutation has some thirty."""


class Notification(msgspec.Struct, frozen=True):
    """A tracker on chaos infrastructure `infra` saw a change of a workload that names `experiment`."""

    infra: str
    access_key: str
    experiment: str
    answers: str = FIELD

    def __repr__(self) -> str:
        return f"Notification({self.infra!r}, {self.experiment!r})"


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


_decoder = msgspec.json.Decoder(_Request)


def read_notification(body: bytes) -> Notification | None:
    """Return the notification in a GraphQL request, None for any other operation, and for what is no GraphQL."""
    from graphql import GraphQLError, parse  # noqa: PLC0415 - the portal alone reads GraphQL, and seldom

    try:
        request = _decoder.decode(body)
        document = parse(request.query, no_location=True, max_tokens=MOST_TOKENS)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, GraphQLError):
        return None
    operation = _operation(document, request.operation_name)
    field = _only_field(operation) if operation else None
    return _notification(field, request.variables or {}) if field else None


def answer(notification: Notification, said: str) -> dict[str, object]:
    """Return the answer to a notification, as GraphQL has it."""
    return {"data": {notification.answers: said}}


def refusal(said: str) -> dict[str, object]:
    """Return a refused notification, as GraphQL has it."""
    return {"data": None, "errors": [{"message": said, "path": [FIELD]}]}


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    from graphql import OperationDefinitionNode  # noqa: PLC0415 - likewise

    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    chosen = [one for one in found if name is None or (one.name and one.name.value == name)]
    return chosen[0] if len(chosen) == 1 else None


def _only_field(operation: OperationDefinitionNode) -> FieldNode | None:
    from graphql import FieldNode, OperationType  # noqa: PLC0415 - likewise

    fields = operation.selection_set.selections
    if operation.operation is not OperationType.MUTATION or len(fields) != 1:
        return None
    field = fields[0]
    return field if isinstance(field, FieldNode) and field.name.value == FIELD else None


def _notification(field: FieldNode, variables: Mapping[str, Any]) -> Notification | None:
    from graphql import value_from_ast_untyped  # noqa: PLC0415 - likewise

    given = {one.name.value: value_from_ast_untyped(one.value, dict(variables)) for one in field.arguments or ()}
    info = given.get("clusterInfo")
    texts = list(_texts(given, info if isinstance(info, dict) else {}))
    if not all(texts):
        return None
    infra, access_key, experiment = texts
    return Notification(infra, access_key, experiment, field.alias.value if field.alias else FIELD)


def _texts(given: Mapping[str, Any], info: Mapping[str, Any]) -> Iterator[str]:
    for value in (info.get("infraID"), info.get("accessKey"), given.get("experimentID")):
        yield value if isinstance(value, str) and len(value) <= 253 else ""  # noqa: PLR2004 - of Kubernetes' names
