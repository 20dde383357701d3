"""The module for Google Cloud, held to rules that a reviewer would apply: rights, topics, reach, logs, alerts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.delivering import Outcome
from infra.deployments import GCP as GCP_DEPLOYMENT
from infra.gcp.entry import MESSAGES, TICKS, _answer
from infra.gcp.settings import EntrySettings
from shared.clients.secrets import GOOGLE_PROJECTS
from shared.errors import NotYet, Unavailable
from tests.infra.terraform.modules import evaluated, module
from tests.infra.terraform.test_modules import terraform
from tests.test_docs import Recorder

GCP = module("gcp")
MEMBERS = [block for block in GCP.blocks if block.type.endswith("_iam_member")]
ON_THE_PROJECT = {"builder": {"roles/logging.logWriter", "roles/storage.objectViewer"}}
"""Whoever has a role on the whole project, and which: what Google asks of a service account that builds functions."""
LONGEST_ACCOUNT = 30


def test_roles_are_added_one_by_one_and_none_is_taken_from_others() -> None:
    granting = [block for block in GCP.blocks if "_iam_" in block.type]
    assert granting == MEMBERS
    assert not [block.name for block in MEMBERS if block.body["role"].startswith(("roles/owner", "roles/editor"))]


def test_no_function_has_a_role_on_the_project() -> None:
    on_project = {block.name: block.body for block in MEMBERS if block.type == "google_project_iam_member"}
    assert ON_THE_PROJECT.keys() == on_project.keys()
    for name, roles in ON_THE_PROJECT.items():
        assert all(role in on_project[name]["for_each"] for role in roles)
        assert on_project[name]["for_each"].count("roles/") == len(roles)
        assert f"${{google_service_account.{name}.member}}" == on_project[name]["member"]


def test_each_function_has_an_account_of_its_own() -> None:
    assert "${local.functions}" == GCP.one("google_service_account", "function")["for_each"]
    (config,) = GCP.one("google_cloudfunctions2_function", "this")["service_config"]
    assert "${google_service_account.function[each.key].email}" == config["service_account_email"]


def test_everyone_may_call_only_what_has_a_path_outside() -> None:
    everyone = [block for block in MEMBERS if block.body["member"] == "allUsers"]
    assert ["everyone"] == [block.name for block in everyone]
    assert "${local.served}" == everyone[0].body["for_each"]
    (config,) = GCP.one("google_cloudfunctions2_function", "this")["service_config"]
    reach = config["ingress_settings"].replace('\\"', '"')
    assert '"ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY"' in reach


def test_every_topic_has_a_dead_letter_topic_that_is_kept() -> None:
    work, dead = GCP.one("google_pubsub_subscription", "work"), GCP.one("google_pubsub_subscription", "dead")
    (policy,) = work["dead_letter_policy"]
    assert "${google_pubsub_topic.dead[each.key].id}" == policy["dead_letter_topic"]
    assert "${google_pubsub_topic.dead[each.key].id}" == dead["topic"]
    assert [{"ttl": ""}] == work["expiration_policy"] == dead["expiration_policy"]
    assert {"${local.receivers}"} == {
        block.body["for_each"]
        for kind in ("google_pubsub_topic", "google_pubsub_subscription", "google_pubsub_subscription_iam_member")
        for block in GCP.of(kind)
    }


def test_the_entry_is_told_whose_tokens_count_and_is_called_where_it_listens() -> None:
    (push,) = GCP.one("google_pubsub_subscription", "work")["push_config"]
    (target,) = GCP.one("google_cloud_scheduler_job", "reconcile")["http_target"]
    assert "${local.addresses[each.key]}" + MESSAGES == push["push_endpoint"]
    assert target["uri"].replace('\\"', '"') == '${local.addresses["reconcile"]}' + TICKS
    recorder = Recorder({"OIDC_AUDIENCE": "a", "PUBSUB_ACCOUNT": "b", "SCHEDULER_ACCOUNT": "c"})
    EntrySettings.read(recorder)
    (config,) = GCP.one("google_cloudfunctions2_function", "this")["service_config"]
    told = set(re.findall(r"\b([A-Z][A-Z_]+) = ", config["environment_variables"]))
    assert recorder.asked <= told
    assert "OIDC_AUDIENCE = local.addresses[each.key]" in config["environment_variables"]


def test_the_builder_is_told_which_file_is_the_entry() -> None:
    (config,) = GCP.one("google_cloudfunctions2_function", "this")["build_config"]
    (entry,) = GCP_DEPLOYMENT.files
    assert {"GOOGLE_FUNCTION_SOURCE": entry.name} == config["environment_variables"]


def test_projects_secrets_have_the_beginning_that_references_are_resolved_with() -> None:
    assert f"{GOOGLE_PROJECTS}${{each.value}}" == GCP.one("google_secret_manager_secret", "project")["secret_id"]
    assert "${var.name}-${each.key}" == GCP.one("google_secret_manager_secret", "this")["secret_id"]


def test_failed_messages_are_counted_by_the_line_that_is_logged_of_each() -> None:
    pattern = GCP.one("google_logging_metric", "failures")["filter"].partition("detail=~")[2].strip('\\"')
    with pytest.raises(Unavailable) as told:
        _answer(Outcome("failed", "500: why"), "message m-1")
    assert re.search(pattern, str(told.value))
    with pytest.raises(NotYet) as early:
        _answer(Outcome("not_yet", "why", 1.0), "message m-1")
    assert not re.search(pattern, str(early.value))


def test_messages_and_the_tick_are_pushed_with_an_identity() -> None:
    (push,) = GCP.one("google_pubsub_subscription", "work")["push_config"]
    (target,) = GCP.one("google_cloud_scheduler_job", "reconcile")["http_target"]
    for one, caller in ((push, "pubsub"), (target, "timer")):
        (token,) = one["oidc_token"]
        assert f'google_service_account.caller["{caller}"].email' in token["service_account_email"].replace('\\"', '"')
        assert token["audience"]


def test_the_database_has_no_address_outside_and_is_backed_up() -> None:
    (settings,) = GCP.one("google_sql_database_instance", "state")["settings"]
    (reach,), (backup,) = settings["ip_configuration"], settings["backup_configuration"]
    assert (False, "ENCRYPTED_ONLY") == (reach["ipv4_enabled"], reach["ssl_mode"])
    assert (True, True) == (backup["enabled"], backup["point_in_time_recovery_enabled"])
    assert "${var.deletion_protection}" == GCP.one("google_sql_database_instance", "state")["deletion_protection"]


def test_logs_are_kept_for_as_long_as_is_said_and_without_requests() -> None:
    assert "${var.log_retention_days}" == GCP.one("google_logging_project_bucket_config", "this")["retention_days"]
    assert "AND NOT ${local.logs_of_requests}" in GCP.one("google_logging_project_sink", "this")["filter"]
    assert "${local.logs_of_ours}" == GCP.one("google_logging_project_exclusion", "this")["filter"]
    assert [{"enable": False}] == GCP.one("google_compute_backend_service", "function")["log_config"]


@pytest.mark.parametrize(
    ("alert", "of"),
    [
        pytest.param("errors", "${local.functions}", id="errors"),
        pytest.param("full", "${local.functions}", id="all instances taken"),
        pytest.param("age", "${local.receivers}", id="age of the oldest message"),
        pytest.param("dead", "${local.receivers}", id="dead letters"),
        pytest.param("timer", None, id="the timer"),
    ],
)
def test_there_is_an_alert_for_each_and_it_goes_to_the_channels(alert: str, of: str | None) -> None:
    body = GCP.one("google_monitoring_alert_policy", alert)
    assert (of, "${var.notification_channels}") == (body.get("for_each"), body["notification_channels"])
    assert body["conditions"]


def test_every_function_has_a_most_of_instances() -> None:
    (config,) = GCP.one("google_cloudfunctions2_function", "this")["service_config"]
    assert "${local.functions_with_options[each.key].max_instances}" == config["max_instance_count"]


@terraform
@pytest.mark.parametrize("name", ["lit", "litmus-gitops", "fifteen-letters"])
def test_the_accounts_names_fit_and_differ(name: str, tmp_path: Path) -> None:
    cut = f"[for service in values(local.services) : substr(service, 0, {LONGEST_ACCOUNT})]"
    assert f"substr(local.services[each.key], 0, {LONGEST_ACCOUNT})" in GCP.text
    found = evaluated(GCP, cut, tmp_path, name=name)
    assert len(GCP.functions) == len(set(found))
    assert not [one for one in found if one.endswith("-")]


@terraform
def test_each_function_reads_only_its_secrets_and_publishes_only_to_whom_it_sends(tmp_path: Path) -> None:
    found = evaluated(
        GCP, "{ r = local.reads, s = local.resolves, p = local.publishes }", tmp_path, project_secrets='["hook"]'
    )
    reads = {f"{name}/{one}" for name, of in GCP.functions.items() for one in of["secrets"] if one != "projects"}
    assert reads | {f"{name}/database-password" for name in GCP.functions} == found["r"].keys()
    assert {f"{n}/hook" for n, of in GCP.functions.items() if "projects" in of["secrets"]} == found["s"].keys()
    assert {f"{name}/{one}" for name, of in GCP.functions.items() for one in of["sends"]} == found["p"].keys()


@terraform
def test_the_database_has_room_for_all_instances(tmp_path: Path) -> None:
    most = "sum([for one in values(local.functions_with_options) : one.max_instances * one.concurrency])"
    found = evaluated(GCP, f"{{ most = {most}, room = var.database.max_connections }}", tmp_path)
    assert found["most"] <= found["room"]
