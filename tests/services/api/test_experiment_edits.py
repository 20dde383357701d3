from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from shared.rules.edits import blob_id
from tests.gitserver import git
from tests.services.api.conftest import Api, body
from tests.services.api.shops import CART, EXPERIMENTS, MANIFEST, TEXT, etag, opened, put
from tests.services.gitops import BROKEN, FOLDER, POLICY, Shop, engine


@pytest.fixture
def api(shop: Shop) -> Api:
    return opened(shop)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for claims that nothing is written."""
    made = Shop(tmp_path_factory.mktemp("still"))
    yield made
    made.close()


def test_a_changed_file_is_a_commit_byte_for_byte(api: Api, shop: Shop) -> None:
    text = TEXT + "#  by   hand\n"
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


def test_deleting_is_a_commit(api: Api, shop: Shop) -> None:
    answer = api("DELETE", CART, if_match=etag(api))
    assert (200, {"id": "cart-1", "path": f"{FOLDER}/cart.yaml", "commit": shop.head()}) == (
        answer.status,
        answer.body,
    )
    assert "" == git("ls-tree", "-r", "--name-only", "main", FOLDER, cwd=shop.bare)
    assert [404, 404] == [api(method, CART).status for method in ("GET", "DELETE")]


def test_editing_needs_gitops(api: Api, shop: Shop) -> None:
    shop.configure(enabled=False)
    assert put(api, TEXT).status == 409
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
    assert put(api, TEXT + "# x\n", x_editor=editor).status == 400
    assert before == still.head()
