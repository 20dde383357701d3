"""The story of one project on AWS, whose secrets are in Secrets Manager."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.aws import client
from tests.infra.aws.cloud import Amazon
from tests.infra.outside import LOGIN, SECRET, Story

PROJECTS = "litmus-gitops-projects/"


@dataclass
class AmazonStory(Story):
    """One project with its repository and its cluster."""

    cloud: Amazon

    def begin(self) -> None:
        """Make the project and its cluster, with secrets that are references."""
        secrets, own = client(self.cloud.at, "secretsmanager"), self.cloud.table
        secrets.create_secret(Name=f"{PROJECTS}{own}-hook", SecretString=SECRET)
        secrets.create_secret(Name=f"{PROJECTS}{own}-git", SecretString=json.dumps({"login": LOGIN}))
        self.connect(f"aws-sm:{own}-hook", f"aws-sm:{own}-git#login", "execute-api.eu-central-1.amazonaws.com")
