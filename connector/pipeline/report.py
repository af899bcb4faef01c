"""What a run tells: the stable JSON, and whether it is green."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.errors import RetryLater
from connector.model import Calls, aware
from connector.pull import Book
from connector.push.deliver import Ledger

EXIT_CODES = {"done": 0, "planned": 0, "failed": 1, "deferred": 3, "guarded": 4}


@dataclass(kw_only=True)
class Report:
    """One run, as `--json` prints it and the store keeps it.

    Attributes:
        plans: destination -> audience -> {"add", "remove"}, and "" -> {"properties"}: what was planned.
        held: plan ids that wait for approval.
        doubted: what was pulled may be less than there is: that nothing is known of somebody is no reason to act on.
        only_protect: why nothing may leave but what protects people, in words; empty: all may.
        stopped: a sweep found more gone than it may take for deleted.
        decided: how many persons were decided again.
        ads: ad platform -> how many audiences, what these prevent and hide, and when changes are in effect.
        notes: sentences for the admin: what falls short and what to do.
        resume_at: when a run that was cut short can go on, where that is known; the earliest of several.
    """

    number: int
    as_of: datetime
    status: str = "running"
    full: bool = False
    decided: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    books: dict[str, Book | Ledger] = field(default_factory=dict)
    audiences: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: dict[str, Calls] = field(default_factory=dict)
    plans: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    only_protect: list[str] = field(default_factory=list)
    doubted: bool = False
    stopped: bool = False
    notes: list[str] = field(default_factory=list)
    ads: dict[str, dict[str, Any]] = field(default_factory=dict)
    resume_at: datetime | None = None

    @property
    def exit_code(self) -> int:
        """The command's exit code for this status."""
        return EXIT_CODES[self.status]

    @property
    def balanced(self) -> bool:
        """True when no row is unaccounted for."""
        return all(book.balanced for book in self.books.values())

    def note(self, sentence: str) -> None:
        """Tell the admin, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def keep_plan(self, destination: str, changes: Mapping[str, Mapping[str, int]]) -> None:
        """What a destination is to change. Planned anew within a run it is without what has left already: of each
        figure the largest is what there was to do."""
        known = self.plans.setdefault(destination, {})
        for name, counts in changes.items():
            of = known.setdefault(name, {})
            of |= {word: max(count, of.get(word, 0)) for word, count in counts.items()}

    def cut_short(self, by: str, error: RetryLater) -> None:
        """Note why and until when the work for a source or destination waits."""
        self.note(f"{by}: {error}")
        if error.resume_at:
            moments = [aware(error.resume_at), *([self.resume_at] if self.resume_at else [])]
            self.resume_at = min(moments)

    def as_json(self) -> dict[str, Any]:
        """The documented object; keys are stable."""
        return {
            "run": {
                "id": self.number,
                "status": self.status,
                "as_of": self.as_of.isoformat(),
                "full": self.full,
                "decided": self.decided,
                "resume_at": self.resume_at.isoformat() if self.resume_at else None,
                "seconds": {stage: round(spent, 3) for stage, spent in self.seconds.items()},
            },
            "facts": self.facts,
            "books": {name: book.as_json() for name, book in self.books.items()},
            "audiences": self.audiences,
            "calls": {system: _calls(counted) for system, counted in self.calls.items()},
            "ads": self.ads,
            "plans": self.plans,
            "held": self.held,
            "only_protect": self.only_protect,
            "notes": self.notes,
        }


def _calls(counted: Calls) -> dict[str, Any]:
    return {
        "made": counted.made,
        "floor": counted.floor,
        "forecast": counted.forecast,
        "retried": counted.retried,
        "limited": counted.limited,
        "budget_left": counted.budget_left,
        "budget_limit": counted.quota.limit if counted.quota else None,
        "answers": counted.answers,
        "reads": counted.reads,
        "writes": counted.writes,
    }
