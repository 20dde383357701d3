"""The deployment's own secrets, from moto's Secrets Manager."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aws.own_secrets import reveal
from shared.errors import Misconfigured

KEY = "ab" * 32


def test_settings_that_name_a_secret_get_its_text_and_others_stay(manager: Any) -> None:
    manager.create_secret(Name="own-1/master-key", SecretString=f"{KEY}\n")
    arn = manager.create_secret(Name="own-1/admin-token", SecretString="owner")["ARN"]
    environment = {"MASTER_KEY": "aws-sm:own-1/master-key", "ADMIN_TOKEN": f"aws-sm:{arn}", "STORE_URL": "aws-sm:x"}
    reveal(environment)
    assert {"MASTER_KEY": KEY, "ADMIN_TOKEN": "owner", "STORE_URL": "aws-sm:x"} == environment


def test_a_setting_that_is_no_name_asks_nobody() -> None:
    environment = {"MASTER_KEY": KEY}
    reveal(environment, lambda: pytest.fail("Secrets Manager was asked"))
    assert {"MASTER_KEY": KEY} == environment


def test_a_secret_that_is_not_there_keeps_the_function_from_starting(manager: Any) -> None:
    assert manager
    with pytest.raises(Misconfigured, match="the secret own-2/none cannot be read"):
        reveal({"MASTER_KEY": "aws-sm:own-2/none"})


def test_a_secret_that_any_project_could_name_is_refused(manager: Any) -> None:
    arn = manager.create_secret(Name="litmus-gitops-projects/key", SecretString=KEY)["ARN"]
    for name in ("litmus-gitops-projects/key", arn):
        with pytest.raises(
            Misconfigured, match="MASTER_KEY names a secret litmus-gitops-projects/…, which any project could name"
        ):
            reveal({"MASTER_KEY": f"aws-sm:{name}"})
