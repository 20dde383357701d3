"""Everything that can go wrong, by whose fault it is and whether trying again can help.

LitmusGitopsError
├── BadInput                400  the caller sent what we cannot read
│   ├── TooLarge            413
│   ├── WrongMediaType      415
│   └── Invalid             422  readable, but it breaks a rule
├── Unauthenticated         401
├── Forbidden               403
│   └── Protected           403  the git host lets nobody push to this branch, or not us
├── NotFound                404
│   └── WrongMethod         405
├── Conflict                409  true now, and true again if merely repeated
│   ├── Overlap             409  an edit and git changed the same thing: a person has to decide
│   └── Stale               409  a conditional write lost a race: read again, decide again
├── Gone                    410  too old to be acted on
├── Unavailable             503  another party is away; the queue tries again
│   ├── NotKnown            503  a newer release asks for what this one does not know: it comes again, later
│   └── NotYet              503  nothing is wrong, it is only too early
└── Misconfigured           500  the operator must mend a setting
"""

from __future__ import annotations

from typing import ClassVar


class LitmusGitopsError(Exception):
    """Any error that this project raises on purpose; its text is safe to show to the caller."""

    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False
    title: ClassVar[str] = "Internal error"


class BadInput(LitmusGitopsError):
    """The caller sent something that cannot be read."""

    status = 400
    title = "Bad request"


class TooLarge(BadInput):
    """The body is over the limit, which the text names in bytes."""

    status = 413
    title = "Too large"


class WrongMediaType(BadInput):
    """The body's media type is not one that this path reads."""

    status = 415
    title = "Unsupported media type"


class Invalid(BadInput):
    """The input was read and breaks a rule; `problems` lists each by field."""

    status = 422
    title = "Invalid"

    def __init__(self, message: str, problems: tuple[dict[str, object], ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class Unauthenticated(LitmusGitopsError):
    """The caller did not prove who it is."""

    status = 401
    title = "Unauthenticated"


class Forbidden(LitmusGitopsError):
    """The caller is known and may not do this."""

    status = 403
    title = "Forbidden"


class Protected(Forbidden):
    """The git host refuses pushes to a branch by a rule of its own; another branch and a pull request may pass."""


class NotFound(LitmusGitopsError):
    """There is nothing under this name."""

    status = 404
    title = "Not found"


class WrongMethod(NotFound):
    """The path exists, but only for the methods that `allowed` lists."""

    status = 405
    title = "Method not allowed"

    def __init__(self, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.allowed = allowed


class Conflict(LitmusGitopsError):
    """The request does not fit the present state."""

    status = 409
    title = "Conflict"


class Overlap(Conflict):
    """An edit does not fit what git holds and is kept as the conflict object `conflict`, to be settled."""

    def __init__(self, message: str, conflict: str = "") -> None:
        super().__init__(message)
        self.conflict = conflict


class Stale(Conflict):
    """A conditional write found another version: read again and decide again."""

    retry = True


class Gone(LitmusGitopsError):
    """The request is too old to be acted on."""

    status = 410
    title = "Gone"


class Unavailable(LitmusGitopsError):
    """Another party does not answer; nothing is lost and the queue tries again."""

    status = 503
    retry = True
    title = "Unavailable"


class NotKnown(Unavailable):
    """Another release of ours may know what this one does not; try again after `seconds`, when it may be here."""

    title = "Not known"
    seconds: ClassVar[float] = 300.0


class NotYet(Unavailable):
    """It is too early; try again after `seconds`."""

    title = "Not yet"

    def __init__(self, message: str, seconds: float = 5.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class Misconfigured(LitmusGitopsError):
    """A setting is missing or wrong, and only the operator can mend it."""

    status = 500
    title = "Misconfigured"
