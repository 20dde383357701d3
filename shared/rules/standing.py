"""Whether what the portal holds of an experiment is what git has at its head, so that it may be run."""

from __future__ import annotations

from shared.model.experiments import Experiment
from shared.rules.facts import Refusal
from shared.rules.offers import is_offered


def unfit(experiment: Experiment | None, name: str) -> Refusal | None:
    """Return why the experiment cannot run; one that waits for its edit to be committed may be fit soon.

    A pull request may stay open for days: until people merge it, what git has is what they want.
    """
    if experiment is None:
        return Refusal("experiment", f"there is no experiment {name} at the head of the branch")
    if is_offered(experiment):
        return Refusal("experiment", f"{experiment.path} is only in the portal: export it to git, or drop it")
    proposed = experiment.state == "pending" and experiment.pull is not None and bool(experiment.commit)
    if experiment.state == "pending" and not proposed:
        return Refusal("experiment", f"an edit of {experiment.path} is not in git yet", wait=True)
    if (experiment.state == "synced" or proposed) and experiment.manifest:
        return None
    why = experiment.problem.message if experiment.problem else "it has not been read"
    return Refusal("experiment", f"{experiment.path} is {experiment.state}: {why}")
