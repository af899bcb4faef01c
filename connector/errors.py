"""Errors named after what the reader should do next.

    LamplighterError
    ├── SetupError        change the set-up, then run again          exit 2
    ├── RetryLater        nothing to change: wait, then run again    exit 3
    │   ├── ListGone      somebody deleted our list: bring it back
    │   ├── Resting       it asked for a short rest: others may have their turn meanwhile
    │   └── EndPass       the pass itself must end now, whomever it works for
    ├── GuardStop         look at the plan, then approve it          exit 4
    └── Failed            a fault: nothing was lost, see the log     exit 1

A message says which step, which record, what is kept, and the next command. It never holds
an e-mail address, a name or a token: ids of the CRM are what an admin can look up.
"""

from datetime import datetime


class LamplighterError(Exception):
    """Something went wrong in a way we know.

    Args:
        message: what happened, in words for the admin.
        hint: the next thing to do, as a command or a click.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.hint}" if self.hint else self.message


class Failed(LamplighterError):
    """A fault that neither waiting nor the admin's settings explain."""

    exit_code = 1


class SetupError(LamplighterError):
    """The admin must change a setting, a mapping, a permission or a file."""

    exit_code = 2


class RetryLater(LamplighterError):
    """The other system is down, slow or out of quota. What is done is kept.

    Args:
        resume_at: when trying again makes sense (aware, UTC), where it is known.
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", resume_at: datetime | None = None) -> None:
        super().__init__(message, hint=hint)
        self.resume_at = resume_at


class ListGone(RetryLater):
    """One of our lists is not there any more: deleted, or turned into something that is not ours to change.

    Args:
        audience: our name of the list.
    """

    def __init__(self, audience: str) -> None:
        super().__init__(f"the list {audience} was deleted or changed at the destination", hint="lamplighter run")
        self.audience = audience


class Resting(RetryLater):
    """The other system asked for a rest that is longer than others should wait for it; `resume_at` is known."""


class EndPass(RetryLater):
    """Nothing is wrong with the other system: this pass was asked to stop, or may not go on."""


class GuardStop(LamplighterError):
    """A plan would change more than its guard allows; a person must look at it."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "", plan_id: str = "") -> None:
        super().__init__(message, hint=hint)
        self.plan_id = plan_id
