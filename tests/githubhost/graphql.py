"""GitHub's GraphQL API: documents and variables are held to its own schema (npm `@octokit/graphql-schema`)."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema, build_schema, execute_sync, parse, validate
from graphql.error import GraphQLError
from graphql.execution.values import get_variable_values
from graphql.language import DocumentNode, OperationDefinitionNode

from tests.githubhost import plumbing
from tests.githubhost.world import Repository, Token

if TYPE_CHECKING:
    from tests.githubhost.server import GitHubServer


@cache
def schema(folder: Path) -> GraphQLSchema:
    """Read the schema; once in a process, in about six tenths of a second."""
    return build_schema((folder / "schema.graphql").read_text(), assume_valid=True, no_location=True)


def refused(known: GraphQLSchema, told: Any) -> list[str]:
    """Return what GitHub would not take of a request's body."""
    if not isinstance(told, dict) or not isinstance(told.get("query"), str):
        return ["GraphQL: a body is {query, variables}"]
    try:
        document = parse(told["query"])
    except GraphQLError as error:
        return [f"GraphQL: {error.message}"]
    problems = [f"GraphQL: {error.message}" for error in validate(known, document)]
    if not problems:
        problems += [
            f"GraphQL: {error.message}" for error in _wrong_values(known, document, told.get("variables") or {})
        ]
    return problems


def _wrong_values(known: GraphQLSchema, document: DocumentNode, given: dict[str, Any]) -> list[GraphQLError]:
    found: list[GraphQLError] = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            values = get_variable_values(known, node.variable_definitions or (), given)
            found += values if isinstance(values, list) else []
    return found


def answered(server: GitHubServer, token: Token, told: Any) -> dict[str, Any]:
    """Carry a document out; refusals come with status 200, as GitHub's do."""
    known = schema(server.graphql_folder)
    root = {"createCommitOnBranch": lambda _, **arguments: _commit(server, token, arguments["input"])}
    result = execute_sync(known, parse(told["query"]), root_value=root, variable_values=told.get("variables"))
    errors = [_error(error) for error in result.errors or ()]
    return {"data": result.data, **({"errors": errors} if errors else {})}


class _Refused(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _commit(server: GitHubServer, token: Token, told: dict[str, Any]) -> dict[str, Any]:
    name, branch = told["branch"]["repositoryNameWithOwner"], told["branch"]["branchName"]
    repository = server.repositories.get(name.lower())
    if repository is None:
        raise _Refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")
    if not token.may("contents", "write"):
        raise _Refused("FORBIDDEN", "Resource not accessible by integration")
    ref, expected = f"refs/heads/{branch.removeprefix('refs/heads/')}", told["expectedHeadOid"]
    _check(repository, ref, expected, told["fileChanges"])
    made = _made(repository, expected, told)
    if not plumbing.moved(repository.folder, ref, made, expected):
        raise _stale(expected)
    return {"clientMutationId": told.get("clientMutationId"), "commit": {"oid": made}}


def _check(repository: Repository, ref: str, expected: str, changes: dict[str, Any]) -> None:
    head = plumbing.commit(repository.folder, ref)
    if not head:
        raise _Refused("NOT_FOUND", f"The branch {ref} does not exist")
    if head != expected:
        raise _stale(expected)
    if ref.removeprefix("refs/heads/") in repository.protected:
        raise _Refused(
            "UNPROCESSABLE", "Repository rule violations found\n\nChanges must be made through a pull request."
        )
    for one in changes.get("deletions") or ():
        if not plumbing.exists(repository.folder, expected, one["path"]):
            message = f"A path was requested for deletion which does not exist as of commit oid `{expected}`"
            raise _Refused("UNPROCESSABLE", message)


def _made(repository: Repository, expected: str, told: dict[str, Any]) -> str:
    changes, message = told["fileChanges"], told["message"]
    files = {one["path"]: base64.b64decode(one["contents"], validate=True) for one in changes.get("additions") or ()}
    gone = [one["path"] for one in changes.get("deletions") or ()]
    text = "\n\n".join(part for part in (message["headline"], message.get("body")) if part)
    return plumbing.written(repository.folder, expected, files, gone, text)


def _stale(expected: str) -> _Refused:
    return _Refused("STALE_DATA", f'Expected branch to point to "{expected}" but it did not. Pull and try again.')


def _error(error: GraphQLError) -> dict[str, Any]:
    kind = error.original_error.kind if isinstance(error.original_error, _Refused) else "INTERNAL"
    return {"type": kind, "path": error.path, "message": error.message, "locations": [{"line": 1, "column": 1}]}
