"""Circuit breakers within a run: who is left alone, who is tried with one call, who failed and who answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from connector.errors import EndPass, ListGone, RetryLater
from connector.limits import Patience, patient
from connector.pipeline.report import Report
from connector.store import Store, breakers
from connector.store.breakers import Breaker
from connector.store.clock import now

SOON = timedelta(minutes=2)
"""What is told to be over before that is the rhythm of retries, or a short rest."""


@dataclass
class Breakers:
    """The systems of one run. A system counts once a run, however often it fails in it.

    Attributes:
        standing: as they stood when the run began.
        used: systems that were asked for something, or might have been.
        failing: of these, those that did not answer as they should.
        proven: those that have answered a call since they last failed.
    """

    store: Store
    report: Report
    standing: dict[str, Breaker] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.standing = breakers.standing(self.store)

    def left_alone(self, system: str) -> bool:
        """Whether a system is not to be asked in this run. Said in the report, which is not green then."""
        known = self.standing.get(system)
        if known is None or not known.open:
            return False
        self.report.status = "deferred"
        self.report.note(
            f"{system} is left alone until {known.try_again_at:%Y-%m-%d %H:%M} UTC after {known.failures} failures; "
            "lamplighter retry tries it now"
        )
        return True

    @contextmanager
    def trying(self, system: str, longest: float = float("inf")) -> Iterator[None]:
        """Ask a system for something; one that failed in its last runs is first asked with a single call.

        Args:
            longest: seconds of rest that it may ask for; see `limits.Patience`.
        """
        known = self.standing.get(system)
        if known is None or not known.open:  # else there is work of its own, but no call
            self.used.add(system)
        doubted = system in self.failing or (known is not None and known.opened_at is not None)
        patience = Patience(longest=longest, proven=not doubted or system in self.proven)
        with patient(patience):
            yield
        if patience.proven:
            self.proven.add(system)

    def failed(self, system: str, error: RetryLater) -> None:
        """Count a failure. What is not the system's own doing is none, nor is a day's quota that is spent: the system
        answers, and says when it takes calls again."""
        answers = error.resume_at is not None and error.resume_at > now() + SOON
        if isinstance(error, ListGone | EndPass) or answers or system in self.failing:
            return
        self.failing.add(system)
        self.proven.discard(system)
        breakers.failed(self.store, system, error.message)

    def close(self) -> None:
        """Whoever was asked and did not fail is asked as ever from now on."""
        for system in sorted((self.used - self.failing) & self.standing.keys()):
            breakers.close(self.store, system)
