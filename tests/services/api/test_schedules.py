"""What people say of schedules over the API, and that every setting which bears on them has them looked at."""

from __future__ import annotations

import pytest

from shared.clients.ids import new_id
from shared.errors import Conflict
from shared.services.accepting import Accepting
from tests.services.api.conftest import Api, body
from tests.services.api.portals import whole
from tests.services.dispatch_parts import Overtaken
from tests.services.dispatch_stage import Stage
from tests.services.scheduled import Yard

EXPERIMENT = "/projects/shop/experiments/n1"
SCHEDULE = f"{EXPERIMENT}/schedule"
WINDOW = {"cron": "0 0 29 2 *", "duration": "1m"}


@pytest.fixture
def api(stage: Stage) -> Api:
    return whole(stage).call


@pytest.fixture
def yard(stage: Stage) -> Yard:
    return Yard(stage)


def test_a_person_accepts_and_declines_a_schedule(api: Api, yard: Yard) -> None:
    yard.file(importing=True)
    yard.done()
    answer = api("POST", SCHEDULE, {"accept": True})
    assert (202, "waiting") == (answer.status, body(answer)["schedule"])
    yard.done()
    assert ("installed", None, None) == shown(api)
    api("POST", SCHEDULE, {"accept": False})
    yard.done()
    assert (["+", "-"], "waiting") == (yard.told(), shown(api)[0])


def test_who_accepts_and_why_stand_in_the_ledger(api: Api, yard: Yard) -> None:
    yard.file(importing=True)
    said = {"accept": True, "reason": "tried on staging"}
    assert 202 == api("POST", SCHEDULE, said, x_editor="Ada <ada@example.com>").status
    [row] = [row for row in yard.stage.rows("order") if row.verdict == "accepted"]
    assert "Ada <ada@example.com> accepted the schedule of n1: tried on staging" == row.reason
    assert 400 == api("POST", SCHEDULE, said, x_editor="Ada").status


@pytest.mark.parametrize("accept", [True, False], ids=["accepted", "declined"])
def test_with_if_match_a_word_holds_for_the_text_that_was_seen_alone(api: Api, yard: Yard, accept: bool) -> None:
    yard.file(importing=True)
    read = api("GET", EXPERIMENT).headers["ETag"]
    yard.file(text="two", importing=True)
    answer = api("POST", SCHEDULE, {"accept": accept}, if_match=read)
    assert 409 == answer.status
    assert "as you saw it: read it anew" in body(answer)["detail"]
    assert [] == [row for row in yard.stage.rows("order") if row.verdict in {"accepted", "declined"}]
    for tag in (api("GET", EXPERIMENT).headers["ETag"], "*"):
        assert 202 == api("POST", SCHEDULE, {"accept": accept}, if_match=tag).status
    assert 400 == api("POST", SCHEDULE, {"accept": accept}, if_match='"').status


def test_a_text_that_changes_while_it_is_accepted_is_not_accepted(yard: Yard) -> None:
    yard.file(importing=True)
    store = Overtaken(yard.stage.store.store, lambda: yard.file(text="two", importing=True))
    accepting = Accepting(store, yard.stage.clock, new_id)
    with pytest.raises(Conflict, match="read it anew"):
        accepting.accept("shop", "n1", "owner", accept=True, seen=[yard.shown().blob])
    yard.done()
    assert ([], "waiting") == (yard.told(), yard.seen()[0])


def shown(api: Api) -> tuple[str, str | None, str | None]:
    row = body(api("GET", EXPERIMENT, accept="application/json"))
    return row["schedule"], row["schedule_reason"], row["problem"] and row["problem"]["message"]


@pytest.mark.parametrize(
    ("path", "said", "status"),
    [
        pytest.param(SCHEDULE, {}, 422, id="no word"),
        pytest.param(SCHEDULE, {"accept": "yes"}, 422, id="no boolean"),
        pytest.param(SCHEDULE.replace("n1", "kill"), {"accept": True}, 409, id="no schedule"),
        pytest.param(SCHEDULE.replace("n1", "nobody"), {"accept": True}, 404, id="no experiment"),
        pytest.param(SCHEDULE.replace("shop", "none"), {"accept": True}, 404, id="no project"),
    ],
)
def test_what_cannot_be_accepted(api: Api, path: str, said: dict[str, object], status: int) -> None:
    assert status == api("POST", path, said).status


def test_nothing_is_accepted_while_gitops_is_off(api: Api, yard: Yard) -> None:
    yard.file()
    yard.settle(gitops={"enabled": False})
    assert 409 == api("POST", SCHEDULE, {"accept": True}).status


def test_what_a_cluster_lacks_is_the_experiments_problem(api: Api, yard: Yard) -> None:
    yard.file()
    yard.done(state="skipped", message="not installed: no chaos scheduler is running")
    why = "cluster c1: not installed: no chaos scheduler is running"
    assert ("waiting", why, why) == shown(api)


@pytest.mark.parametrize(
    ("does", "undoes"),
    [
        pytest.param(("PUT", "/projects/shop/freeze", {}), ("DELETE", "/projects/shop/freeze", None), id="a freeze"),
        pytest.param(
            ("PUT", "/projects/shop/clusters/c1/freeze", {}),
            ("DELETE", "/projects/shop/clusters/c1/freeze", None),
            id="a cluster's freeze",
        ),
        pytest.param(
            ("PUT", "/projects/shop/safety", {"windows": [WINDOW]}),
            ("PUT", "/projects/shop/safety", {"windows": []}),
            id="windows",
        ),
    ],
)
def test_what_forbids_chaos_suspends_schedules_at_once(
    api: Api, yard: Yard, does: tuple[str, str, object], undoes: tuple[str, str, object]
) -> None:
    yard.installed()
    for said, told in ((does, "="), (undoes, "+")):
        assert api(*said).status < 300
        yard.done()
        assert told == yard.told()[-1]


def test_settings_and_clusters_have_schedules_looked_at_at_once(api: Api, yard: Yard) -> None:
    yard.installed()
    settings = body(api("GET", "/projects/shop/gitops"))
    api("PUT", "/projects/shop/gitops", settings | {"mode": "observe"})
    yard.done()
    api("DELETE", "/projects/shop/clusters/c1")
    yard.done()
    assert (["+", "="], "waiting") == (yard.told(), yard.seen()[0])
    api("PUT", "/projects/shop/gitops", settings)
    api("POST", "/projects/shop/clusters", {"id": "c7", "name": "c7"})
    yard.done("c7")
    assert (["+"], "installed") == (yard.told("c7"), yard.seen()[0])
    api("DELETE", "/projects/shop/gitops")
    yard.done("c7")
    assert ["+", "-"] == yard.told("c7")
