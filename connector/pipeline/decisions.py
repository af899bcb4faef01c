"""Merge and decide within a run: for everybody when the figures are due, else only for whom there is news."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.decision import Decisions, decide
from connector.decide.figures import Figures, figures
from connector.decide.loyalty.buying import currency_of
from connector.decide.membership.lists import settled
from connector.home import Home
from connector.merge.changes import News, anything_new, changed_persons, who_is_whom_may_differ
from connector.merge.doubts import doubts
from connector.merge.facts import facts
from connector.merge.identity import STRONG, Identity, identify
from connector.merge.merged import merge
from connector.merge.part import concerning
from connector.merge.seen import Seen, remembered
from connector.relations import Keep, Merged, newest, newest_of, repeated
from connector.schema import SEEN
from connector.store import runs
from connector.warehouse.tables import holding_now, typed

PERSON_TABLES = ("holding", "touch", "trait", "suppression", "replenish", "recommendation", "wanted", "excluded")
LAID_DOWN = ("touch",)
"""Of these, what a pass over everybody writes before it decides."""
FIGURE_TABLES = tuple(field.name for field in fields(Figures))
WAITING = 2
"""See `full_pass_due`."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the stage did.

    Attributes:
        full: everybody was decided.
        decided: persons decided in this run.
        facts: the documented figures (empty unless asked for).
        doubts: sentences for the admin about the persons decided.
    """

    full: bool
    decided: int
    facts: Mapping[str, Any]
    doubts: Sequence[str] = ()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: all of the many small objects of expressions live until the stage ends, and
    looking through them again and again took a fifth of it."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@_uncollected()
def decide_stage(home: Home, run: int, as_of: datetime, *, with_facts: bool, all_read: bool = True) -> Outcome:
    """Merge what was seen and decide for `as_of`; the results are readable when this returns.

    Args:
        all_read: see `full_pass_due`.
    """
    last = _last_decided(home)
    full = full_pass_due(home, as_of, all_read=all_read)
    decided, said = decide_everybody(home, run, as_of) if full else _decide_news(home, run, last, as_of)
    runs.mark_decided(home.store, run, full=full, rules=home.audiences.digest)
    if full:
        home.warehouse.drop_runs_before(run)
    counted = _facts(home, as_of) if with_facts else {}
    return Outcome(full=full, decided=decided, facts=counted, doubts=said)


def _seen(home: Home) -> Seen:
    return _seen_of({table: home.warehouse.versions(table) for table in SEEN})


def _seen_of(versions: Mapping[str, ir.Table]) -> Seen:
    """The current rows, looked for among all of them as often as somebody reads them."""
    current = {table: newest(versions[table]).drop("run") for table in SEEN}
    return Seen(**{**current, "product": remembered(versions["product"])})


def _all_seen(home: Home) -> Seen:
    """The current rows of everybody; keys of several versions are looked for once."""
    versions = {table: home.warehouse.versions(table) for table in SEEN}
    current = {table: _current(home, rows).drop("run") for table, rows in versions.items() if table != "product"}
    return Seen(**current, product=remembered(versions["product"]))


def _current(home: Home, rows: ir.Table) -> ir.Table:
    again = home.warehouse.keep(repeated(rows))
    return newest_of(rows, again) if _count(again) else rows


def who_is_whom(home: Home, seen: Seen) -> Identity:
    """Persons, by what contacts hold now and by the e-mails they had before."""
    read = {table: home.warehouse.versions(table) for table in ("contact", "interaction")}
    return _who_is_whom(read, seen, home.warehouse.keep)


def _who_is_whom(versions: Mapping[str, ir.Table], seen: Seen, keep: Keep) -> Identity:
    events = versions["interaction"]
    naming = newest(events.filter(events.identifier_type.isin(STRONG))).drop("run")  # the others name nobody
    return identify(replace(seen, interaction=naming), versions["contact"], keep)


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """Decisions for everybody that are written nowhere, and what they follow from."""

    merged: Merged
    figures: Figures
    decisions: Decisions


def decided_afresh(home: Home, audiences: Audiences, as_of: datetime) -> Fresh:
    """What a full pass at `as_of` would decide by these audiences over what was pulled."""
    seen, keep, policy = _seen(home), home.warehouse.keep, audiences.policy
    merged = merge(seen, keep(who_is_whom(home, seen).person), as_of, keep, policy.sameness)
    shop = settled(merged, figures(merged, policy, as_of, keep), audiences, as_of, keep)
    return Fresh(merged=merged, figures=shop, decisions=decide(merged, shop, audiences, as_of, keep))


def _facts(home: Home, as_of: datetime) -> dict[str, Any]:
    keep, seen = home.warehouse.keep, _seen(home)
    found = who_is_whom(home, seen)
    identity = Identity(person=keep(found.person), shared=keep(found.shared))
    return dict(facts(seen, identity, as_of, keep, home.audiences.policy.sameness))


def decide_everybody(home: Home, run: int, as_of: datetime, figures: int | None = None) -> tuple[int, list[str]]:
    """Decide for everybody; returns for how many, and what is in doubt.

    Args:
        figures: the run whose shop-wide figures are used; None: they are refreshed.
    """
    seen, keep = _all_seen(home), home.warehouse.keep
    person = keep(who_is_whom(home, seen).person)
    everyone = keep(person.select("person_id").distinct())
    if not _count(everyone):
        return 0, []
    merged = _laid_down(home, run, _merged(home, seen, person, as_of))
    if figures is None:
        _refresh_figures(home, run, merged, as_of)
    return _decide(home, run, run if figures is None else figures, merged, everyone, as_of, LAID_DOWN)


def _laid_down(home: Home, run: int, merged: Merged) -> Merged:
    """The same, with everybody's touches on disk, from where they are read: there may be more than memory holds."""
    there = {}
    for name in LAID_DOWN:
        home.warehouse.append_kept(name, getattr(merged, name), run)
        rows = home.warehouse.versions(name)
        there[name] = rows.filter(rows.run == run).drop("run")
    return replace(merged, **there)


def _decide_news(home: Home, run: int, last: Any, as_of: datetime) -> tuple[int, list[str]]:
    """Decide for whom there is news; returns for how many, and what is in doubt."""
    decided, said = 0, list[str]()
    versions = {table: home.warehouse.versions(table) for table in SEEN}
    questions = _questions(home, versions, last, as_of)
    if questions["anything"]:
        decided, said = _decide_concerned(home, run, last, as_of, versions, who_may_differ=questions["who"])
    _forget_deleted(home, versions["contact"], last.number)
    return decided, said


def _questions(home: Home, versions: Mapping[str, ir.Table], last: Any, as_of: datetime) -> dict[str, bool]:
    """`anything`: somebody must be decided again; `who`: the news may join, part or name persons."""
    news = _newest_since(home, last, as_of)

    def work(table: Mapping[str, ir.Table], keep: Keep) -> dict[str, ir.Table]:
        told, trait = news(table), holding_now(table["trait"], table["decided"])
        anything, who = anything_new(told, trait), who_is_whom_may_differ(told)
        return {"answers": anything.name("anything").as_table().cross_join(who.name("who").as_table())}

    found = home.warehouse.prepared("questions", _about(home), _derived(home, versions, "trait"), work)
    return dict(found["answers"].to_pyarrow().to_pylist()[0])


def _decide_concerned(
    home: Home, run: int, last: Any, as_of: datetime, versions: Mapping[str, ir.Table], *, who_may_differ: bool
) -> tuple[int, list[str]]:
    news = _newest_since(home, last, as_of)

    def who(table: Mapping[str, ir.Table], keep: Keep) -> dict[str, ir.Table]:
        held = keep(holding_now(table["person"], table["decided"]).drop("run"))
        seen = _seen_of(table)
        person = keep(_who_is_whom(table, seen, keep).person) if who_may_differ else held
        trait = holding_now(table["trait"], table["decided"])
        concerned = keep(changed_persons(news(table), held, person, trait, keep))
        return {"chosen": keep(person.semi_join(concerned, "person_id")), "concerned": concerned}

    def part(table: Mapping[str, ir.Table], keep: Keep) -> dict[str, ir.Table]:
        chosen = concerning(_seen_of(table), news(table), table["chosen"], keep)
        return {name: getattr(chosen, name) for name in SEEN}

    about, inputs = (_about(home), who_may_differ), _derived(home, versions, "trait", "person")
    found = home.warehouse.prepared("who", about, inputs, who)
    concerned = found["concerned"].select("person_id")
    if not _count(concerned):
        return 0, []
    seen = home.warehouse.prepared(
        "part", about, {**versions, "chosen": found["chosen"]}, part, lazy=("product", "identity_link")
    )
    merged = _merged(home, Seen(**seen), found["chosen"], as_of)
    figures = runs.latest(home.store, decided=True, full=True)[0].number
    return _decide(home, run, figures, merged, concerned, as_of)


def _about(home: Home) -> str:
    """What prepared steps depend on besides the rows."""
    return home.audiences.digest


def _derived(home: Home, versions: Mapping[str, ir.Table], *tables: str) -> dict[str, ir.Table]:
    return {**versions, **{table: home.warehouse.versions(table) for table in (*tables, "decided")}}


def _count(rows: ir.Table) -> int:
    return int(rows.count().to_pyarrow().as_py())


def _merged(home: Home, seen: Seen, person: ir.Table, as_of: datetime) -> Merged:
    """What was seen of some persons, brought together."""
    moment, sameness = home.warehouse.moment("as_of", as_of), home.audiences.policy.sameness

    def work(table: Mapping[str, ir.Table], keep: Keep) -> dict[str, ir.Table]:
        given = Seen(**{name: table[name] for name in SEEN})
        return dict(vars(merge(given, table["person"], moment, keep, sameness)))

    inputs = {**{name: getattr(seen, name) for name in SEEN}, "person": person}
    return Merged(
        **home.warehouse.prepared("merged", _about(home), inputs, work, lazy=("activity", "interaction", "touch"))
    )


def _forget_deleted(home: Home, contact: ir.Table, since: int) -> None:
    """What earlier runs made of persons one of whose contacts was deleted goes, now that they are decided anew."""
    deleted = contact.filter(contact.run > since, contact.deleted_at.notnull()).select("key")
    if not _count(deleted):
        return
    person = home.warehouse.versions("person")
    theirs = person.filter(person.identifier_type == "contact").semi_join(
        deleted.select(identifier="key"), "identifier"
    )
    if named := theirs.select("person_id").distinct().to_pyarrow()["person_id"].to_pylist():
        home.warehouse.erase_superseded(named)


def _last_decided(home: Home) -> Any:
    found = runs.latest(home.store, decided=True)
    return found[0] if found else None


def full_pass_due(home: Home, as_of: datetime, *, all_read: bool = True) -> bool:
    """Everybody is decided when nothing was yet, the rules changed, time went back, or the figures are old.

    Args:
        all_read: every source was read to its end. Else figures may be WAITING times as old: drawn from a part of what
            there is they would stand for a day, though the rest comes within the hour.
    """
    last = _last_decided(home)
    fresh = runs.latest(home.store, decided=True, full=True)
    if last is None or not fresh:
        return True
    stale: bool = as_of - fresh[0].as_of >= home.audiences.policy.refresh * (1 if all_read else WAITING)
    return stale or bool(last.rules != home.audiences.digest or as_of < last.as_of)


def _newest_since(home: Home, last: Any, as_of: datetime) -> Callable[[Mapping[str, ir.Table]], News]:
    """Tells of all versions of the seen tables what is new since the last decision."""
    since = home.warehouse.number("since", last.number)
    moments = {name: home.warehouse.moment(name, at) for name, at in (("before", last.as_of), ("as_of", as_of))}
    sameness = home.audiences.policy.sameness
    return lambda table: News(**{name: table[name] for name in SEEN}, since=since, **moments, sameness=sameness)


def _decide(
    home: Home,
    run: int,
    figures: int,
    merged: Merged,
    everyone: ir.Table,
    as_of: datetime,
    written: Sequence[str] = (),
) -> tuple[int, list[str]]:
    """Decide for the persons in `merged` by the figures of a run and write it down; see `decide_everybody`.

    Args:
        everyone: [person_id] of these and of persons who are no more.
        written: derived tables that hold this run's rows already.
    """
    names = [name for name in ("person", *PERSON_TABLES) if name not in written]
    warehouse, shop, moment = home.warehouse, _figures(home, figures), home.warehouse.moment("as_of", as_of)

    def work(table: Mapping[str, ir.Table], keep: Keep) -> dict[str, ir.Table]:
        given = Merged(**{name: table[name] for name in vars(merged)})
        made = vars(
            decide(given, Figures(**{name: table[name] for name in FIGURE_TABLES}), home.audiences, moment, keep)
        )
        derived = {"person": given.person, "holding": given.holding, "touch": given.touch, **made}
        return {name: typed(name, derived[name]) for name in names}

    about = (_about(home), *names)
    rows = warehouse.prepared("decided", about, {**vars(merged), **vars(shop)}, work, lazy=names)  # read once
    for name, table in rows.items():
        warehouse.append_kept(name, table, run)
    warehouse.write("decided", everyone, run)
    return _count(everyone), list(doubts(merged, currency_of(shop.cutpoint)))


def _refresh_figures(home: Home, run: int, merged: Merged, as_of: datetime) -> None:
    keep = home.warehouse.keep
    shop = settled(merged, figures(merged, home.audiences.policy, as_of, keep), home.audiences, as_of, keep)
    for table in FIGURE_TABLES:
        home.warehouse.write(table, getattr(shop, table), run)
    home.warehouse.write("same", merged.same, run)


def _figures(home: Home, run: int) -> Figures:
    return Figures(**{table: home.warehouse.figure(table, run).drop("run") for table in FIGURE_TABLES})
