"""Comments on merge requests, and threads at the lines that annotations are about."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from gitlab.exceptions import GitlabError

from shared.clients.hosts.gitlab.api import Api
from shared.clients.hosts.gitlab.positions import Spot, spots
from shared.clients.hosts.gitlab.shapes import Discussion, FileDiff, Merge, Note
from shared.clients.hosts.gitlab.texts import family, mark_of, marked, note_text
from shared.model.hosting import Annotation

_REFUSED: Final = 400
_MOST: Final = 50
"""Threads at a time, each of which takes a request: GitLab.com lets a user write sixty notes a minute."""

_LINE: Final = re.compile(r"(?P<said>[0-9a-f]{16}) (?P<line>\d+) -->")

Told = tuple[str, int]
"""What a note says (its digest), and on which line."""


def comment(api: Api, number: int, mark: str, body: str) -> None:
    """Write the comment, or make ours that begins with the mark say this; nobody else's is touched."""
    text = marked(mark, body)
    path = f"/merge_requests/{number}/notes"
    notes = api.each(path, Note, sort="asc")
    ours = next((note for note in notes if note.author.id == api.me and note.body.startswith(mark)), None)
    if ours is None:
        api.post(path, {"body": text}, Note)
    elif ours.body.strip() != text.strip():
        api.put(f"{path}/{ours.id}", {"body": text}, Note)


class Threads:
    """The threads of one context on one merge request."""

    def __init__(self, api: Api, merge: Merge, context: str) -> None:
        self._api, self._merge, self._context = api, merge, context
        self._path = f"/merge_requests/{merge.iid}"

    def show(self, annotations: Sequence[Annotation]) -> None:
        """Have one open thread for each annotation, and settle those that no longer apply.

        A thread that a person settled stays settled; one that we settled is opened again when its reason is back. Of
        more annotations than threads may be, what is wrong goes before what is only odd; the comment has them all.
        """
        annotations = sorted(annotations, key=lambda one: one.level != "failure")[:_MOST]
        there = self._there()
        new = [one for one in annotations if not self._kept(there.get(self._told(one), []))]
        self._settle(thread for threads in there.values() for thread in threads)
        files = self._files() if new else []
        for annotation in new:
            self._write(annotation, files)

    def _there(self) -> dict[Told, list[Discussion]]:
        found = defaultdict(list)
        for thread in self._api.each(f"{self._path}/discussions", Discussion):
            if told := self._says(thread.notes[0]):
                found[told].append(thread)
        return found

    def _says(self, note: Note) -> Told | None:
        """Return what a note of ours says; GitLab moves it along with its line, which then is the one that counts."""
        found = _LINE.match(note.body.removeprefix(family(self._context)))
        if note.author.id != self._api.me or found is None:
            return None
        moved = note.position.new_line if note.position else None
        return found["said"], moved or int(found["line"])

    def _told(self, annotation: Annotation) -> Told:
        found = _LINE.search(mark_of(self._context, annotation))
        assert found is not None
        return found["said"], annotation.line

    def _kept(self, threads: list[Discussion]) -> bool:
        """Take the thread of an annotation from those that are there, open unless a person settled it."""
        if not threads:
            return False
        note = threads[0].notes[0]
        if note.resolved and note.resolved_by and note.resolved_by.id == self._api.me:
            self._resolve(threads[0], resolved=False)
        del threads[0]
        return True

    def _settle(self, threads: Iterator[Discussion]) -> None:
        for thread in threads:
            if not thread.notes[0].resolved:
                self._resolve(thread, resolved=True)

    def _resolve(self, thread: Discussion, *, resolved: bool) -> None:
        self._api.put(f"{self._path}/discussions/{quote(thread.id, safe='')}", {"resolved": resolved}, Discussion)

    def _files(self) -> list[FileDiff]:
        return list(self._api.each(f"{self._path}/diffs", FileDiff))

    def _write(self, annotation: Annotation, files: list[FileDiff]) -> None:
        """Start a thread at the line, or at the file if GitLab shows no such line, or else at the merge request."""
        assert self._merge.diff_refs is not None
        for spot in spots(files, self._merge.diff_refs, annotation.path, annotation.line):
            if self._started(annotation, spot):
                return
        self._start(annotation, None)

    def _started(self, annotation: Annotation, spot: Spot) -> bool:
        try:
            self._start(annotation, spot)
        except GitlabError as error:
            if error.response_code != _REFUSED:
                raise
            return False
        return True

    def _start(self, annotation: Annotation, spot: Spot | None) -> None:
        text = note_text(annotation, named=spot is None or spot["position_type"] == "file")
        words: dict[str, object] = {"body": marked(mark_of(self._context, annotation), text)}
        whole = words if spot is None else {**words, "position": spot}
        self._api.post(f"{self._path}/discussions", whole, Discussion)
