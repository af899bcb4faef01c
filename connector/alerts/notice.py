"""What people are told: one trouble, in a form for programs and in one for people. Never personal data."""

import socket
from dataclasses import dataclass
from datetime import datetime

TROUBLE, REMINDER, OVER, TEST = "trouble", "reminder", "recovered", "test"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Attributes:
    state: one of TROUBLE, REMINDER, OVER, TEST.
    kind, subject: as of `troubles.Trouble`; the same trouble has the same ones each time.
    install: name of the home's folder.
    since: when it was first seen.
    """

    state: str
    kind: str
    subject: str
    words: str
    command: str
    install: str
    since: datetime
    at: datetime

    @property
    def title(self) -> str:
        """One line."""
        what = f"{self.kind} {self.subject}".strip()
        prefix = {TROUBLE: "", REMINDER: "still: ", OVER: "over: ", TEST: "test: "}[self.state]
        return f"Lamplighter ({self.install}): {prefix}{what}"

    @property
    def text(self) -> str:
        """A few lines for people."""
        lines = [self.title, self.words, f"since {self.since:%Y-%m-%d %H:%M} UTC, on {socket.gethostname()}"]
        return "\n".join([*lines, *([f"-> {self.command}"] if self.command else [])])

    def as_json(self) -> dict[str, str]:
        """For a webhook; keys are stable."""
        return {
            "state": self.state,
            "kind": self.kind,
            "subject": self.subject,
            "words": self.words,
            "command": self.command,
            "install": self.install,
            "host": socket.gethostname(),
            "since": self.since.isoformat(),
            "at": self.at.isoformat(),
        }
