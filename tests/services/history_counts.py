"""What a history must start and what it may, counted for each field as its steps are played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.services.history_steps import SCALES, WHOLE, Field, Step, field_of


class Counts:
    """How often a run has to be started for each field (`must`), and how often it may be (`may`).

    `standing` are those of `must` that another change may still take the place of, each with the paths that it was told
    with in one change. `behind` says that what came before is told late, `unseen` that nothing has shown yet what a
    restore put back.
    """

    def __init__(self) -> None:
        self.must: Counter[Field] = Counter()
        self.may: Counter[Field] = Counter()
        self.standing: list[tuple[Field, set[str]]] = []
        self.behind = self.unseen = False

    def expect(self, step: Step, field: Field, beside: Iterable[Field] = ()) -> None:
        """Expect a run for a field that was changed, if it is sure that the portal learns of it in time.

        Those `beside` it may be told with it in one change. A bare `Scale` shows nothing of a restore.
        """
        self.may[field] += 1
        bare = step.verb == "scale" and step.told != "heartbeat"
        compared = not self.unseen or not (step.one_sided or bare)
        self.unseen = self.unseen and bare
        if compared and not self.behind and not step.unheard:
            self.must[field] += 1
            self.standing.append((field, {path for path, _ in (field, *beside)}))

    def let(self, fields: Iterable[Field]) -> None:
        """Let each of these start a run, or have part in one."""
        self.may.update(fields)

    def leave_open(self, step: Step, number: int) -> None:
        """Let a change start a run that should not, if nobody can know that."""
        if self._is_nobodys(step):
            self.may[field_of(step, number)] += 1

    def take_away(self, step: Step, number: int) -> None:
        """Expect no run any more for what a step overwrites, or takes the place of, before it was looked at.

        A guard proves all that was told in one change, which so falls as one. What cannot be told from a change that
        counts takes the place of others as one.
        """
        undone = step.fate == "reverted" and step.verb not in SCALES
        if step.verb not in WHOLE and (step.fate in {"denied", "dry run"} or undone):
            return
        quiet = step.fate in {"by chaos", "undone chaos"} or (step.fate == "by an autoscaler" and step.verb in SCALES)
        alone = quiet and step.verb not in WHOLE and not self._is_nobodys(step)
        gone = [one for one in self.standing if not alone or field_of(step, number)[0] in one[1]]
        self.standing = [one for one in self.standing if one not in gone]
        self.must.subtract(field for field, _ in gone)

    def _is_nobodys(self, step: Step) -> bool:
        """Whether a change is seen before it is told whose it was, or in one with another that comes late."""
        beside = step.verb == "scale" or (step.fate == "by an autoscaler" and step.told == "heartbeat")
        return (self.behind and beside) or step.unheard
