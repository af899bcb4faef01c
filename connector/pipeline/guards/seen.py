"""Guards over what was pulled: a column that has gone empty, or people who are gone in bulk, are not believed at once.

A permission that is lost at a CRM shows as empty fields, not as an error. What was read stays in the warehouse; until
it is right again, or a person says that it is, nothing leaves but what protects people.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from connector.home import Home
from connector.pipeline.guards import questions
from connector.pipeline.report import Report
from connector.pull import Book
from connector.relations import Keep, newest
from connector.schema import SEEN
from connector.settings import GuardPart
from connector.store import believed, runs
from connector.warehouse.tables import is_gone

TABLES = ("contact", "order_header", "order_line", "product")
"""Seen tables of records, each of which says again all that its source knows of it."""
PLAIN = ("key", "version", "crm", "crm_id", "source", "merged_into", "deleted_at", "extra", "updated_at")
"""Columns that no permission hides."""
TRUE = "true"
"""Said of a column of objections: that they stand counts apart from whether anything is known."""
OBJECTIONS = ("email_opt_out", "profiling_opt_out", "subscription_opt_out")
MOSTLY = 0.8
"""Of the records held, so many have a column filled, and new ones are expected to."""
SAVED = "seen"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One figure that fell. `subject` is what a question goes by; `missing` may grow a little until it is answered."""

    subject: str
    words: str
    look: str
    missing: int = 1


def look(home: Home, report: Report, approved: questions.Approvals, *, dry: bool) -> None:
    """Hold what is known now against what was last believed; tells in the report where only protection may leave."""
    last = believed.load(home.store, SAVED)
    if last is None or _quiet(home, report):
        return
    troubles = [*_emptied(home, *last), *_fewer(home, last[1], report)]
    if not troubles:
        return
    summary = {trouble.subject: {"missing": trouble.missing} for trouble in troubles}
    if approved.has(questions.SEEN, "", summary):
        if not dry:
            approved.spend("", {})
            believe(home, report)
        return
    report.doubted = True
    words = "; ".join(trouble.words for trouble in troubles)
    question = questions.Question(questions.SEEN, "", summary, f"{words}; {questions.LEAVES}")
    if dry:
        report.notes.append(question.words)
    elif questions.ask(home, report.number, question, report):
        questions.note(report, question, troubles[0].look)


def _quiet(home: Home, report: Report) -> bool:
    """Whether nothing was read, and nothing was left open: what was believed holds."""
    kept = any(book.kept for book in report.books.values() if isinstance(book, Book))
    return not kept and runs.previous_push_complete(home.store, report.number)


def believe(home: Home, report: Report) -> None:
    """From now on what is known in this run is what the next ones are compared with."""
    value = {"filled": _filled(home), "people": _people(home)}
    believed.save(home.store, SAVED, report.number, value)


def went_through(home: Home, report: Report) -> None:
    """A run in which nothing waits is believed, if it decided for everybody, or is the first."""
    if report.full or believed.load(home.store, SAVED) is None:
        believe(home, report)


def _emptied(home: Home, since: int, value: Mapping[str, Any]) -> Iterator[Trouble]:
    """Columns that records had before and have no more."""
    for table in TABLES:
        for row in _read_since(home, table, since):
            shares = value["filled"].get(row["of"], {}).get(table, {})
            for column in _watched(table):
                if trouble := _judged(home.settings.guard, table, column, row, shares.get(column, 0.0)):
                    yield trouble


def _judged(part: GuardPart, table: str, column: str, row: Mapping[str, Any], share: float) -> Trouble | None:
    """A trouble where nearly all that should be filled is empty.

    Expected is what a record had before; of new records so many as of those held, where that is most of them.
    """
    expected, found = row[f"{column}_had"], row[f"{column}_kept"]
    if share >= MOSTLY:
        expected += round(row["new"] * share)
        found += row[f"{column}_new"]
    if expected < part.empty_records or found > expected * (1 - part.empty_percent / 100):
        return None
    name = f"{row['of']}: {table}.{column}"
    is_objection = column.endswith(f"_{TRUE}")
    told = f"{table}.{column.removesuffix(f'_{TRUE}')} is {'true' if is_objection else 'filled'}"
    words = f"{row['of']}: {told} in {found:,} of {expected:,} records read, of which all should say so"
    return Trouble(subject=name, words=words, look="lamplighter check, then lamplighter run --reread " + row["of"])


def _read_since(home: Home, table: str, since: int) -> list[dict[str, Any]]:
    """A row a source: what its records that were read since a run have, and had before."""
    believed_run = home.warehouse.number("believed_run", since)

    def work(given: Mapping[str, ir.Table], keep: Keep) -> dict[str, ir.Table]:
        return {"figures": _compared(table, given["versions"], believed_run, keep)}

    inputs = {"versions": home.warehouse.versions(table)}
    rows = home.warehouse.prepared(f"read_{table}", table, inputs, work)["figures"].to_pyarrow().to_pylist()
    return [{name: value or 0 if name != "of" else value for name, value in row.items()} for row in rows]


def _compared(table: str, versions: ir.Table, since: ir.IntegerScalar, keep: Keep) -> ir.Table:
    read = keep(versions.filter(versions.run > since).select("key").distinct())
    ours = keep(versions.semi_join(read, "key"))
    now, before = newest(ours), newest(ours.filter(ours.run <= since))
    now = now.filter(~is_gone(now)).select("key", **_columns(table, now), of=now.key.split(":")[0])
    before = before.select("key", **{f"{name}_before": value for name, value in _columns(table, before).items()})
    both = now.left_join(before, "key")
    new = both.key_right.isnull()
    figures = {"new": new.sum()}
    for name in _watched(table):
        had = both[f"{name}_before"].fill_null(False)
        figures |= {f"{name}_had": had.sum(), f"{name}_kept": (had & both[name]).sum()}
        figures |= {f"{name}_new": (new & both[name]).sum()}
    return both.group_by("of").agg(**figures).order_by("of")


def _watched(table: str) -> list[str]:
    plain = [name for name in SEEN[table].names if name not in PLAIN]
    return plain + [f"{name}_{TRUE}" for name in plain if name in OBJECTIONS]


def _columns(table: str, rows: ir.Table) -> dict[str, ir.BooleanColumn]:
    """Watched column -> whether a row says it."""
    said = {name: rows[name].notnull() for name in _watched(table) if not name.endswith(f"_{TRUE}")}
    text = {name: said[name] & (rows[name] != "") for name in said if rows[name].type().is_string()}
    return {**said, **text, **{f"{name}_{TRUE}": rows[name].fill_null(False) for name in said if name in OBJECTIONS}}


def _filled(home: Home) -> dict[str, dict[str, dict[str, float]]]:
    """Source -> table -> column -> share of all rows ever read that have it; of a few rows it would say nothing."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for table in TABLES:
        rows = home.warehouse.versions(table)
        told = rows.filter(~is_gone(rows)).mutate(of=lambda one: one.key.split(":")[0])
        shares = {name: value.mean() for name, value in _columns(table, told).items()}
        for row in told.group_by("of").agg(rows_=told.count(), **shares).to_pyarrow().to_pylist():
            of, count = row.pop("of"), row.pop("rows_")
            if count < home.settings.guard.empty_records:
                continue
            found.setdefault(of, {})[table] = {name: round(share, 4) for name, share in row.items() if share}
    return found


def _fewer(home: Home, value: Mapping[str, Any], report: Report) -> Iterator[Trouble]:
    """People who are gone in bulk. Only a run that decided for many can have lost many."""
    part = home.settings.guard
    few = not report.full and report.decided <= part.collapse_records
    if few and runs.previous_push_complete(home.store, report.number):
        return
    now = _people(home)
    for name, before in sorted(value["people"].items()):
        missing = before - now.get(name, 0)
        if missing > part.collapse_records and missing > before * part.collapse_percent / 100:
            words = f"{name}: {now.get(name, 0):,}, they were {before:,}"
            yield Trouble(subject=name, words=words, look="lamplighter status, lamplighter check", missing=missing)


def _people(home: Home) -> dict[str, int]:
    """How many there are of whom lists are made, by what they are called in a sentence."""
    person, trait = home.warehouse.derived("person"), home.warehouse.derived("trait")
    contact = person.filter(person.identifier_type == "contact")
    by_source = contact.group_by(of=contact.identifier.split(":")[0]).agg(count=contact.count())
    counted = trait.agg(
        buyers=(trait.orders > 0).sum(),
        mail=trait.mail_barrier.isnull().sum(),
        ads=trait.ads_barrier.isnull().sum(),
    )
    found = counted.to_pyarrow().to_pylist()[0]
    contacts = {f"contacts in {row['of']}": row["count"] for row in by_source.to_pyarrow().to_pylist()}
    return {
        **contacts,
        "buyers": found["buyers"] or 0,
        "people who take e-mail": found["mail"] or 0,
        "people of whom ad platforms may be told": found["ads"] or 0,
    }
