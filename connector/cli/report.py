"""A run's report as people read it; made from the same object that `--json` prints."""

from collections.abc import Mapping
from typing import Any

from connector.cli.terminal import heading, say, table


def show(report: Mapping[str, Any]) -> None:
    """How the run ended, its books, lists, calls and notes."""
    show_run(report["run"])
    show_facts(report["facts"])
    show_books(report["books"])
    show_lists(report["audiences"])
    show_calls(report["calls"])
    for note in report["notes"]:
        say(f"! {note}")


def show_run(run: Mapping[str, Any]) -> None:
    """One line: number, end, moment, times."""
    seconds = ", ".join(f"{stage} {spent:.1f} s" for stage, spent in run["seconds"].items())
    whom = "everybody" if run["full"] else "those with news"
    again = f"; goes on after {run['resume_at'][:16].replace('T', ' ')} UTC" if run.get("resume_at") else ""
    say(
        f"Run {run['id']} as of {run['as_of']}: {run['status']}{again} ({seconds}); "
        f"decided {run['decided']:,} persons, {whom}"
    )


def show_facts(facts: Mapping[str, Any]) -> None:
    """The documented figures, where they were asked for."""
    if facts:
        heading("What was seen")
        table(("figure", "all time"), [(name.replace("_", " "), figure) for name, figure in facts.items()])


def show_books(books: Mapping[str, Mapping[str, int]]) -> None:
    """Every row accounted for: what came in, what went out."""
    if books:
        heading("Books")
    for name, book in books.items():
        say(f"{name}: " + ", ".join(f"{word} {count:,}" for word, count in book.items()))


def show_lists(audiences: Mapping[str, Mapping[str, Any]]) -> None:
    """Each list with its acknowledged size, what this run changed, and whom consent keeps out of it."""
    if audiences:
        heading("Lists")
        columns = ("list", "purpose", "size", "added", "removed")
        table(columns, [(name, *(row[column] for column in columns[1:])) for name, row in audiences.items()])
    for name, row in audiences.items():
        if excluded := row.get("excluded"):
            say(f"{name}: {excluded_in_words(excluded)}")


def excluded_in_words(excluded: Mapping[str, int]) -> str:
    """`12 kept out: 9 opted out, 3 unknown consent`."""
    reasons = ", ".join(f"{persons:,} {reason.replace('_', ' ')}" for reason, persons in excluded.items())
    return f"{sum(excluded.values()):,} kept out: {reasons}"


def show_calls(calls: Mapping[str, Mapping[str, int | None]]) -> None:
    """Calls made, against the fewest that could have done it."""
    if calls:
        heading("Calls")
    for system, counted in calls.items():
        say(f"{system}: {calls_in_words(counted)}")


def calls_in_words(counted: Mapping[str, int | None]) -> str:
    """`12 made (10 reads, 2 writes, 0 repeated), floor 11, 249,988 left today`."""
    made, reads, writes, retried = (counted[word] or 0 for word in ("made", "reads", "writes", "retried"))
    words = f"{made:,} made ({reads:,} reads, {writes:,} writes, {retried:,} of them repeated)"
    for word in ("floor", "forecast"):
        if counted.get(word) is not None:
            words += f", {word} {counted[word]:,}"
    return words if counted["budget_left"] is None else f"{words}, {counted['budget_left']:,} left to the account today"
