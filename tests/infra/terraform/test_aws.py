"""The module for AWS, held to rules that a reviewer would apply: rights, queues, logs, alarms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from infra.aws.batches import ENOUGH
from infra.deployments import AWS as AWS_DEPLOYMENT
from infra.deployments import ROOT
from shared.clients.dynamodb import layout
from tests.infra.terraform.modules import module

AWS = module("aws")
DOCUMENTS = [block for block in AWS.blocks if block.type == "aws_iam_policy_document"]
ONE_STAR = "${aws_cloudwatch_log_group.function[each.key].arn}:log-stream:*"
SESSION = botocore.session.get_session()
CALLERS = [
    *(ROOT / "shared" / "clients" / "dynamodb").glob("*.py"),
    *(ROOT / "infra" / "aws").glob("*.py"),
    ROOT / "shared" / "clients" / "aws_secrets.py",
]
OF_ITEMS = {"Put": "Item", "Update": "Item", "Delete": "Item", "ConditionCheck": "Item"}
"""How the right to each part of a transaction is called, behind the part's own name."""
BY_THE_EVENT_SOURCE = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
"""What Lambda does with a queue in the function's name (AWS Lambda Developer Guide, "Using Lambda with SQS")."""
TIMEOUT_OF_THE_API = 29
DIRECT_BY_AWS = ("network",)
"""Policies of AWS' own, where what they name has no ARN beforehand."""


def statements(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document.get("statement", ())
    for one in document.get("dynamic", ()):
        yield from one["statement"]["content"]


def rights() -> list[tuple[str, dict[str, Any]]]:
    return [(block.name, one) for block in DOCUMENTS for one in statements(block.body) if "principals" not in one]


def test_no_action_and_no_resource_is_a_wildcard() -> None:
    assert len(rights()) > 5
    for name, statement in rights():
        assert not [action for action in statement["actions"] if "*" in action], name
        told = statement["resources"]
        starred = [one for one in (told if isinstance(told, list) else [told]) if "*" in one]
        assert starred in ([], [ONE_STAR]), name


def granted(service: str) -> set[str]:
    return {action for _, one in rights() for action in one["actions"] if action.startswith(f"{service}:")}


def called(service: str) -> set[str]:
    """Return the operations of a service that the sources name, as its own model spells them."""
    operations = {xform_name(name): name for name in SESSION.get_service_model(service).operation_names}
    words = {word for path in CALLERS for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", path.read_text())}
    return {operations[word] for word in words & operations.keys()}


def test_what_may_be_done_to_the_table_is_what_the_store_does() -> None:
    verbs = {word for path in CALLERS for word in re.findall(r'"(Put|Update|Delete|ConditionCheck)"', path.read_text())}
    calls = called("dynamodb") - {"TransactWriteItems"} | {"Query"}
    assert {f"dynamodb:{one}" for one in calls} | {f"dynamodb:{one}{OF_ITEMS[one]}" for one in verbs} == granted(
        "dynamodb"
    )
    assert 'self.read("query"' in (ROOT / "shared/clients/dynamodb/calls.py").read_text()


def test_queues_and_secrets_may_be_asked_for_what_the_sources_ask() -> None:
    sending = {one.removesuffix("Batch") for one in called("sqs")}
    assert granted("sqs") == {f"sqs:{one}" for one in sending} | BY_THE_EVENT_SOURCE
    assert granted("secretsmanager") == {f"secretsmanager:{one}" for one in called("secretsmanager")}


def test_the_table_is_laid_out_as_the_store_expects() -> None:
    table = AWS.one("aws_dynamodb_table", "state")
    keys = {one["name"]: one["type"] for one in table["attribute"]}
    assert {layout.PARTITION_KEY: "S", layout.SORT_KEY: "S"} == keys
    assert (layout.PARTITION_KEY, layout.SORT_KEY) == (table["hash_key"], table["range_key"])
    assert [{"attribute_name": layout.EXPIRY, "enabled": True}] == table["ttl"]
    assert layout.queue_name("t", "sync") == "t-sync"


def test_the_handler_is_the_entry_that_is_laid_beside_main() -> None:
    module_name, _, name = AWS.one("aws_lambda_function", "this")["handler"].partition(".")
    (entry,) = AWS_DEPLOYMENT.files
    assert entry.name == f"{module_name}.py"
    assert re.search(rf"^{name} = ", entry.read_text(), re.MULTILINE)


def test_each_function_has_a_role_of_its_own_that_only_its_own_policy_widens() -> None:
    role, policy = AWS.one("aws_iam_role", "function"), AWS.one("aws_iam_role_policy", "function")
    assert ("${local.functions}",) * 2 == (role["for_each"], policy["for_each"])
    assert "${data.aws_iam_policy_document.function[each.key].json}" == policy["policy"]
    assert "${aws_iam_role.function[each.key].arn}" == AWS.one("aws_lambda_function", "this")["role"]
    assert DIRECT_BY_AWS == tuple(block.name for block in AWS.of("aws_iam_role_policy_attachment"))
    assert "var.network == null ? {}" in AWS.one("aws_iam_role_policy_attachment", "network")["for_each"]


def test_every_queue_that_is_worked_off_has_a_dead_letter_queue_that_keeps_longer() -> None:
    work, dead = AWS.one("aws_sqs_queue", "work"), AWS.one("aws_sqs_queue", "dead")
    assert {"work", "dead"} == {block.name for block in AWS.of("aws_sqs_queue")}
    assert "deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn" in work["redrive_policy"]
    assert ("${local.receivers}",) * 2 == (work["for_each"], dead["for_each"])
    assert dead["message_retention_seconds"] > work["message_retention_seconds"]
    assert all(queue["sqs_managed_sse_enabled"] for queue in (work, dead))


def test_queues_are_named_as_the_engine_looks_for_them() -> None:
    assert ("${var.name}", "${var.name}-${each.key}", "${var.name}-${each.key}-dead") == (
        AWS.one("aws_dynamodb_table", "state")["name"],
        AWS.one("aws_sqs_queue", "work")["name"],
        AWS.one("aws_sqs_queue", "dead")["name"],
    )


def test_a_wake_up_stays_hidden_for_as_long_as_the_function_may_work_on_it() -> None:
    hidden = AWS.one("aws_sqs_queue", "work")["visibility_timeout_seconds"]
    assert "${local.functions_with_options[each.key].timeout}" == hidden
    mapping = AWS.one("aws_lambda_event_source_mapping", "work")
    assert ["ReportBatchItemFailures"] == mapping["function_response_types"]


def test_the_table_is_billed_by_use_kept_safe_and_forgets() -> None:
    table = AWS.one("aws_dynamodb_table", "state")
    assert "PAY_PER_REQUEST" == table["billing_mode"]
    assert ([{"enabled": True}],) * 2 == (table["point_in_time_recovery"], table["server_side_encryption"])
    assert "${var.deletion_protection}" == table["deletion_protection_enabled"]


def test_every_log_group_forgets() -> None:
    groups = AWS.of("aws_cloudwatch_log_group")
    assert {"function", "api"} == {block.name for block in groups}
    assert {"${var.log_retention_days}"} == {block.body["retention_in_days"] for block in groups}
    assert "/aws/lambda/${var.name}-${each.key}" == AWS.one("aws_cloudwatch_log_group", "function")["name"]
    assert "${var.name}-${each.key}" == AWS.one("aws_lambda_function", "this")["function_name"]


def test_the_api_logs_routes_and_never_paths() -> None:
    (settings,) = AWS.one("aws_apigatewayv2_stage", "default")["access_log_settings"]
    assert "$context.routeKey" in settings["format"]
    assert not re.search(r"\$context\.(path|rawPath)|\$context\.identity\.userAgent", settings["format"])


@pytest.mark.parametrize(
    ("alarm", "of"),
    [
        pytest.param("errors", "${local.functions}", id="errors"),
        pytest.param("throttles", "${local.functions}", id="throttles"),
        pytest.param("age", "${local.receivers}", id="age of the oldest message"),
        pytest.param("dead", "${local.receivers}", id="dead letters"),
        pytest.param("failures", "${local.receivers}", id="failed messages"),
        pytest.param("timer", None, id="the timer"),
        pytest.param("api", None, id="the API"),
    ],
)
def test_there_is_an_alarm_for_each_and_it_goes_to_the_topic(alarm: str, of: str | None) -> None:
    body = AWS.one("aws_cloudwatch_metric_alarm", alarm)
    assert (of, "${local.alarm_actions}") == (body.get("for_each"), body["alarm_actions"])
    assert ("breaching" if alarm == "timer" else "notBreaching") == body["treat_missing_data"]


def test_failed_messages_are_counted_by_the_line_that_is_logged_of_each() -> None:
    pattern = AWS.one("aws_cloudwatch_log_metric_filter", "failures")["pattern"].replace('\\"', '"')
    source = (ROOT / "infra" / "aws" / "batches.py").read_text()
    (logger,) = re.findall(r'getLogger\("(.*?)"\)', source)
    (line,) = re.findall(r'_log\.warning\("(message %s failed: %s)"', source)
    told = line.replace("%s", "*")
    assert f'{{ $.logger = "{logger}" && $.message = "{told}" }}' == pattern


def test_what_the_api_waits_for_ends_before_the_api_gives_up() -> None:
    for name, one in AWS.functions.items():
        assert not one["routes"] or one["batch"] or one["timeout"] <= TIMEOUT_OF_THE_API, name


def test_who_takes_several_messages_at_a_time_has_the_time_for_more_than_the_first() -> None:
    for name, one in AWS.functions.items():
        assert one["batch"] <= 1 or one["timeout"] >= 2 * ENOUGH, name


def test_a_function_of_messages_takes_some_and_no_other_does() -> None:
    takers = {"announce", "dispatch", "reconcile", "sync", "workload_admission"}
    assert takers == {name for name, one in AWS.functions.items() if one["batch"]}


def test_the_timer_ticks_each_minute_and_a_late_tick_is_dropped() -> None:
    schedule = AWS.one("aws_scheduler_schedule", "reconcile")
    (target,) = schedule["target"]
    assert ("rate(1 minute)", '${aws_lambda_function.this["reconcile"].arn}') == (
        schedule["schedule_expression"],
        target["arn"].replace('\\"', '"'),
    )
    assert [{"maximum_event_age_in_seconds": 60, "maximum_retry_attempts": 0}] == target["retry_policy"]


def test_a_function_waits_for_its_rights_its_logs_and_the_secrets() -> None:
    waits = set(AWS.one("aws_lambda_function", "this")["depends_on"])
    assert {
        "${aws_cloudwatch_log_group.function}",
        "${aws_iam_role_policy.function}",
        "${aws_secretsmanager_secret_version.this}",
    } <= waits


def test_projects_secrets_have_the_prefix_that_references_are_resolved_below() -> None:
    assert "litmus-gitops-projects/${each.value}" == AWS.one("aws_secretsmanager_secret", "project")["name"]
    assert "${var.name}/${each.key}" == AWS.one("aws_secretsmanager_secret", "this")["name"]
