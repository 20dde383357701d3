from __future__ import annotations

import uuid

import pytest

from shared.clients.opening import open_queue, open_store
from shared.errors import Misconfigured
from shared.model.messages import Message
from shared.model.records import ABSENT, Key, Put, Record
from tests import aws

HERE = Key("project", "shop")


@pytest.mark.parametrize("double", aws.DOUBLES)
def test_a_url_opens_the_table_where_aws_variables_say(double: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at, table = aws.double(double), f"opened-{uuid.uuid4()}"
    aws.create(at, table, ["sync"])
    for name, value in at.variables.items():
        monkeypatch.setenv(name, value)
    store, queue = open_store(f"dynamodb:{table}", 60.0), open_queue(f"dynamodb:{table}")
    store.commit([Put(HERE, b"1", ABSENT, ages=True)], [Message("m", "sync", "project", {})])
    assert Record(HERE, b"1", 1) == store.get(HERE)
    assert ["m"] == [claimed.message.id for claimed in queue.receive(1, 60)]


def test_without_a_region_the_operator_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(Misconfigured, match=r"the table nowhere of DynamoDB, but .* set AWS_DEFAULT_REGION"):
        open_store("dynamodb:nowhere")


def test_without_credentials_the_operator_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws.REGION)
    with pytest.raises(Misconfigured, match="DynamoDB cannot be asked: Unable to locate credentials"):
        open_store("dynamodb:nobodys").get(HERE)
