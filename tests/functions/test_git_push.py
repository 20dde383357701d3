"""`git_push` as git hosts meet it: the function itself, over HTTP, with its store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.functions.receiving import NOTHING, SHOP, SOURCE, Receiver
from tests.gitserver import Clone, git
from tests.hosts import SECRET, SPEAKERS, STRANGER, fixture, headers, names, standard
from tests.servers import say

ACCEPTED = (202, "accepted")
IGNORED = (200, "ignored")
OUTCOMES = {
    "github/push__branch": ACCEPTED,
    "github/push__branch_created": ACCEPTED,
    "github/push__branch_deleted": ACCEPTED,
    "github/push__forced": ACCEPTED,
    "github/push__other_branch": IGNORED,
    "github/push__tag": IGNORED,
    "github/ping__new_webhook": IGNORED,
    "github/pull_request__labeled": IGNORED,
    "github/pull_request__opened": ACCEPTED,
    "github/pull_request__other_branch": IGNORED,
    "github/pull_request__synchronized_on_gitea": ACCEPTED,
    "gitlab/merge_request_hook__approved": IGNORED,
    "gitlab/merge_request_hook__commits_pushed": ACCEPTED,
    "gitlab/merge_request_hook__merged": ACCEPTED,
    "gitlab/merge_request_hook__opened": ACCEPTED,
    "gitlab/merge_request_hook__other_branch": IGNORED,
    "gitlab/merge_request_hook__test_button": IGNORED,
    "gitlab/merge_request_hook__without_commits": ACCEPTED,
    "gitlab/note_hook__merge_request": IGNORED,
    "gitlab/pipeline_hook__succeeded": IGNORED,
    "gitlab/push_hook__branch": ACCEPTED,
    "gitlab/push_hook__branch_created": ACCEPTED,
    "gitlab/push_hook__branch_deleted": ACCEPTED,
    "gitlab/push_hook__more_commits_than_are_listed": ACCEPTED,
    "gitlab/push_hook__other_branch": IGNORED,
    "gitlab/tag_push_hook__created": IGNORED,
    "gitlab/system_hook__push": IGNORED,
    "git_hook/push__branch": ACCEPTED,
    "git_hook/push__branch_deleted": ACCEPTED,
    "git_hook/push__sha256_repository": ACCEPTED,
    "git_hook/push__tag": IGNORED,
}
PULLS = ("github/pull_request__opened", "gitlab/merge_request_hook__opened")
BRANCH = {"github": "github/push__branch", "gitlab": "gitlab/push_hook__branch", "git_hook": "git_hook/push__branch"}
MIB = 1 << 20


@pytest.mark.parametrize("name", names())
def test_each_delivery_is_answered_and_kept_with_all_that_follows_from_it(receiver: Receiver, name: str) -> None:
    given, project, (status, verdict) = fixture(name), receiver.project(), OUTCOMES[name]
    answer = receiver.deliver(project, given, delivery="72d3162e-cc78")
    kept = receiver.kept(project)
    assert (status, [verdict]) == (answer.status, kept.verdicts)
    row = kept.rows[0]
    assert ("72d3162e-cc78", "file:hook") == (row.subject, row.detail["secret"])
    if status == 202:
        assert {"delivery": "72d3162e-cc78"} == answer.json()
        assert ["72d3162e-cc78"] == kept.deliveries
        assert _asked(project, name) == (kept.dirty, kept.messages)
    else:
        assert {"ignored": row.reason} == answer.json()
        assert ([], 0, []) == (kept.deliveries, kept.dirty, kept.messages)


def _asked(project: str, name: str) -> tuple[int, list[tuple[str, str, dict[str, str]]]]:
    """How dirty a project is after an accepted delivery, and what was asked for."""
    if fixture(name).event in {"pull_request", "merge_request_hook"}:
        return 0, [("sync", "pull", {"project": project, "number": "12"})]
    return 1, [("sync", "project", {"project": project})]


@pytest.mark.parametrize("name", [*BRANCH.values(), *PULLS])
def test_the_ledger_names_the_commit_that_was_delivered(receiver: Receiver, name: str) -> None:
    project = receiver.project()
    receiver.deliver(project, fixture(name))
    detail = receiver.kept(project).rows[0].detail
    assert json.loads(fixture(BRANCH["github"]).body)["after"] == detail.get("after", detail.get("head"))


@pytest.mark.parametrize("name", PULLS)
def test_a_pull_request_that_comes_again_is_recorded_as_such_and_asks_for_a_sync_too(
    receiver: Receiver, name: str
) -> None:
    given, project = fixture(name), receiver.project()
    assert [202, 202] == [receiver.deliver(project, given).status for _ in range(2)]
    kept = receiver.kept(project)
    assert (["accepted", "repeated"], ["d-1"], 1) == (kept.verdicts, kept.deliveries, kept.dirty)
    assert ["pull", "project", "pull"] == [action for _, action, _ in kept.messages]


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_delivery_that_comes_again_is_recorded_as_such_and_asks_for_a_sync_again(
    receiver: Receiver, speaker: str
) -> None:
    given, project = fixture(BRANCH[speaker]), receiver.project()
    assert [202, 202] == [receiver.deliver(project, given).status for _ in range(2)]
    kept = receiver.kept(project)
    assert (["accepted", "repeated"], ["d-1"], 2, 2) == (
        kept.verdicts,
        kept.deliveries,
        kept.dirty,
        len(kept.messages),
    )


def test_one_delivery_sent_eight_times_at_once_is_accepted_once(receiver: Receiver) -> None:
    given, project = fixture(BRANCH["github"]), receiver.project()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: receiver.deliver(project, given).status, range(8)))
    kept = receiver.kept(project)
    assert ([202] * 8, ["accepted", *["repeated"] * 7]) == (answers, sorted(kept.verdicts))
    assert (["d-1"], 8, 8) == (kept.deliveries, kept.dirty, len(kept.messages))


def test_a_project_that_is_off_is_told_so_to_those_who_sign(receiver: Receiver) -> None:
    project = receiver.project(msgspec.structs.replace(SHOP, enabled=False))
    assert {"ignored": "GitOps is off for this project"} == receiver.deliver(project, fixture(BRANCH["github"])).json()
    assert ["ignored"] == receiver.kept(project).verdicts


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_what_a_stranger_signs_is_refused_and_leaves_nothing(receiver: Receiver, speaker: str) -> None:
    given, project = fixture(BRANCH[speaker]), receiver.project()
    assert 401 == receiver.send(project, given.body, given.headers("d-1", STRANGER)).status
    assert NOTHING == receiver.kept(project)


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_what_is_not_signed_is_refused_and_leaves_nothing(receiver: Receiver, speaker: str) -> None:
    given, project = fixture(BRANCH[speaker]), receiver.project()
    signed = given.headers("d-1")
    bare = {k: v for k, v in signed.items() if "ignature" not in k and k != "X-Gitlab-Token"}
    answer = receiver.send(project, given.body, bare)
    assert (401, "application/problem+json") == (answer.status, answer.headers["Content-Type"])
    assert "unsigned" in answer.json()["detail"]
    assert NOTHING == receiver.kept(project)


@pytest.mark.parametrize("speaker", ["github", "git_hook"])
def test_what_was_altered_on_its_way_is_refused(receiver: Receiver, speaker: str) -> None:
    given, project = fixture(BRANCH[speaker]), receiver.project()
    altered = given.body.replace(b"refs/heads/main", b"refs/heads/evil")
    assert 401 == receiver.send(project, altered, given.headers("d-1")).status
    assert NOTHING == receiver.kept(project)


@pytest.mark.parametrize(
    "value", ["", "sha256=", "sha1=0", "v1,", "v1", "ü" * 9, "0" * 5000, ",,,", "v1,a v1,b", "sha256=\xff"]
)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_signature_of_any_shape_but_the_right_one_is_refused(receiver: Receiver, speaker: str, value: str) -> None:
    given, project = fixture(BRANCH[speaker]), receiver.project()
    name = {"github": "X-Hub-Signature-256", "gitlab": "X-Gitlab-Token", "git_hook": "webhook-signature"}[speaker]
    raw = {**given.headers("d-1"), name: value.encode("utf-8").decode("latin-1")}
    assert 401 == receiver.send(project, given.body, raw).status


def test_a_gitlab_signature_that_fails_is_not_made_good_by_the_token(receiver: Receiver) -> None:
    given, project = fixture(BRANCH["gitlab"]), receiver.project()
    both = given.headers("d-1") | standard("d-1", given.body, STRANGER)
    assert 401 == receiver.send(project, given.body, both).status
    assert 202 == receiver.send(project, given.body, both | standard("d-1", given.body, SECRET)).status


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused(receiver: Receiver, minutes: int) -> None:
    given, project = fixture(BRANCH["git_hook"]), receiver.project()
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    stale = given.headers("d-1") | standard("d-1", given.body, SECRET, then)
    assert 401 == receiver.send(project, given.body, stale).status


@pytest.mark.parametrize("project", ["nobody", "%2e%2e", "a%2Fb", "%00", "x" * 2000, "shop%0a"])
def test_a_project_that_nobody_made_is_not_found(receiver: Receiver, project: str) -> None:
    assert 404 == receiver.deliver(project, fixture(BRANCH["github"])).status


def test_a_project_without_gitops_is_not_found(receiver: Receiver) -> None:
    assert 404 == receiver.deliver(receiver.project(None), fixture(BRANCH["github"])).status


def test_a_project_whose_secrets_are_gone_lets_nobody_in(receiver: Receiver) -> None:
    for references in ((), ("file:gone",)):
        project = receiver.project(msgspec.structs.replace(SHOP, webhook_secrets=references))
        assert 401 == receiver.deliver(project, fixture(BRANCH["github"])).status


@pytest.mark.parametrize("media", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_another_media_type_is_refused_by_name(receiver: Receiver, media: str | None) -> None:
    given, project = fixture(BRANCH["github"]), receiver.project()
    sent = given.headers("d-1") | {"Content-Type": media or ""}
    answer = receiver.send(project, given.body, {k: v for k, v in sent.items() if v})
    assert (415, True) == (answer.status, "application/json" in answer.json()["detail"])
    assert NOTHING == receiver.kept(project)


def _mebibytes(count: int) -> Iterator[bytes]:
    return iter([b" " * MIB] * count)


@pytest.mark.parametrize("chunked", [False, True], ids=["with-length", "chunked"])
def test_26_mebibytes_are_too_large(receiver: Receiver, *, chunked: bool) -> None:
    given, project = fixture(BRANCH["github"]), receiver.project()
    body = _mebibytes(26) if chunked else b" " * (26 * MIB)
    assert 413 == receiver.send(project, body, given.headers("d-1")).status
    assert NOTHING == receiver.kept(project)


def test_25_mebibytes_are_not(receiver: Receiver) -> None:
    given, project = fixture(BRANCH["github"]), receiver.project()
    body = given.body + b" " * (25 * MIB - len(given.body))
    assert 202 == receiver.send(project, body, given.headers("d-1", body=body)).status


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"payload=%7B%7D", id="a-form"),
        pytest.param(fixture(BRANCH["github"]).body[:-40], id="truncated"),
        pytest.param(b"null", id="null"),
        pytest.param(b'["refs/heads/main"]', id="a-list"),
        pytest.param(b'{"ref":"refs/heads/main","x":' + b"[" * 200_000, id="very-deep"),
        pytest.param(b'{"ref":"%s"}' % (b"r" * MIB), id="very-long-ref"),
    ],
)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_what_is_no_push_is_named_even_if_signed(receiver: Receiver, speaker: str, body: bytes) -> None:
    project = receiver.project()
    answer = receiver.send(project, body, headers(speaker, fixture(BRANCH[speaker]).event, "d-1", body, SECRET))
    assert (400, True) == (answer.status, answer.json()["detail"].startswith("no push delivery: "))
    assert NOTHING == receiver.kept(project)


@pytest.mark.parametrize("name", PULLS)
@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"action":"opened","number":0}'])
def test_what_is_no_pull_request_is_named_even_if_signed(receiver: Receiver, name: str, body: bytes) -> None:
    given, project = fixture(name), receiver.project()
    answer = receiver.send(project, body, given.headers("d-1", body=body))
    assert (400, True) == (answer.status, answer.json()["detail"].startswith("no "))
    assert NOTHING == receiver.kept(project)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"\xff", b"{", b'{"object_kind":7}'])
@pytest.mark.parametrize(("speaker", "event"), [("github", "workflow_run"), ("gitlab", "emoji_hook")])
def test_an_event_that_is_not_for_us_is_ignored_whatever_its_body(
    receiver: Receiver, speaker: str, event: str, body: bytes
) -> None:
    answer = receiver.send(receiver.project(), body, headers(speaker, event, "d-1", body, SECRET))
    assert (200, True) == (answer.status, "changes no experiment" in answer.json()["ignored"])


def test_bytes_that_are_no_text_are_named_even_if_signed(receiver: Receiver) -> None:
    body, project = b"\xff\xfe{}", receiver.project()
    assert 400 == receiver.send(project, body, headers("github", "push", "d-1", body, SECRET)).status


def test_a_body_that_breaks_off_leaves_nothing(receiver: Receiver) -> None:
    given, project = fixture(BRANCH["github"]), receiver.project()
    lines = [f"{name}: {value}" for name, value in given.headers("d-1").items()]
    head = "\r\n".join([f"POST /git/{project} HTTP/1.1", "Host: x", f"Content-Length: {len(given.body)}", *lines])
    answer = say(receiver.port, head.encode() + b"\r\n\r\n" + given.body[:-1])
    assert b" 50" not in answer.split(b"\r\n")[0]
    assert NOTHING == receiver.kept(project)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_only_post_is_answered(receiver: Receiver, method: str) -> None:
    answer = receiver.pool.request(method, f"http://127.0.0.1:{receiver.port}/git/shop")
    assert (405, "POST") == (answer.status, answer.headers["Allow"])


def test_the_hook_that_we_ship_tells_of_a_real_push(receiver: Receiver, tmp_path: Path) -> None:
    project, bare, work = receiver.project(), tmp_path / "shop.git", tmp_path / "work"
    git("init", "-q", "--bare", "-b", "main", str(bare))
    git("config", "litmus.url", f"http://127.0.0.1:{receiver.port}/git/{project}", cwd=bare)
    git("config", "litmus.secretFile", str(receiver.folder / "secrets" / "hook"), cwd=bare)
    hook = bare / "hooks" / "post-receive"
    hook.write_bytes((SOURCE.parents[2] / "infra" / "git" / "post-receive").read_bytes())
    hook.chmod(0o755)
    git("clone", "-q", str(bare), str(work))
    clone = Clone(work)
    clone.write("litmus/shop/a.yaml", "kind: Workflow\n")
    commit = clone.push()
    assert [commit] == [row.detail["after"] for row in receiver.kept(project).rows]
