from __future__ import annotations

import json

from tests.services.watched import House, batch, fields, recorded


def test_recorded_audit_events_trigger_on_another_cluster_what_changed(house: House) -> None:
    answer = house.hear(batch(), "c2")
    assert ["ignored", "triggered", "triggered", "triggered"] == house.verdicts()
    assert (answer.status, answer.body) == (200, {"events": 4, "skipped": {}})


def test_what_admission_told_is_not_told_again_by_audit(house: House) -> None:
    for name in ("deployment-create", "deployment-image", "deployment-scale-subresource", "deployment-env"):
        house.admit(recorded(name))
    house.hear(batch())
    assert ["ignored", "triggered", "triggered", "triggered"] == house.verdicts()
    assert house.counted["repeat"] == 4


def test_a_batch_that_is_sent_again_changes_nothing(house: House) -> None:
    house.hear(batch())
    house.hear(batch())
    assert len(house.rows()) == 4
    assert house.counted["repeat"] == 4


def test_audited_writes_of_what_is_neither_annotated_nor_tracked_are_only_counted(house: House) -> None:
    events = batch()
    for event in events["items"]:
        event["responseObject"]["metadata"].pop("annotations", None)
    house.hear(events)
    assert house.counted == {"not_annotated": 4}
    assert house.store.calls["commit"] == 0


def test_a_broken_event_never_loses_the_others(house: House) -> None:
    events = batch()
    deep = json.dumps(events["items"][3]).replace('"replicas": 5', '"replicas": 1e999')
    text = json.dumps({**events, "items": [{"auditID": 1}, *events["items"]]})
    house.hear(text.replace(json.dumps(events["items"][3]), deep).encode())
    assert house.verdicts() == ["ignored", "triggered", "triggered"]
    assert house.counted == {"broken": 2, "ignored": 1, "triggered": 2}


def test_opting_out_stops_and_opting_in_starts_again_by_audit(house: House) -> None:
    house.hear(batch())
    house.hear(batch("opt-out-and-in"))
    rules = [fields(row)["rule"] for row in house.rows()[4:]]
    assert rules == ["default", "opt-out", "not opted in", "opt-in"]
    house.hear(batch("delete-and-conflict"))
    assert house.tracked().deleted_at is not None
