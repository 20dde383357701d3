"""One file of a project's folder: an experiment, a policy, or what is wrong with it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

import msgspec

from shared.model.experiments import Manifest, Problem
from shared.model.policies import Policy
from shared.wire.documents import Document, Flaw
from shared.wire.manifests import kind_of, read_manifest
from shared.wire.metadata import name_of
from shared.wire.policies import KIND, read_policy
from shared.wire.yaml import MAX_BYTES, read_yaml

_POLICY: Final = re.compile(
    rb"(?:^[\"']?|\A\s*\{[^{}]*[\"'])kind[\"']?[ ]*:[ ]*[\"']?EventTrackerPolicy\b", re.MULTILINE
)


def read_file(path: str, text: bytes) -> Manifest | Policy | Problem:
    """Read a file; a broken one that is, or says it is, a policy comes back as a `Policy` with its `problem`.

    So an invalid policy stays known as one, and cannot bring the default back.
    """
    read = read_yaml(text)
    if isinstance(read, Problem):
        return _broken(path, read) if _POLICY.search(text[:MAX_BYTES]) else read
    try:
        kind = kind_of(read.root)
    except Flaw as flaw:
        return flaw.problem
    return _policy(path, read) if kind == KIND else read_manifest(read)


def read_policy_file(path: str, text: bytes) -> Policy:
    """Read a file that is to be a policy: what is none comes back as one with its `problem`."""
    read = read_file(path, text)
    if isinstance(read, Policy):
        return read
    none = Problem("this is no EventTrackerPolicy", 1, 1) if isinstance(read, Manifest) else read
    return _broken(path, none)


def _policy(path: str, document: Document) -> Policy:
    read = read_policy(document)
    if isinstance(read, Policy):
        return msgspec.structs.replace(read, path=path)
    return msgspec.structs.replace(_broken(path, read), name=_name(path, document))


def _name(path: str, document: Document) -> str:
    try:
        return name_of(document.root.get("metadata"))
    except Flaw:
        return PurePosixPath(path).stem


def _broken(path: str, problem: Problem) -> Policy:
    return Policy(name=PurePosixPath(path).stem, path=path, problem=problem)
