"""Whose turn it is in a push. One thread, in an order that is the same each time, and yet nobody waits long for
another: whoever has worked for a while lets the others go on, and whoever asks for rest is taken up again after them.

Threads would wait less for slow answers, but planning reads the warehouse through one connection, and what happens in
an order of its own can be neither repeated nor killed at every step by a test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from connector import tracing
from connector.errors import EndPass, LamplighterError, Resting
from connector.limits import Clock
from connector.pipeline.breaking import Breakers
from connector.push.deliver import Ledger, Steps

TURN = 30.0
"""Seconds that one destination works while others wait."""
PATIENCE = 5.0
"""Seconds of rest that it may ask for within its turn."""
RESTS = 120.0
"""Seconds of rest that it may ask for in one push; after more the rest waits for the next run."""


class Work(Protocol):
    """The push to one destination."""

    ledger: Ledger

    @property
    def name(self) -> str:
        """Of the destination."""
        ...


W = TypeVar("W", bound=Work)


@dataclass
class _Turn(Generic[W]):
    """One destination's way through a phase."""

    work: W
    steps: Steps
    spent: float = 0.0
    ready_at: float = 0.0


@dataclass
class Turns:
    """The turns of one push.

    Attributes:
        several: there are others to wait; a destination of its own may rest as long as its calls allow.
        rested: destination -> seconds of rest so far.
    """

    breakers: Breakers
    several: bool
    clock: Clock = field(default_factory=Clock)
    rested: dict[str, float] = field(default_factory=dict)

    def take(
        self, works: Sequence[W], begin: Callable[[W], Steps], ended: Callable[[W, LamplighterError | None], bool]
    ) -> list[W]:
        """Let all go through a phase.

        Args:
            begin: the phase of one of them; begun anew after a rest.
            ended: told how one ended, with None if all is well; whether that one goes on to the next phase.

        Returns:
            Those that go on.

        Raises:
            EndPass: nobody goes on.
        """
        waiting = [_Turn(work, begin(work)) for work in works]
        on: list[W] = []
        while waiting:
            turn = self._next(waiting)
            steps, outcome = self._go_on(turn, alone=len(waiting) == 1)
            if steps:
                continue
            if isinstance(outcome, Resting) and self._may_rest(turn, outcome):
                turn.steps = begin(turn.work)
                continue
            waiting.remove(turn)
            if ended(turn.work, outcome):
                on.append(turn.work)
        return on

    def _next(self, waiting: Sequence[_Turn[W]]) -> _Turn[W]:
        """Of those that do not rest, the one that has worked least; if all rest, the one that is ready first."""
        now = self.clock.monotonic()
        turn = min(waiting, key=lambda one: (max(one.ready_at, now), one.spent))
        if turn.ready_at > now:
            self.clock.sleep(turn.ready_at - now)
        return turn

    def _go_on(self, turn: _Turn[W], *, alone: bool) -> tuple[bool, LamplighterError | None]:
        """Work until its time is over or it is done; whether there is more to do, and how it ended if not."""
        began = self.clock.monotonic()
        try:
            patience = PATIENCE if self.several else float("inf")
            with tracing.span("push turn", destination=turn.work.name), self.breakers.trying(turn.work.name, patience):
                while alone or self.clock.monotonic() - began < TURN:
                    next(turn.steps)
        except StopIteration as end:
            outcome: LamplighterError | None = end.value
        except LamplighterError as error:
            outcome = error
        else:
            turn.spent += self.clock.monotonic() - began
            return True, None
        if isinstance(outcome, EndPass):
            raise outcome
        return False, outcome

    def _may_rest(self, turn: _Turn[W], wish: Resting) -> bool:
        """Let it rest as long as it wishes, unless that would be too long for this push."""
        seconds = self._until(wish.resume_at)
        rested = self.rested.get(turn.work.name, 0.0) + max(seconds, PATIENCE)
        if rested > RESTS:
            return False
        self.rested[turn.work.name] = rested
        turn.ready_at = self.clock.monotonic() + seconds
        return True

    def _until(self, moment: datetime | None) -> float:
        return max(0.0, (moment - self.clock.now()).total_seconds()) if moment else 0.0
