"""The three manners of delivering a push: who may speak, and what is understood."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from shared.errors import BadInput, LitmusGitopsError, Unauthenticated
from shared.model.deliveries import Ignored, Pull, Push
from shared.wire import git_hook, github, gitlab, standard_webhooks
from shared.wire.pushes import Secret

NOW = 1_790_000_000.0
OLD = Secret("file:old", "former-secret")
NEW = Secret("file:new", "present-secret")
SIGNING = Secret("file:signing", "whsec_" + base64.b64encode(b"k" * 24).decode())
BOTH = [OLD, NEW]
BODY = json.dumps({"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40}).encode()
SPEAKERS = [pytest.param(module, id=module.__name__.rsplit(".", 1)[-1]) for module in (github, gitlab, git_hook)]


def _headers(speaker: ModuleType, secret: Secret, body: bytes) -> dict[str, str]:
    if speaker is github:
        signature = github.signature(secret.value, body).decode()
        return {"x-github-event": "push", "x-github-delivery": "d-1", "x-hub-signature-256": signature}
    if speaker is gitlab:
        return {"x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": "d-1", "x-gitlab-token": secret.value}
    return standard_webhooks.sign(standard_webhooks.key_of(secret.value), "d-1", int(NOW), body)


def test_githubs_published_signature_is_made() -> None:
    expected = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert expected == github.signature("It's a Secret to Everybody", b"Hello, World!")


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("secret", BOTH, ids=["former", "present"])
def test_each_live_secret_is_accepted_and_named(speaker: ModuleType, secret: Secret) -> None:
    headers = _headers(speaker, secret, BODY)
    assert speaker.speaks(headers)
    assert secret == speaker.verify(headers, BODY, BOTH, NOW)


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_another_secret_is_refused_without_being_shown(speaker: ModuleType) -> None:
    headers = _headers(speaker, Secret("x", "stranger"), BODY)
    with pytest.raises(Unauthenticated) as refused:
        speaker.verify(headers, BODY, BOTH, NOW)
    assert "secret" not in str(refused.value).replace("different secrets", "")


@pytest.mark.parametrize("speaker", [github, git_hook], ids=["github", "git_hook"])
def test_an_altered_body_is_refused(speaker: ModuleType) -> None:
    with pytest.raises(Unauthenticated):
        speaker.verify(_headers(speaker, NEW, BODY), BODY + b" ", BOTH, NOW)


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_an_unsigned_delivery_is_refused(speaker: ModuleType) -> None:
    with pytest.raises(Unauthenticated, match="unsigned"):
        speaker.verify({}, BODY, BOTH, NOW)


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_push_is_read(speaker: ModuleType) -> None:
    push = speaker.read(_headers(speaker, NEW, BODY), BODY)
    assert isinstance(push, Push)
    assert ("d-1", "refs/heads/main", "b" * 40) == (push.delivery, push.ref, push.after)
    assert push.speaker == speaker.__name__.rsplit(".", 1)[-1].removesuffix("_hook")


def _pull(speaker: ModuleType, action: object, /, **wrong: object) -> tuple[dict[str, str], bytes]:
    """A pull request delivery's headers and body; `wrong` replaces fields at the top."""
    if speaker is github:
        request = {"head": {"sha": "b" * 40}, "base": {"ref": "main"}}
        return {"x-github-event": "pull_request"}, json.dumps(
            {"action": action, "number": 12, "pull_request": request} | wrong
        ).encode()
    attributes = {"iid": 12, "target_branch": "main", "last_commit": {"id": "b" * 40}, "action": action}
    return {"x-gitlab-event": "Merge Request Hook"}, json.dumps({"object_attributes": attributes | wrong}).encode()


LIFE = [
    *((github, word) for word in ("opened", "synchronize", "reopened", "closed", "edited", "ready_for_review")),
    *((github, word) for word in ("synchronized", "converted_to_draft")),
    *((gitlab, word) for word in ("open", "update", "reopen", "close", "merge")),
]


@pytest.mark.parametrize(("speaker", "action"), LIFE, ids=[f"{s.__name__[12:]}-{word}" for s, word in LIFE])
def test_a_pull_request_that_came_or_changed_is_read(speaker: ModuleType, action: str) -> None:
    found = speaker.read(*_pull(speaker, action))
    expected = Pull(found.delivery, 12, action, "b" * 40, "main", "github" if speaker is github else "gitlab")
    assert expected == found


@pytest.mark.parametrize(
    ("speaker", "action"),
    [
        *(pytest.param(github, word, id=word) for word in ("labeled", "assigned", "locked", "opened ", "")),
        *(pytest.param(gitlab, word, id=str(word)) for word in ("approved", "unapproval", None, "opened")),
    ],
)
def test_what_else_happens_to_a_pull_request_is_ignored_by_name(speaker: ModuleType, action: str | None) -> None:
    found = speaker.read(*_pull(speaker, action))
    assert isinstance(found, Ignored)
    assert found.why.startswith(f"{action or ''!r} of a ")


def test_a_merge_request_without_commits_names_no_head() -> None:
    found = gitlab.read(*_pull(gitlab, "open", last_commit=None))
    assert isinstance(found, Pull)
    assert "" == found.head


@pytest.mark.parametrize(
    ("speaker", "wrong"),
    [
        *(
            pytest.param(github, {"number": number}, id=f"number-{number}")
            for number in (0, -1, True, "12", 1e3, 1 << 63)
        ),
        pytest.param(github, {"pull_request": {"head": {"sha": "a" * 65}, "base": {"ref": "main"}}}, id="long-commit"),
        pytest.param(github, {"pull_request": {"head": {}, "base": {"ref": "main"}}}, id="no-commit"),
        pytest.param(github, {"action": "o" * 65}, id="long-action"),
        pytest.param(gitlab, {"iid": None}, id="no-iid"),
        pytest.param(gitlab, {"target_branch": 7}, id="target-is-a-number"),
        pytest.param(gitlab, {"last_commit": {}}, id="commit-without-an-id"),
    ],
)
def test_a_body_that_is_no_pull_request_is_named(speaker: ModuleType, wrong: dict[str, object]) -> None:
    words = "no pull_request delivery" if speaker is github else "no merge request delivery"
    with pytest.raises(BadInput, match=words):
        speaker.read(*_pull(speaker, "opened", **wrong))


def test_a_system_hook_is_told_what_to_use_instead() -> None:
    found = gitlab.read({"x-gitlab-event": "System Hook"}, BODY)
    assert isinstance(found, Ignored)
    assert "add a webhook to this project instead" in found.why


@pytest.mark.parametrize(
    ("speaker", "headers"),
    [
        pytest.param(github, {"x-github-event": "ping"}, id="github-ping"),
        pytest.param(github, {"x-hub-signature-256": "x"}, id="github-no-event"),
        pytest.param(gitlab, {"x-gitlab-event": "Tag Push Hook"}, id="gitlab-tag"),
        pytest.param(gitlab, {"x-gitlab-token": "x"}, id="gitlab-no-event"),
    ],
)
def test_another_event_is_ignored_by_name(speaker: ModuleType, headers: Mapping[str, str]) -> None:
    found = speaker.read(headers, b'{"zen":"x"}')
    assert isinstance(found, Ignored)
    assert "changes no experiment" in found.why


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b'{"ref":1}', b'{"ref":null}', b"\xff", b'{"ref":"x"', b"null"),
        pytest.param(b'{"ref":"%s"}' % (b"r" * 1025), id="ref-longer-than-git-has"),
        pytest.param(b'{"ref":"r","after":"%s"}' % (b"a" * 65), id="commit-longer-than-git-has"),
        pytest.param(b'{"ref":"r","deep":%s}' % (b"[" * 100_000), id="deeper-than-the-stack"),
    ],
)
def test_a_body_that_is_no_push_is_named(body: bytes) -> None:
    with pytest.raises(BadInput, match="no push delivery"):
        git_hook.read({}, body)


def test_a_missing_or_unusable_delivery_id_is_made_from_the_body() -> None:
    made = {
        github.read({"x-github-event": "ping", "x-github-delivery": bad}, b"x").delivery for bad in ("", "a/b", "\n")
    }
    assert 1 == len(made)


def test_a_gitlab_signature_that_fails_does_not_fall_back_to_the_token() -> None:
    headers = _headers(gitlab, NEW, BODY) | standard_webhooks.sign(b"stranger", "d-1", int(NOW), BODY)
    with pytest.raises(Unauthenticated):
        gitlab.verify(headers, BODY, BOTH, NOW)


def test_a_gitlab_signing_token_is_accepted() -> None:
    key = standard_webhooks.key_of(SIGNING.value)
    headers = {"x-gitlab-event": "Push Hook", **standard_webhooks.sign(key, "d-1", int(NOW), BODY)}
    assert SIGNING == gitlab.verify(headers, BODY, [NEW, SIGNING], NOW)


def test_our_signature_is_the_one_of_the_reference_implementation() -> None:
    moment = datetime.fromtimestamp(NOW, UTC)
    expected = Webhook(SIGNING.value).sign("msg-1", moment, BODY.decode())
    signed = standard_webhooks.sign(standard_webhooks.key_of(SIGNING.value), "msg-1", int(NOW), BODY)
    assert expected == signed["webhook-signature"]


@pytest.mark.parametrize("given_time", ["soon", "-1", "1" * 13, "²", str(int(NOW) + 301), str(int(NOW) - 301)])
def test_a_signature_of_another_time_is_refused(given_time: str) -> None:
    headers = standard_webhooks.sign(b"k", "m", int(NOW), BODY) | {"webhook-timestamp": given_time}
    with pytest.raises(Unauthenticated, match="webhook-timestamp"):
        standard_webhooks.verify([b"k"], headers, BODY, NOW)


def test_one_of_several_signatures_is_enough_and_other_versions_are_passed_over() -> None:
    headers = standard_webhooks.sign(b"k", "m", int(NOW), BODY)
    headers["webhook-signature"] = "v1a,xyz v1,wrong " + headers["webhook-signature"]
    assert "m" == standard_webhooks.verify([b"k"], headers, BODY, NOW)


@pytest.mark.parametrize("secret", ["whsec_?", "whsec_", "whsec_YQ", "whsec_ü"])
def test_a_mangled_signing_secret_is_named(secret: str) -> None:
    with pytest.raises(BadInput, match="whsec_"):
        standard_webhooks.key_of(secret)


def test_a_mangled_signing_secret_opens_nothing_and_keeps_no_other_from_working() -> None:
    mangled = [Secret("file:cut", "whsec_"), Secret("file:typo", "whsec_?")]
    headers = standard_webhooks.sign(standard_webhooks.key_of(SIGNING.value), "d-1", int(NOW), BODY)
    assert SIGNING == git_hook.verify(headers, BODY, [*mangled, SIGNING], NOW)
    for key in (b"", b"whsec_"):
        with pytest.raises(Unauthenticated):
            git_hook.verify(standard_webhooks.sign(key, "d-1", int(NOW), BODY), BODY, mangled, NOW)


def test_a_secret_never_shows_its_value() -> None:
    assert "present-secret" not in repr([NEW])


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8)) | st.lists(st.integers()) | st.binary(max_size=64))
def test_whatever_the_body_only_our_errors_come_out(value: object) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    for speaker in (github, gitlab, git_hook):
        for events in (("push", "Push Hook"), ("pull_request", "Merge Request Hook")):
            try:
                speaker.read(dict(zip(("x-github-event", "x-gitlab-event"), events, strict=True)), body)
            except LitmusGitopsError as error:
                assert 400 == error.status  # noqa: PT017 - any other error fails the test by itself
