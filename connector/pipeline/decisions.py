"""Merge and decide within a run: for everybody when the figures are due, else only for whom there is news."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.buying import currency_of
from connector.decide.decision import Decisions, decide
from connector.decide.figures import Figures, figures
from connector.decide.lists import settled
from connector.home import Home
from connector.merge.changes import News, anything_new, changed_persons, who_is_whom_may_differ
from connector.merge.doubts import doubts
from connector.merge.facts import facts
from connector.merge.identity import STRONG, Identity, identify
from connector.merge.merged import merge
from connector.merge.part import concerning
from connector.merge.seen import Seen, remembered
from connector.relations import Merged, newest
from connector.schema import SEEN
from connector.store import runs
from connector.warehouse.tables import Warehouse

PERSON_TABLES = ("holding", "touch", "trait", "suppression", "replenish", "recommendation", "wanted", "excluded")
FIGURE_TABLES = tuple(field.name for field in fields(Figures))


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
def decide_stage(home: Home, run: int, as_of: datetime, *, with_facts: bool) -> Outcome:
    """Merge what was seen and decide for `as_of`; the results are readable when this returns."""
    last = _last_decided(home)
    full = _full_pass_due(home, last, as_of)
    news = None if full else _news(home, last, as_of)
    decided, said = 0, list[str]()
    if news is None or _is(anything_new(news, home.warehouse.derived("trait"))):
        decided, said = _decide_whom_it_concerns(home, run, as_of, news)
    if news is not None:
        _forget_deleted(home, news)
    runs.mark_decided(home.store, run, full=full, rules=home.audiences.digest)
    if full:
        home.warehouse.drop_runs_before(run)
    counted = _facts(home, as_of) if with_facts else {}
    return Outcome(full=full, decided=decided, facts=counted, doubts=said)


def _is(question: ir.BooleanScalar) -> bool:
    return bool(question.to_pyarrow().as_py())


def _seen(home: Home) -> Seen:
    current = {table: home.warehouse.current(table) for table in SEEN}
    return Seen(**{**current, "product": remembered(home.warehouse.versions("product"))})


def who_is_whom(home: Home, seen: Seen) -> Identity:
    """Persons, by what contacts hold now and by the e-mails they had before."""
    events = home.warehouse.versions("interaction")
    naming = newest(events.filter(events.identifier_type.isin(STRONG))).drop("run")  # the others name nobody
    return identify(replace(seen, interaction=naming), home.warehouse.versions("contact"))


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


def _decide_whom_it_concerns(home: Home, run: int, as_of: datetime, news: News | None) -> tuple[int, list[str]]:
    """Decide for everybody (no `news`), or for whom the news concerns; returns for how many, and what is in doubt."""
    seen, keep = _seen(home), home.warehouse.keep
    if news is None:
        return _decide(home, run, as_of, seen, keep(who_is_whom(home, seen).person), None)
    held = keep(home.warehouse.derived("person").drop("run"))
    person = keep(who_is_whom(home, seen).person) if _is(who_is_whom_may_differ(news)) else held
    concerned = keep(changed_persons(news, held, person, home.warehouse.derived("trait"), keep))
    chosen = keep(person.semi_join(concerned, "person_id"))
    return _decide(home, run, as_of, concerning(seen, news, chosen, keep), chosen, concerned)


def _forget_deleted(home: Home, news: News) -> None:
    """What earlier runs made of persons one of whose contacts was deleted goes, now that they are decided anew."""
    deleted = news.contact.filter(news.contact.run > news.since, news.contact.deleted_at.notnull())
    person = home.warehouse.versions("person")
    theirs = person.filter(person.identifier_type == "contact").semi_join(
        deleted.select(identifier="key"), "identifier"
    )
    if named := theirs.select("person_id").distinct().to_pyarrow()["person_id"].to_pylist():
        home.warehouse.erase_superseded(named)


def _last_decided(home: Home) -> Any:
    found = runs.latest(home.store, decided=True)
    return found[0] if found else None


def _full_pass_due(home: Home, last: Any, as_of: datetime) -> bool:
    """Everybody is decided when nothing was yet, the rules changed, time went back, or the figures are old."""
    fresh = runs.latest(home.store, decided=True, full=True)
    if last is None or not fresh:
        return True
    stale: bool = as_of - fresh[0].as_of >= home.audiences.policy.refresh
    return stale or bool(last.rules != home.audiences.digest or as_of < last.as_of)


def _news(home: Home, last: Any, as_of: datetime) -> News:
    tables = {table: home.warehouse.versions(table) for table in SEEN}
    same = home.audiences.policy.sameness
    return News(**tables, since=last.number, before=last.as_of, as_of=as_of, sameness=same)


def _decide(
    home: Home, run: int, as_of: datetime, seen: Seen, person: ir.Table, concerned: ir.Table | None
) -> tuple[int, list[str]]:
    """Decide for the persons and write it down; returns for how many, and what is in doubt.

    Args:
        concerned: [person_id] of these and of persons who are no more; None where everybody is decided.
    """
    warehouse = home.warehouse
    everyone = (person.select("person_id").distinct() if concerned is None else concerned).select("person_id")
    count = int(everyone.count().to_pyarrow().as_py())
    if count == 0:
        return 0, []
    merged = merge(seen, person, as_of, warehouse.keep, home.audiences.policy.sameness)
    if concerned is None:
        _refresh_figures(home, run, merged, as_of)
    shop = _figures(home, run if concerned is None else runs.latest(home.store, decided=True, full=True)[0].number)
    _write(warehouse, run, person, merged, decide(merged, shop, home.audiences, as_of, warehouse.keep))
    warehouse.write("decided", everyone, run)
    return count, list(doubts(merged, currency_of(shop.cutpoint)))


def _refresh_figures(home: Home, run: int, merged: Merged, as_of: datetime) -> None:
    keep = home.warehouse.keep
    shop = settled(merged, figures(merged, home.audiences.policy, as_of, keep), home.audiences, as_of, keep)
    for table in FIGURE_TABLES:
        home.warehouse.write(table, getattr(shop, table), run)
    home.warehouse.write("same", merged.same, run)


def _figures(home: Home, run: int) -> Figures:
    return Figures(**{table: home.warehouse.figure(table, run).drop("run") for table in FIGURE_TABLES})


def _write(warehouse: Warehouse, run: int, person: ir.Table, merged: Merged, decisions: Decisions) -> None:
    tables = {"holding": merged.holding, "touch": merged.touch, **vars(decisions)}
    warehouse.write("person", person, run)
    for name in PERSON_TABLES:
        warehouse.write(name, tables[name], run)
