from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from shared.clients.secrets import SecretReferences
from shared.errors import Invalid, LitmusGitopsError, Misconfigured

NAME = "LITMUS_GITOPS_SECRET_HOOK"


def test_a_secret_comes_from_the_environment_or_from_a_file_without_its_white_space(tmp_path: Path) -> None:
    (tmp_path / "hook.key").write_text("from a file\n")
    secrets = SecretReferences(tmp_path, {NAME: " from the environment\n"})
    assert "from the environment" == secrets(f"env:{NAME}")
    assert "from a file" == secrets("file:hook.key")


def test_a_key_of_several_lines_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "ssh").write_text("-----BEGIN-----\nabc\n-----END-----\n")
    assert "-----BEGIN-----\nabc\n-----END-----" == SecretReferences(tmp_path, {})("file:ssh")


def test_a_file_that_was_rotated_counts_at_once(tmp_path: Path) -> None:
    secrets = SecretReferences(tmp_path, {})
    for value in ("former", "present"):
        (tmp_path / "hook").write_text(value)
        assert value == secrets("file:hook")


@pytest.mark.parametrize(
    "reference",
    [
        *("", "hook", "file:", "file:../master", "file:/etc/passwd", "file:a/b", "file:.hidden", "file:a\x00b"),
        *("env:PATH", "env:HOME", "env:ADMIN_TOKEN", "env:LITMUS_GITOPS_SECRET_", f"env:{NAME}\n", f"ENV:{NAME}"),
        *("aws-sm:", "aws-sm:/a", "aws-sm:a b", "aws-sm:a#", "aws-sm:a#b#c", "aws-sm:arn:aws:x", "gcp:a"),
        "whsec_aHVudGVyMg==",
    ],
)
def test_what_is_no_reference_is_refused(tmp_path: Path, reference: str) -> None:
    secrets = SecretReferences(tmp_path / "secrets", dict(os.environ) | {NAME: "x"})
    with pytest.raises(Invalid, match="named by reference"):
        secrets(reference)


def test_a_vault_that_was_left_out_of_the_bundle_says_so(tmp_path: Path) -> None:
    def left_out() -> NoReturn:
        raise ModuleNotFoundError("No module named 'boto3'", name="boto3")

    with pytest.raises(Misconfigured, match="named as aws-sm:…, but boto3 was left out of this bundle"):
        SecretReferences(tmp_path, vaults={"aws-sm": left_out})("aws-sm:hook")


def test_a_secret_given_in_place_of_a_reference_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        SecretReferences(tmp_path, {})("hunter2")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"", b" \n\t", b"\xff\xfe", b"folder"], ids=str)
def test_a_secret_that_is_none_is_named_by_its_reference_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "hook"
    if content == b"folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured) as refused:
        SecretReferences(tmp_path, {})("file:hook")
    assert "file:hook" in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("value", [None, "", " ", "\udcff"], ids=repr)
def test_a_variable_that_holds_none_is_named(tmp_path: Path, value: str | None) -> None:
    with pytest.raises(Misconfigured, match=NAME):
        SecretReferences(tmp_path, {} if value is None else {NAME: value})(f"env:{NAME}")


def test_a_value_never_stands_in_an_error(tmp_path: Path) -> None:
    (tmp_path / "hook").write_bytes(b"hunter2\xff")
    with pytest.raises(LitmusGitopsError) as refused:
        SecretReferences(tmp_path, {})("file:hook")
    assert "hunter2" not in str(refused.value)
