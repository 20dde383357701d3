"""The whole story of a webhook by the command: a real engine, a loopback GitHub that delivers, and real pushes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.local.engine import Engine
from infra.local.settings import LocalSettings
from shared.services.attempts import until_fresh
from shared.services.tables import WEBHOOKS
from tests.gitserver import git
from tests.infra.commanding import TOKEN, Served, workflow
from tests.services.hooked_hosts import OnGitHub

FIRST, SECOND = "the-first-secret", "the-second-secret"


class Story(Served):
    """The engine with the project `shop`, whose repository is on a loopback GitHub; it can be away for a while."""

    def __init__(self, folder: Path) -> None:
        self.github = OnGitHub(folder / "host")
        self.running = ExitStack()
        super().__init__(self.serve(folder, 0), folder, self.github.clone)
        secrets = folder / "data" / "secrets"
        access = self.github.access()
        for name, value in {"token": access.credential or "", "hook": FIRST, "next": SECOND}.items():
            (secrets / name).write_text(value)
        self("project", "create", "shop")
        named = ("--credential", "file:token", "--webhook-secret", "file:hook")
        self("project", "enable", "shop", "--repo", access.url, "--provider", "github", *named)

    def serve(self, folder: Path, port: int) -> Engine:
        """Start an engine on this data."""
        settings = LocalSettings(
            data_dir=folder / "data", port=port, admin_token=TOKEN, threads=8, couriers=4, reconcile=0.3
        )
        return self.running.enter_context(Engine(settings))

    def leave(self) -> None:
        """Have the engine away."""
        self.running.close()

    def arrive(self) -> None:
        """Have the engine back where it was."""
        self.engine = self.serve(self.folder, self.engine.port)

    def push(self, name: str) -> str:
        """Push an experiment as a person, and have GitHub deliver that."""
        before = git("rev-parse", "HEAD", cwd=self.person.folder)
        self.person.write("litmus/shop/kill.yaml", workflow(name, name))
        commit = self.person.push()
        self.github.tell(before, commit)
        return commit

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the ledger's rows of deliveries, oldest first."""
        found: list[dict[str, Any]] = self.api("GET", "/projects/shop/events?kind=delivery&limit=200")["items"]
        return found[::-1]

    def synced(self, commit: str) -> bool:
        """Whether the portal shows a commit."""
        state = self.api("GET", "/projects/shop/sync")
        return (commit, "synced") == (state["commit"], state["state"])

    def hastened(self, look: Callable[[], Any]) -> Any:
        """Return what a look finds, while the webhook is seen to as if quarters of an hour were passing."""

        def hasten() -> None:
            found = WEBHOOKS.load(self.store, "shop")
            assert found is not None
            self.store.commit([WEBHOOKS.replace(found, msgspec.structs.replace(found.value, look_at=""))])

        return self.until(lambda: until_fresh(hasten) or look())


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    (folder / "host").mkdir()
    made = Story(folder)
    yield made
    made.leave()
    made.github.stop()
    made.github.judge()


def test_a_webhook_is_installed_and_a_push_comes_through_it(story: Story) -> None:
    assert "has no webhook that delivers to" in story("webhook", "check", "shop", code=1).out
    done = story("webhook", "install", "shop")
    (hook,) = story.github.hooks()
    assert f"webhook {hook} delivers to {story.engine.url}/git/shop, signed with file:hook" in done.out
    assert "a test delivery is on its way: see litmus-gitops webhook check shop" in done.out
    commit = story.push("first")
    assert [True, True] == story.github.outcomes(hook)
    story.until(lambda: story.synced(commit))
    assert "nothing found" in story("webhook", "check", "shop").out
    assert "file:hook: last came at" in story("webhook", "check", "shop").out


def test_installing_again_is_no_mistake(story: Story) -> None:
    again = story("webhook", "install", "shop", "--json").json
    assert ("repaired", story.github.hooks()) == (again["outcome"], [again["hook"]])


def test_a_push_that_failed_is_sent_again_when_the_function_is_back(story: Story) -> None:
    (hook,) = story.github.hooks()
    story.leave()
    commit = story.push("second")
    assert False is story.github.outcomes(hook)[-1]
    story.arrive()
    story.hastened(lambda: story.github.outcomes(hook)[-1])
    story.github.age(hook, 2)
    story.hastened(lambda: "redelivered" in [row["verdict"] for row in story.deliveries()])
    story.until(lambda: commit in [row["detail"].get("after") for row in story.deliveries()])
    story.until(lambda: story.synced(commit))


def test_a_secret_is_rotated_without_a_single_refusal(story: Story) -> None:
    (hook,) = story.github.hooks()
    before = len(story.github.outcomes(hook))
    assert "signed with file:next" in story("webhook", "rotate", "shop", "--secret", "file:next").out
    for name in ("third", "fourth"):
        commit = story.push(name)
    story.until(lambda: story.synced(commit))
    checked = story("webhook", "check", "shop").out
    assert "note: file:hook stays live: deliveries with file:hook may still be on their way" in checked
    assert "file:hook: last came at" in checked
    assert "not live any more: file:hook" in story("webhook", "retire", "shop").out
    story.push("fifth")
    assert [True] * 4 == story.github.outcomes(hook)[before:]
    assert ["file:next"] == story.api("GET", "/projects/shop/gitops")["webhook_secrets"]


def test_what_is_refused_is_said_with_the_mend(story: Story) -> None:
    assert "write it before it is rotated to" in story("webhook", "rotate", "shop", "--secret", "file:none", code=1).err
    assert "the project's webhook secrets are file:next" in story("webhook", "retire", "shop", code=1).err
    assert "--secret" in story("webhook", "rotate", "shop", code=2).err
    for verb in ("install", "check"):
        assert "no project 'none'" in story("webhook", verb, "none", code=1).err


def test_doctor_tells_what_is_wrong_with_a_webhook(story: Story) -> None:
    (hook,) = story.github.hooks()
    story.github.spoil(hook)
    rows = json.loads(story("doctor", "--json", code=1).out)
    assert f"webhook {hook} is switched off by a person" in [row["what"] for row in rows]
    assert "litmus-gitops webhook install shop" in [row["mend"] for row in rows]
    story("webhook", "install", "shop")
    assert 0 == len([row for row in json.loads(story("doctor", "--json", code=1).out) if "webhook" in row["what"]])


def test_no_secret_is_ever_shown(story: Story) -> None:
    said = [story(*words, "--json").out for words in (("webhook", "check", "shop"), ("event", "list", "-p", "shop"))]
    assert not any(secret in text for text in said for secret in (FIRST, SECOND))


def test_a_plain_git_server_is_told_how_it_is_set_up(story: Story) -> None:
    story("project", "create", "plain")
    story("project", "enable", "plain", "--repo", story.repository, "--webhook-secret", "file:hook")
    assert "copy infra/git/post-receive to hooks/post-receive" in story("webhook", "install", "plain", code=1).err
    said = story("webhook", "rotate", "plain", "--secret", "file:next").out
    assert "file:next is live; on the git server, in the bare repository" in said
    assert "never came" in story("webhook", "check", "plain").out
