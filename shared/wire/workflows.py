"""Argo Workflows and CronWorkflows (argoproj.io/v1alpha1): that they hang together, and the faults inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.errors import Invalid
from shared.model.experiments import Fault, Problem
from shared.wire.documents import At
from shared.wire.embedded import embedded
from shared.wire.metadata import WORKFLOW_ID
from shared.wire.placeholders import is_open
from shared.wire.schedules import check_cron, check_zone


def workflow(root: At) -> Iterator[Fault | Problem]:
    """Read a Workflow."""
    yield from _spec(root.get("spec"))


def cron_workflow(root: At) -> Iterator[Fault | Problem]:
    """Read a CronWorkflow: when it runs, and the Workflow that it makes."""
    spec = root.get("spec")
    _check_when(spec)
    if not spec.get("workflowSpec").mapping():
        raise spec.flaw("spec has no workflowSpec; put the workflow to run there")
    yield from _two_ids(root)
    yield from _spec(spec.get("workflowSpec"))


def _two_ids(root: At) -> Iterator[Problem]:
    own, made = root.get("metadata", "labels", WORKFLOW_ID), root.get("spec", "workflowMetadata", "labels", WORKFLOW_ID)
    if own.text() and made.text() and own.text() != made.text():
        yield made.problem(f"another {WORKFLOW_ID} than in metadata.labels, which is the one that counts")


def _check_when(spec: At) -> None:
    whens = _whens(spec)
    if not whens:
        raise spec.flaw("spec has no schedule; give it a cron expression in schedule or schedules")
    for at in whens:
        _check(at, check_cron)
    if spec.get("timezone").text() not in ("", "Local"):
        _check(spec.get("timezone"), check_zone)


def _whens(spec: At) -> list[At]:
    return [at for at in (spec.get("schedule"), *spec.get("schedules").items()) if at.text()]


def crons_of(root: At) -> tuple[str, ...]:
    """Return a CronWorkflow's cron expressions, each with its time zone before it."""
    spec = root.get("spec")
    zone = spec.get("timezone").text()
    prefix = "" if zone in ("", "Local") else f"TZ={zone} "
    return tuple(at.text() if "TZ=" in at.text() else prefix + at.text() for at in _whens(spec))


def _check(at: At, check: Callable[[str], None]) -> None:
    try:
        check(at.text())
    except Invalid as error:
        raise at.flaw(f"{at.where}: {error}") from error


def _spec(spec: At) -> Iterator[Fault | Problem]:
    if spec.get("workflowTemplateRef").value is None:
        yield from _doubts(spec, _checked_names(spec))
    yield from embedded(spec)


def _doubts(spec: At, names: set[str]) -> Iterator[Problem]:
    at = spec.get("onExit")
    if at.text() and not _known(at, names):
        yield at.problem(f"{at.where} calls {at.text()[:60]!r}, which is no template here; Argo will refuse it")


def _checked_names(spec: At) -> set[str]:
    names = _names(spec)
    entry = spec.get("entrypoint")
    if not entry.text():
        raise spec.flaw(f"{spec.where} has no entrypoint; name the template to begin with")
    for at in (entry, *_calls(spec)):
        if not _known(at, names):
            raise at.flaw(f"{at.where} calls {at.text()[:60]!r}, which is no template here; there are {_listed(names)}")
    return names


def _names(spec: At) -> set[str]:
    names: set[str] = set()
    for template in spec.get("templates").items():
        at = template.get("name")
        if not at.text():
            raise template.flaw(f"{template.where} has no name; steps call templates by name")
        if at.text() in names:
            raise at.flaw(f"{at.where}: a template named {at.text()[:60]!r} stands above already; rename one")
        names.add(at.text())
    if not names:
        raise spec.flaw(f"{spec.where} has no templates; write at least the one that entrypoint names")
    return names


def _known(at: At, names: set[str]) -> bool:
    return at.text() in names or is_open(at.text())


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))[:200]


def _calls(spec: At) -> Iterator[At]:
    """Yield every template name that a step or a DAG task calls."""
    for template in spec.get("templates").items():
        for group in template.get("steps").items():
            for step in group.items():
                yield from _called(step)
        yield from _tasks(template.get("dag", "tasks"))


def _tasks(tasks: At) -> Iterator[At]:
    names = {task.get("name").text() for task in tasks.items()}
    for task in tasks.items():
        yield from _called(task)
        for at in task.get("dependencies").items():
            if at.text() not in names:
                raise at.flaw(f"{at.where} waits for {at.text()[:60]!r}, which is no task here; correct the name")


def _called(step: At) -> Iterator[At]:
    if step.get("template").text():
        yield step.get("template")
    elif step.get("templateRef").value is None and step.get("inline").value is None:
        raise step.flaw(f"{step.where} calls no template; give it template, templateRef or inline")
