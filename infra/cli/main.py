"""`litmus-gitops`: the operator's command. Exit status 0 done, 1 refused or failed, 2 wrong words."""

from __future__ import annotations

import click

from infra.cli import (
    cluster_check,
    cluster_setup,
    clusters,
    deploying,
    doctor,
    experiments,
    ledger,
    policies,
    projects,
    serving,
    webhook,
)
from infra.cli.portal import DEFAULT_SERVER, Lazy

COMMANDS = (
    serving.up,
    serving.demo,
    doctor.doctor,
    projects.project,
    webhook.webhook,
    clusters.cluster,
    experiments.experiment,
    policies.policy,
    ledger.run,
    ledger.event,
    deploying.deploy,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--server", envvar="LITMUS_GITOPS_URL", default=DEFAULT_SERVER, show_default=True, help="The API's address."
)
@click.option("--token", envvar="LITMUS_GITOPS_TOKEN", help="The owner's token; else the one in .data is taken.")
@click.version_option(package_name="litmus-gitops")
@click.pass_context
def main(context: click.Context, server: str, token: str | None) -> None:
    """Chaos experiments from git: sync, event-driven triggers and guarded dispatch."""
    context.obj = Lazy(server, token)


for command in COMMANDS:
    main.add_command(command)

for command in (cluster_setup.manifest, cluster_setup.certificate, cluster_check.check):
    clusters.cluster.add_command(command)
