from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from shared.clients.ids import new_id
from shared.rules.edits import blob_id
from shared.services.api.desk import Desk
from shared.services.api.experiments import Experiments
from tests.gitserver import git
from tests.services.api.conftest import Api, body, client, everything
from tests.services.gitops import BROKEN, FOLDER, POLICY, Shop, engine

EXPERIMENTS = "/projects/shop/experiments"
CART = f"{EXPERIMENTS}/cart-1"
MANIFEST = yaml.safe_load(engine("cart", "cart-1"))
ROW = {"id", "name", "kind", "path", "commit", "blob", "state", "problem", "schedule", "updated_at"}


@pytest.fixture
def api(shop: Shop) -> Api:
    return opened(shop)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for claims that nothing is written."""
    made = Shop(tmp_path_factory.mktemp("still"))
    opened(made)
    yield made
    made.close()


def opened(shop: Shop) -> Api:
    desk = Desk(shop.store, shop.clock, new_id, bytes(32), "https://portal.example.org", allow_local=True)
    if "cart" not in shop.experiments():
        shop.write(cart=engine("cart", "cart-1"))
        shop.push()
        shop.work()
    return client(Experiments(desk, shop.edits).operations())


def put(api: Api, text: str, path: str = CART, **headers: str) -> Any:
    return api("PUT", path, text.encode(), **{"content_type": "application/yaml", **headers})


def etag(api: Api) -> str:
    return api("GET", CART).headers["ETag"]


def test_a_list_shows_each_file_with_its_place_in_git(api: Api, shop: Shop) -> None:
    (row,) = body(api("GET", EXPERIMENTS))["items"]
    assert row.keys() == ROW
    expected = {"id": "cart-1", "name": "cart", "kind": "ChaosEngine", "path": f"{FOLDER}/cart.yaml", "state": "synced"}
    assert expected.items() <= row.items()
    assert (shop.head(), blob_id(engine("cart", "cart-1").encode())) == (row["commit"], row["blob"])


def test_lists_are_paged_to_the_end(api: Api, shop: Shop) -> None:
    shop.write(**{f"e{number}": engine(f"e{number}", f"e-{number}") for number in range(6)})
    shop.push()
    shop.work()
    assert ["cart-1", *(f"e-{number}" for number in range(6))] == everything(api, EXPERIMENTS, 3)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", "json", id="nothing"),
        pytest.param("*/*", "json", id="anything"),
        pytest.param("application/json", "json", id="json"),
        pytest.param("application/yaml", "yaml", id="yaml"),
        pytest.param("text/yaml, text/plain", "yaml", id="another-name"),
        pytest.param("application/json;q=0.5, application/yaml", "yaml", id="rather-yaml"),
        pytest.param("application/json, application/yaml;q=0.5", "json", id="rather-json"),
        pytest.param("application/yaml;q=0", "json", id="never-yaml"),
        pytest.param("application/yaml;q=x;;,=", "json", id="garbage"),
    ],
)
def test_an_experiment_is_shown_as_it_is_accepted(still: Shop, accept: str, expected: str) -> None:
    api = opened(still)
    answer = api("GET", CART, accept=accept)
    if expected == "yaml":
        assert (engine("cart", "cart-1").encode(), "application/yaml") == (answer.body, answer.headers["Content-Type"])
    else:
        shown = body(answer)
        assert shown["faults"][0]["name"] == "pod-delete"
        assert ROW <= shown.keys()
    assert (blob_id(engine("cart", "cart-1").encode()), "Accept") == (
        answer.headers["ETag"].strip('"'),
        answer.headers["Vary"],
    )


def test_a_broken_file_says_what_is_wrong_and_where_and_shows_its_bytes(api: Api, shop: Shop) -> None:
    shop.write(broken=BROKEN)
    shop.push()
    shop.work()
    row = next(row for row in body(api("GET", EXPERIMENTS))["items"] if row["state"] == "invalid")
    assert {"message", "line", "column"} == row["problem"].keys()
    assert row["problem"]["line"] == 2
    assert api("GET", f"{EXPERIMENTS}/{row['id']}").status == 200
    assert BROKEN.encode() == api("GET", f"{EXPERIMENTS}/{row['id']}", accept="application/yaml").body


def test_a_file_that_is_too_large_to_be_kept_says_so(api: Api, shop: Shop) -> None:
    shop.write(huge="x" * (300 << 10))
    shop.push()
    shop.work()
    row = next(row for row in body(api("GET", EXPERIMENTS))["items"] if row["state"] == "invalid")
    answer = api("GET", f"{EXPERIMENTS}/{row['id']}", accept="application/yaml")
    assert (404, True) == (answer.status, "256 KiB" in body(answer)["detail"])


def test_a_changed_file_is_a_commit_byte_for_byte(api: Api, shop: Shop) -> None:
    text = engine("cart", "cart-1") + "#  by   hand\n"
    answer = put(api, text, x_editor="Zoë Ada <zoe@example.com>".encode().decode("latin-1"))
    assert (200, shop.head(), "synced") == (answer.status, body(answer)["commit"], body(answer)["state"])
    assert blob_id(text.encode()) == answer.headers["ETag"].strip('"') == etag(api).strip('"')
    assert text.strip() == shop.shown("cart").strip()
    assert "Zoë Ada <zoe@example.com>" == git("log", "-1", "--format=%an <%ae>", "main", cwd=shop.bare)


def test_a_new_experiment_has_its_id_as_a_label(api: Api, shop: Shop) -> None:
    answer = put(api, engine("pay", "pay-1"), f"{EXPERIMENTS}/pay-1")
    assert (200, f"{FOLDER}/pay.yaml") == (answer.status, body(answer)["path"])
    assert engine("pay", "pay-1") == shop.shown("pay")
    unlabelled = put(api, engine("log"), f"{EXPERIMENTS}/log-1")
    assert (404, True) == (unlabelled.status, "workflow_id: log-1" in body(unlabelled)["detail"])


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "", "text/plain"])
def test_a_json_manifest_is_written_as_yaml(api: Api, shop: Shop, media: str) -> None:
    manifest = {**MANIFEST, "spec": MANIFEST["spec"] | {"engineState": "stop"}}
    assert api("PUT", CART, manifest, content_type=media).status == 200
    assert manifest == yaml.safe_load(shop.shown("cart"))
    assert shop.shown("cart").startswith("apiVersion: litmuschaos.io/v1alpha1\nkind: ChaosEngine\n")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param(BROKEN, 2, 1, id="no-yaml"),
        pytest.param("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", 2, 1, id="no-experiment"),
        pytest.param(engine("cart", "other-1"), None, None, id="another-experiments-label"),
        pytest.param(POLICY, None, None, id="a-policy"),
        pytest.param("", 1, 1, id="nothing"),
        pytest.param(f"# {'x' * (256 << 10)}\n", 1, 1, id="too-large"),
    ],
)
def test_an_invalid_file_is_refused_with_its_place_and_not_committed(
    still: Shop, text: str, line: int | None, column: int | None
) -> None:
    api = opened(still)
    before = still.head()
    answer = put(api, text)
    (problem,) = body(answer)["problems"]
    assert (422, line, column) == (answer.status, problem["line"], problem["column"])
    assert problem["message"]
    assert (before, []) == (still.head(), still.open_edits())


def test_an_invalid_json_manifest_is_refused_without_lines_of_a_text_that_nobody_saw(still: Shop) -> None:
    api = opened(still)
    answer = api("PUT", CART, {**MANIFEST, "spec": 1}, content_type="application/json")
    assert (422, [(None, None)]) == (answer.status, [(p["line"], p["column"]) for p in body(answer)["problems"]])
    assert "spec" in body(answer)["detail"]


@pytest.mark.parametrize(
    "wrong",
    [b"{", b"[]", b"1", b"{" * 5000, b'{"a":' * 500 + b"1" + b"}" * 500, b"\xff\xfe", b'{"a":"\\ud800"}', b'{"a":NaN}'],
)
def test_what_is_no_manifest_at_all_is_the_senders_fault(still: Shop, wrong: bytes) -> None:
    api = opened(still)
    assert api("PUT", CART, wrong, content_type="application/json").status in {400, 422}
    assert api("POST", "/projects/shop/validate", wrong, content_type="application/json").status in {200, 400}


def test_a_stale_if_match_is_a_conflict_and_overwrites_nothing(api: Api, shop: Shop) -> None:
    read = etag(api)
    assert put(api, engine("cart", "cart-1") + "# one\n", if_match=read).status == 200
    answer = put(api, engine("cart", "cart-1") + "# two\n", if_match=read)
    assert (409, True) == (answer.status, "read it anew" in body(answer)["detail"])
    assert shop.shown("cart").endswith("# one\n")
    assert api("DELETE", CART, if_match=read).status == 409


def test_git_that_moved_meanwhile_is_a_conflict_too(api: Api, shop: Shop) -> None:
    read = etag(api)
    shop.write(cart=engine("cart", "cart-1") + "# pushed\n")
    shop.push()
    assert put(api, engine("cart", "cart-1") + "# two\n", if_match=read).status == 409
    assert shop.shown("cart").endswith("# pushed\n")


@pytest.mark.parametrize("header", ["*", "{read}", 'W/"{read}"', '"other", "{read}"', '"{read}"'])
def test_any_way_to_say_what_was_read_is_understood(api: Api, header: str) -> None:
    read = etag(api).strip('"')
    assert put(api, engine("cart", "cart-1") + "# one\n", if_match=header.replace("{read}", read)).status == 200


@pytest.mark.parametrize("header", ['"', '"a" "b"', "a, b", "\x00"])
def test_an_if_match_that_is_none_is_refused(still: Shop, header: str) -> None:
    api = opened(still)
    assert put(api, engine("cart", "cart-1"), if_match=header).status == 400


@pytest.mark.parametrize("header", ["*", '"0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"'])
def test_what_is_gone_is_not_made_anew_by_who_edits_it(still: Shop, header: str) -> None:
    api = opened(still)
    assert put(api, engine("pay", "pay-1"), f"{EXPERIMENTS}/pay-1", if_match=header).status == 409
    assert "pay" not in still.experiments()


def test_deleting_is_a_commit(api: Api, shop: Shop) -> None:
    answer = api("DELETE", CART, if_match=etag(api))
    assert (200, {"id": "cart-1", "path": f"{FOLDER}/cart.yaml", "commit": shop.head()}) == (
        answer.status,
        answer.body,
    )
    assert "" == git("ls-tree", "-r", "--name-only", "main", FOLDER, cwd=shop.bare)
    assert [404, 404] == [api(method, CART).status for method in ("GET", "DELETE")]


def test_while_the_git_host_is_away_an_edit_is_pending_and_the_next_builds_upon_it(api: Api, shop: Shop) -> None:
    shop.server.stop()
    first, second = (engine("cart", "cart-1") + f"# {number}\n" for number in ("one", "two"))
    answer = put(api, first, if_match=etag(api))
    assert (202, "pending") == (answer.status, body(answer)["state"])
    assert first.encode() == api("GET", CART, accept="application/yaml").body
    assert answer.headers["ETag"] == etag(api)
    assert put(api, second, if_match=etag(api)).status == 202
    shop.server.start()
    shop.clock.advance(60)
    shop.work()
    assert second == shop.shown("cart")
    assert ("synced", blob_id(second.encode())) == (body(api("GET", CART))["state"], etag(api).strip('"'))


def test_a_new_experiment_that_waits_has_no_commit_yet(api: Api, shop: Shop) -> None:
    shop.server.stop()
    answer = put(api, engine("pay", "pay-1"), f"{EXPERIMENTS}/pay-1")
    assert (202, "pending", None) == (answer.status, body(answer)["state"], body(answer)["commit"])
    row = next(row for row in body(api("GET", EXPERIMENTS))["items"] if row["id"] == "pay-1")
    assert ("pending", None) == (row["state"], row["commit"])
    assert engine("pay", "pay-1").encode() == api("GET", f"{EXPERIMENTS}/pay-1", accept="application/yaml").body


def test_a_removal_that_waits_shows_what_git_still_has(api: Api, shop: Shop) -> None:
    shop.server.stop()
    answer = api("DELETE", CART)
    assert (202, "pending") == (answer.status, body(answer)["state"])
    assert engine("cart", "cart-1").encode() == api("GET", CART, accept="application/yaml").body


def test_editing_needs_gitops(api: Api, shop: Shop) -> None:
    shop.configure(enabled=False)
    assert put(api, engine("cart", "cart-1")).status == 409
    assert api("DELETE", CART).status == 409
    assert api("GET", CART).status == 200


@pytest.mark.parametrize(
    "editor",
    [
        "",
        "Ada",
        "Ada <ada@x>\nparent 0",
        "Ada\r <a@x>",
        "Ada <a x>",
        "A<b> <c@d>",
        "\x00 <a@x>",
        "Ada <\x1b[31m>",
        "<a>",
    ],
)
def test_an_editor_that_could_forge_a_commit_is_refused(still: Shop, editor: str) -> None:
    api = opened(still)
    before = still.head()
    assert put(api, engine("cart", "cart-1") + "# x\n", x_editor=editor).status == 400
    assert before == still.head()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(engine("cart"), ("ChaosEngine", True, 0), id="experiment"),
        pytest.param(POLICY, ("EventTrackerPolicy", True, 0), id="policy"),
        pytest.param(BROKEN, (None, False, 1), id="broken"),
        pytest.param(
            POLICY.replace("operator: Change", "operator: Guess"), ("EventTrackerPolicy", False, 1), id="wrong"
        ),
    ],
)
def test_validating_says_what_is_wrong_and_keeps_nothing(
    still: Shop, text: str, expected: tuple[str | None, bool, int]
) -> None:
    api = opened(still)
    found = body(api("POST", "/projects/shop/validate", text.encode(), content_type="application/yaml"))
    assert expected == (found["kind"], found["valid"], len(found["problems"]))
    assert all(problem["line"] and problem["message"] for problem in found["problems"])
    assert ["cart"] == list(still.experiments())


def test_validating_json_names_the_field_instead_of_a_line(still: Shop) -> None:
    api = opened(still)
    wrong = json.dumps({**MANIFEST, "metadata": {"name": "UPPER"}}).encode()
    (problem,) = body(api("POST", "/projects/shop/validate", wrong, content_type="application/json"))["problems"]
    assert (None, True) == (problem["line"], "metadata.name" in problem["message"])
