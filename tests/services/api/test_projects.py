from __future__ import annotations

import pytest

from shared.model.records import Key
from shared.services.api.desk import Desk
from shared.services.api.projects import Projects
from tests.services.api.conftest import Api, body, client, everything

GITOPS = {"repo_url": "https://git.example.org/o/r.git", "webhook_secrets": ["file:hook"]}


@pytest.fixture
def api(desk: Desk) -> Api:
    return client(Projects(desk).operations())


@pytest.fixture
def shop(api: Api) -> str:
    assert api("POST", "/projects", {"id": "shop", "name": "Shop"}).status == 201
    return "/projects/shop"


def test_a_wrong_token_sees_nothing(api: Api) -> None:
    assert api("GET", "/projects", token="another").status == 401


def test_a_projects_id_is_taken_once(api: Api, shop: str) -> None:
    again = api("POST", "/projects", {"id": "shop", "name": "Other"})
    assert again.status == 409
    assert body(api("GET", shop))["name"] == "Shop"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"id": "Shop", "name": "x"}, id="capital"),
        pytest.param({"id": "../x", "name": "x"}, id="path"),
        pytest.param({"id": "a" * 64, "name": "x"}, id="long"),
        pytest.param({"id": "a"}, id="no-name"),
        pytest.param({"id": "a", "name": "x", "nmae": "x"}, id="unknown-name"),
        pytest.param([], id="list"),
    ],
)
def test_a_wrong_project_is_refused_with_the_field(api: Api, wrong: object) -> None:
    answer = api("POST", "/projects", wrong)
    assert answer.status == 422
    assert body(answer)["problems"][0]["field"]


def test_what_is_no_json_is_refused(api: Api) -> None:
    assert api("POST", "/projects", b"{").status == 400


def test_gitops_is_off_until_it_is_turned_on(api: Api, shop: str) -> None:
    assert body(api("GET", shop))["gitops"] is False
    assert api("GET", f"{shop}/gitops").status == 404
    assert api("POST", f"{shop}/sync").status == 409


def test_turning_it_on_observes_and_asks_for_a_sync(api: Api, shop: str, desk: Desk) -> None:
    shown = body(api("PUT", f"{shop}/gitops", GITOPS))
    assert {"mode": "observe", "path": "litmus/shop", "run_on_push": "never", "branch": "main"}.items() <= shown.items()
    assert body(api("GET", f"{shop}/sync"))["state"] == "syncing"
    assert desk.store.get(Key("sync", "shop")) is not None


def test_pull_requests_need_a_host_that_has_them(api: Api, shop: str) -> None:
    answer = api("PUT", f"{shop}/gitops", {**GITOPS, "write_back": "pull_request"})
    problem = "pull_request needs provider github or gitlab: plain git has no pull requests; take commit"
    assert (422, [{"field": "write_back", "message": problem}]) == (answer.status, body(answer)["problems"])
    assert 200 == api("PUT", f"{shop}/gitops", {**GITOPS, "write_back": "pull_request", "provider": "github"}).status


def test_a_pasted_secret_is_refused_and_not_repeated(api: Api, shop: str) -> None:
    answer = api("PUT", f"{shop}/gitops", {**GITOPS, "webhook_secrets": ["hunter2"]})
    assert answer.status == 422
    assert "hunter2" not in str(answer.body)


@pytest.mark.parametrize(
    "wrong", [{"repo_url": "ftp://x/y"}, {"mode": "maybe"}, {"branch": ""}, {"credential": "env:HOME"}, {"path": 1}]
)
def test_wrong_settings_change_nothing(api: Api, shop: str, wrong: dict[str, object]) -> None:
    assert api("PUT", f"{shop}/gitops", GITOPS | wrong).status == 422
    assert api("GET", f"{shop}/gitops").status == 404


def test_settings_that_were_changed_since_they_were_read_are_not_overwritten(api: Api, shop: str) -> None:
    api("PUT", f"{shop}/gitops", GITOPS)
    read = api("GET", f"{shop}/gitops").headers["ETag"]
    changed = api("PUT", f"{shop}/gitops", GITOPS | {"mode": "enforce"}, if_match=read)
    assert (200, True) == (changed.status, changed.headers["ETag"] != read)
    answer = api("PUT", f"{shop}/gitops", GITOPS | {"branch": "other"}, if_match=read)
    assert (409, True) == (answer.status, "read them anew" in body(answer)["detail"])
    assert ("enforce", "main") == tuple(body(api("GET", f"{shop}/gitops"))[name] for name in ("mode", "branch"))
    assert api("PUT", f"{shop}/gitops", body(api("GET", f"{shop}/gitops")), if_match="*").status == 200


@pytest.mark.parametrize(
    ("given", "expected"),
    [("/", ""), ("", ""), ("a/b/", "a/b"), (None, "litmus/shop"), ("ü/x y", "ü/x y")],
)
def test_a_folder_is_kept_as_git_has_it(api: Api, shop: str, given: str | None, expected: str) -> None:
    assert expected == body(api("PUT", f"{shop}/gitops", GITOPS | {"path": given}))["path"]


@pytest.mark.parametrize("branch", ["main", "feature/x", "release-1.2", "ü", "a@b"])
def test_any_branch_that_git_allows_is_followed(api: Api, shop: str, branch: str) -> None:
    assert branch == body(api("PUT", f"{shop}/gitops", GITOPS | {"branch": branch}))["branch"]


@pytest.mark.parametrize(
    "branch", ["-x", "/a", "a/", "a//b", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\", "@{u}", "@", ".a"]
)
def test_a_branch_that_git_does_not_allow_is_refused(api: Api, shop: str, branch: str) -> None:
    for name in (branch, f"x/{branch}.lock"):
        assert api("PUT", f"{shop}/gitops", GITOPS | {"branch": name}).status == 422


def test_turning_it_off_keeps_the_settings(api: Api, shop: str) -> None:
    api("PUT", f"{shop}/gitops", GITOPS)
    assert api("DELETE", f"{shop}/gitops").status == 204
    assert body(api("GET", f"{shop}/gitops"))["enabled"] is False


def test_an_unknown_project_is_named(api: Api) -> None:
    answer = api("GET", "/projects/none/sync")
    assert (404, True) == (answer.status, "none" in body(answer)["detail"])


def test_lists_are_paged_to_the_end(api: Api) -> None:
    for number in range(7):
        api("POST", "/projects", {"id": f"p{number}", "name": "x"})
    assert [f"p{number}" for number in range(7)] == everything(api, "/projects", 3)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=!", "cursor=%FF"])
def test_a_wrong_page_is_refused(api: Api, query: str) -> None:
    assert api("GET", f"/projects?{query}").status == 400
