"""For each word of a rule that is about an item: who it holds for, and the one item that is told as the reason."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.decide.cross_sell.related import with_related
from connector.decide.items import with_item
from connector.decide.membership.occurrences import newest_of_family, occurrences, often, single
from connector.decide.text import day, instant, json_object
from connector.relations import Merged, Moment, ago, under, without
from connector.rule_language import duration
from connector.rule_words import TOUCHES

TOLD = (
    "title",
    "product_id",
    "family",
    "category",
    "items",
    "date",
    "order_id",
    "until",
    "because",
    "why",
    "campaign",
    "times",
    "related",
)
"""What a reason may name; null where the word does not tell it."""
ITEMS = 3
"""So many titles stand in `items`."""

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Basis:
    """What stories are made from: merged tables, what was decided of items, and families, at one moment.

    Attributes:
        active: standings that suppress, each since its `since`; see `suppress.standings`.
        due: [person_id, family, due_at, evidence] of what is to be bought again.
        family: shop-wide figures of families.
    """

    merged: Merged
    active: ir.Table
    recommended: ir.Table
    due: ir.Table
    family: ir.Table
    as_of: Moment


def story(basis: Basis, word: str, options: Options, addressed: bool, names: Collection[str]) -> ir.Table:
    """[person_id, evidence, *names]: one row for each person the word holds for, with the newest item it holds for.

    Args:
        addressed: the audience speaks to people: sensitive families do not count, nor do touches of families that are
            suppressed for the person, or sold out.
        names: which of TOLD to tell.
    """
    rows = _within(_rows(basis, word, options), options, basis.as_of)
    if word in TOUCHES:
        rows = _open(rows, basis, options, addressed)
    rows = with_item(rows, basis.merged.catalogue)
    rows = _chosen(rows.filter(~rows.sensitive) if addressed else rows, options)
    if single(word, options):
        rows = newest_of_family(often(rows, options))
    newest = _not_within(_newest(rows, "items" in names), options, basis.as_of)
    if "related" in names:
        newest = with_related(newest, basis.family, basis.recommended, basis.merged.holding)
    return _STORIES.get(word, _touch_story)(newest, names)


def _rows(basis: Basis, word: str, options: Options) -> ir.Table:
    """[person_id, family, last_product_id, moment] and what the word's story needs; a row a family, or an event."""
    if single(word, options):
        return occurrences(basis.merged, word)
    return _touched(basis, word) if word in TOUCHES else _ROWS[word](basis)


def _touched(basis: Basis, word: str) -> ir.Table:
    touch, column = basis.merged.touch, f"last_{TOUCHES[word]}_at"
    return touch.filter(touch[column].notnull()).select("person_id", "family", "last_product_id", moment=column)


def _bought(basis: Basis) -> ir.Table:
    holding = basis.merged.holding.filter(basis.merged.holding.last_purchase_at.notnull())
    return holding.mutate(moment=holding.last_purchase_at)


def _suppressed(basis: Basis) -> ir.Table:
    return basis.active.mutate(moment=basis.active.since).drop("title", "product_type", "sensitive")


def _due(basis: Basis) -> ir.Table:
    item = basis.merged.holding.select("person_id", "family", "last_product_id")
    both = basis.due.inner_join(item, ["person_id", "family"])
    return both.select("person_id", "family", "evidence", "last_product_id", moment="due_at")


def _recommended(basis: Basis) -> ir.Table:
    best = basis.recommended
    return best.select("person_id", "family", "why", last_product_id=best.product_id, moment=-best["rank"])


_ROWS: Mapping[str, Callable[[Basis], ir.Table]] = {
    "bought": _bought,
    "suppressed": _suppressed,
    "recommended": _recommended,
    "replenish_due": _due,
}


def _within(rows: ir.Table, options: Options, as_of: Moment) -> ir.Table:
    """Rows no longer ago than the option says. They count until exactly then."""
    return rows.filter(rows.moment > ago(as_of, duration(options["within"]))) if "within" in options else rows


def _not_within(newest: ir.Table, options: Options, as_of: Moment) -> ir.Table:
    """Persons whose newest row is as long ago as the option says, from exactly then on."""
    if "not_within" not in options:
        return newest
    return newest.filter(newest.moment <= ago(as_of, duration(options["not_within"])))


def _open(rows: ir.Table, basis: Basis, options: Options, addressed: bool) -> ir.Table:
    """Touches of families not bought ever, or not since, as the options ask; for the addressed of families that are
    neither suppressed nor sold out."""
    if addressed:
        rows = without(rows, basis.active, ["person_id", "family"])
        rows = without(rows, basis.family.filter(~basis.family.available), ["family"])
    holding = basis.merged.holding
    bought = holding.filter(holding.last_purchase_at.notnull()).select("person_id", "family", "last_purchase_at")
    if options.get("not_bought"):
        return without(rows, bought, ["person_id", "family"])
    if options.get("not_bought_since"):
        pair = rows.left_join(bought, ["person_id", "family"])
        later = (pair.last_purchase_at < pair.moment).fill_null(True)
        return pair.filter(later).select(*[rows[name] for name in rows.columns])
    return rows


def _chosen(rows: ir.Table, options: Options) -> ir.Table:
    for name, column in (("family", "family"), ("product", "last_product_id"), ("campaign", "campaign")):
        if name in options:
            rows = rows.filter(rows[column].isin(options[name]))
    if "product_type" in options:
        rows = rows.filter(reduce(or_, (under(rows.product_type, name) for name in options["product_type"])))
    return rows


def _newest(rows: ir.Table, with_others: bool) -> ir.Table:
    """One row a person, and the titles of the ITEMS newest. Texts are made after this: most rows are never told."""
    order = ibis.window(group_by=rows.person_id, order_by=[rows.moment.desc(), rows.family])
    ranked = rows.mutate(place=ibis.row_number().over(order))
    first = ranked.filter(ranked.place == 0)
    if not with_others:
        return first
    few = ranked.filter(ranked.place < ITEMS)
    wide = few.group_by("person_id").agg(**{f"title_{n}": few.title.max(where=few.place == n) for n in range(ITEMS)})
    rest = [("; " + wide[f"title_{n}"]).fill_null("") for n in range(1, ITEMS)]
    items = wide.select("person_id", items=sum(rest, wide.title_0))
    return first.left_join(items, "person_id").drop("person_id_right")


def _touch_story(rows: ir.Table, names: Collection[str]) -> ir.Table:
    evidence = json_object(at=instant(rows.moment), family=rows.family, product_id=rows.last_product_id)
    return _told(rows, names, evidence, date=day(rows.moment))


def _response_story(rows: ir.Table, names: Collection[str]) -> ir.Table:
    evidence = json_object(at=instant(rows.moment), campaign=rows.campaign, product_id=rows.last_product_id)
    return _told(rows, names, evidence, date=day(rows.moment), campaign=rows.campaign)


def suppressed_story(rows: ir.Table, names: Collection[str]) -> ir.Table:
    """What a reason may tell of standings: [person_id, evidence, *names], row by row."""
    return _order_story(rows, names, rows.since, until=day(rows.until), because=_because(rows.reason))


def _because(reason: ir.StringValue) -> ir.StringValue:
    """Why something is suppressed, as it reads before the item's title."""
    return reason.replace("gift", "gave away").replace("exchanged", "bought in exchange")


def _purchase_story(rows: ir.Table, names: Collection[str]) -> ir.Table:
    return _order_story(rows, names, rows.moment)


def _order_story(rows: ir.Table, names: Collection[str], moment: ir.TimestampValue, **told: ir.StringValue) -> ir.Table:
    evidence = json_object(
        family=rows.family,
        line=rows.last_line_key,
        order_id=rows.last_order_id,
        product_id=rows.last_product_id,
        at=instant(moment),
    )
    return _told(rows, names, evidence, date=day(moment), order_id=rows.last_order_id, **told)


def _recommended_story(rows: ir.Table, names: Collection[str]) -> ir.Table:
    return _told(
        rows, names, json_object(family=rows.family, product_id=rows.last_product_id, why=rows.why), why=rows.why
    )


def _due_story(rows: ir.Table, names: Collection[str]) -> ir.Table:
    return _told(rows, names, rows.evidence, date=day(rows.moment))


_STORIES: Mapping[str, Callable[[ir.Table, Collection[str]], ir.Table]] = {
    "bought": _purchase_story,
    "returned": _purchase_story,
    "responded": _response_story,
    "suppressed": suppressed_story,
    "recommended": _recommended_story,
    "replenish_due": _due_story,
}


def _told(rows: ir.Table, names: Collection[str], evidence: ir.StringValue, **told: ir.StringValue) -> ir.Table:
    """Rows with all names, null where the word tells nothing of it."""
    item = {"title": rows.title, "product_id": rows.last_product_id, "family": rows.family}
    known = {**item, "category": rows.product_type, **told}
    known |= {name: rows[name].cast("string") for name in ("times", "items", "related") if name in rows.columns}
    silent = {name: ibis.null("string") for name in names if name not in known}
    return rows.select(
        "person_id", evidence=evidence, **silent, **{name: known[name] for name in names if name in known}
    )
