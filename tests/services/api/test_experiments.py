from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared.rules.edits import blob_id
from tests.services.api.conftest import Api, body, everything
from tests.services.api.shops import CART, EXPERIMENTS, MANIFEST, TEXT, opened
from tests.services.gitops import BROKEN, FOLDER, POLICY, Shop, engine

ROW = {"id", "name", "kind", "path", "commit", "blob", "state", "problem", "updated_at", "pull"}
ROW |= {"schedule", "schedule_reason"}


@pytest.fixture
def api(shop: Shop) -> Api:
    return opened(shop)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for claims that nothing is written."""
    made = Shop(tmp_path_factory.mktemp("still"))
    yield made
    made.close()


def test_a_list_shows_each_file_with_its_place_in_git(api: Api, shop: Shop) -> None:
    (row,) = body(api("GET", EXPERIMENTS))["items"]
    assert row.keys() == ROW
    expected = {"id": "cart-1", "name": "cart", "kind": "ChaosEngine", "path": f"{FOLDER}/cart.yaml", "state": "synced"}
    assert expected.items() <= row.items()
    assert (shop.head(), blob_id(TEXT.encode())) == (row["commit"], row["blob"])


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
        assert (TEXT.encode(), "application/yaml") == (answer.body, answer.headers["Content-Type"])
    else:
        shown = body(answer)
        assert shown["faults"][0]["name"] == "pod-delete"
        assert ROW <= shown.keys()
    assert (blob_id(TEXT.encode()), "Accept") == (
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
