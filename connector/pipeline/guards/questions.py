"""What a push may do before a person has looked at it: what was approved, and the size of a plan as a whole."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from connector.errors import SetupError
from connector.home import Home
from connector.pipeline.report import Report
from connector.push.plan import Change, Plan
from connector.store import Store, acknowledged, approvals, runs
from connector.store.approvals import Summary
from connector.store.begun import begun
from connector.store.clock import now

LIST, FIRST, WHOLE, SEEN = "list", "first", "whole", "seen"
"""What asked: the guard of a list, of a first push, of all lists of a destination together, of what was pulled."""
LEAVES = "only withdrawals leave, and additions to a CRM's exclusion lists"
"""What WHOLE and SEEN let through. None to an ad platform's: whom it is told of must have agreed."""
PROPERTIES = ""
"""Stands among lists for the properties of contacts."""


def reach(approved: int) -> int:
    """How many changes a word that was given for so many is good for: 5 % more, or 10, as CRMs do not stand still."""
    return approved + max(10, approved // 20)


@dataclass
class Approvals:
    """What people approved and no push has taken yet; and what a push had let through when it was broken off.

    Attributes:
        begun: destination -> list -> {"add", "remove"} of the latter: the next push goes on in it unasked.
    """

    store: Store
    rows: Sequence[Any]
    begun: Mapping[str, Summary] = field(default_factory=dict)

    def lists(self, destination: str) -> Mapping[str, Mapping[str, int]]:
        """audience -> {"add", "remove"} that may change at a destination whatever its guard allows: of several
        words the one that reaches furthest."""
        found: dict[str, dict[str, int]] = {}
        rows = self._of(destination, (LIST, FIRST, WHOLE))
        for summary in (self.begun.get(destination, {}), *(row.summary for row in rows)):
            for name, told in summary.items():
                of = found.get(name, {})
                found[name] = of | {word: max(reach(count), of.get(word, 0)) for word, count in told.items()}
        return found

    def has(self, guard: str, destination: str, summary: Summary) -> bool:
        """Whether some row covers all of `summary`, as far as it has grown."""
        return any(_covered(row.summary, summary) for row in self._of(destination, (guard,)))

    def spend(self, destination: str, left: Summary) -> None:
        """A push took what was approved for a destination; `left` of its plan is still to come."""
        for row in self._of(destination, (LIST, FIRST, WHOLE, SEEN)):
            approvals.spend(self.store, row.plan, _least(row.summary, left))

    def _of(self, destination: str, guards: Collection[str]) -> list[Any]:
        return [row for row in self.rows if row.destination == destination and row.guard in guards]


def _least(approved: Summary, left: Summary) -> Summary:
    """Of what was approved as much as is left."""
    return {
        name: {word: min(count, left[name].get(word, 0)) for word, count in counts.items()}
        for name, counts in approved.items()
        if name in left
    }


def _covered(approved: Summary, planned: Summary) -> bool:
    return all(
        count <= reach(approved.get(name, {}).get(word, 0))
        for name, counts in planned.items()
        for word, count in counts.items()
    )


def approvals_of(home: Home, plan: str) -> Approvals:
    """What was approved in the last days, and `plan`, which a person approves now. Raises SetupError: it waits not."""
    if plan and not approvals.approve(home.store, plan):
        raise SetupError(f"no plan {plan} waits for approval", hint="lamplighter status")
    since = now() - timedelta(days=home.settings.guard.approval_days)
    return Approvals(home.store, approvals.approved(home.store, since), begun(home.store))


def hold(home: Home, run: int, plan: Plan, report: Report, labels: Mapping[str, str] = MappingProxyType({})) -> None:
    """Keep what guards of lists hold back until somebody approves it, and say so, once.

    Args:
        labels: audience -> what people call it; else it goes by its name.
    """
    held = {name: counts for name, counts in plan.summary().items() if name in plan.held}
    if not held:
        return
    asked = ask(home, run, Question(LIST, plan.destination, held, ""), report)
    for name, counts in held.items() if asked else ():
        look = "lamplighter ads" if name in labels else f"lamplighter audiences preview {name}"
        report.notes.append(
            f"{plan.destination}: {labels.get(name, name)} would gain {counts['add']:,} and lose {counts['remove']:,}, "
            f"more than its guard allows; look: {look}; if it is right: lamplighter run --approve {report.held[-1]}"
        )


@dataclass(frozen=True)
class Question:
    """What a person is asked. `words` are a sentence; the guards of lists have one a list."""

    guard: str
    destination: str
    summary: Summary
    words: str

    def id(self, run: int) -> str:
        """Short name, for `--approve`."""
        told = [self.guard, self.destination, dict(self.summary), run]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:10]


def ask(home: Home, run: int, question: Question, report: Report) -> bool:
    """Keep a question until somebody answers; False where this run asked it before.

    What waits already and would cover this, too, is asked on under its name: whoever was told of it may answer.
    """
    waits = [
        row.plan
        for row in approvals.waiting(home.store)
        if (row.guard, row.destination) == (question.guard, question.destination)
        and row.summary.keys() == question.summary.keys()
        and _covered(row.summary, question.summary)
    ]
    plan = waits[0] if waits else question.id(run)
    if not waits:
        told = {"guard": question.guard, "destination": question.destination, "words": question.words}
        approvals.ask(home.store, plan, run, question.summary, **told)
    if plan in report.held:
        return False
    report.held.append(plan)
    return True


def note(report: Report, question: Question, look: str) -> None:
    """A sentence for the admin, with the commands to look and to approve."""
    approve = f"lamplighter run --approve {report.held[-1]}"
    report.notes.append(f"{question.words}; look: {look}; if it is right: {approve}")


def whole(home: Home, run: int, plan: Plan, approved: Approvals, report: Report) -> str:
    """FIRST or WHOLE where a plan is too large as a whole and nobody approved it: it is asked for. Else empty."""
    question = _question(home, plan, approved.begun.get(plan.destination, {}))
    if question is None or approved.has(question.guard, plan.destination, question.summary):
        return ""
    if ask(home, run, question, report):
        note(report, question, "lamplighter run --dry-run, lamplighter audiences preview NAME")
    return question.guard


def _question(home: Home, plan: Plan, going_on: Summary) -> Question | None:
    part = home.settings.guard
    sizes = acknowledged.sizes(home.store, plan.destination)
    changes = {name: change for name, change in plan.lists.items() if name not in plan.held}
    if not sum(sizes.values()) or not runs.latest(home.store, status="done"):
        joining = max(sum(len(change.add) for change in changes.values()), len(plan.properties))
        asks = part.first_run == "ask" and joining > part.first_run_changes
        return Question(FIRST, plan.destination, counts(plan), _first_words(plan)) if asks else None
    news, held = sum(_news(change, going_on.get(name, {})) for name, change in changes.items()), sum(sizes.values())
    if news <= max(part.whole_changes, held * part.whole_percent / 100):
        return None
    words = (
        f"{plan.destination}: {news:,} changes of {len(changes):,} lists that hold {held:,} members in all, more than "
        f"guard.whole_percent allows; {LEAVES}"
    )
    return Question(WHOLE, plan.destination, counts(plan), words)


def _news(change: Change, begun: Mapping[str, int]) -> int:
    """Changes of a list that a push before had not let through already."""
    return max(0, change.news - begun.get("add", 0) - begun.get("remove", 0))


def counts(plan: Plan) -> dict[str, dict[str, int]]:
    """What an approval of the whole plan covers."""
    written = {PROPERTIES: {"properties": len(plan.properties)}} if plan.properties else {}
    return {**plan.summary(), **written}


def _first_words(plan: Plan) -> str:
    largest = sorted(plan.lists.items(), key=lambda one: (-len(one[1].add), one[0]))[:5]
    sizes = ", ".join(f"{name} {len(change.add):,}" for name, change in largest)
    more = f" and {len(plan.lists) - 5:,} more" if len(plan.lists) > 5 else ""
    return (
        f"{plan.destination}: the first push would fill {len(plan.lists):,} lists ({sizes}{more}) and write "
        f"{len(plan.properties):,} contacts; nothing of it was sent yet"
    )
