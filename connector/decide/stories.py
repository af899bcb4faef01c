"""For each word of a rule that is about an item: who it holds for, and the one item that is told as the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.decide.items import under, with_item
from connector.decide.text import day, instant, json_object
from connector.relations import Merged, at, without
from connector.rule_language import TOUCHES, duration

TOLD = ("title", "product_id", "family", "date", "order_id", "until", "why")
"""What a reason may name; null where the word does not tell it."""

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Basis:
    """What stories are made from: merged tables, suppressed holdings and recommendations at one moment."""

    merged: Merged
    active: ir.Table
    recommended: ir.Table
    as_of: datetime


def story(basis: Basis, word: str, options: Options, addressed: bool) -> ir.Table:
    """[person_id, evidence, *TOLD]: one row for each person the word holds for, with the newest item it holds for.

    Args:
        addressed: the audience speaks to people: sensitive families do not count, nor do touches of families that are
            suppressed for the person.
    """
    rows = with_item(_ROWS.get(word, _touched)(basis, word, options, addressed), basis.merged.catalogue)
    if addressed:
        rows = rows.filter(~rows.sensitive)
    newest = _newest(_chosen(rows, options))
    if word in TOUCHES:
        return _touch_story(newest, TOUCHES[word])
    return {"bought": _bought_story, "suppressed": suppressed_story, "recommended": _recommended_story}[word](newest)


def _touched(basis: Basis, word: str, options: Options, addressed: bool) -> ir.Table:
    column = f"last_{TOUCHES[word]}_at"
    touch = _within(basis.merged.touch, column, options, basis.as_of)
    if addressed:
        touch = without(touch, basis.active, ["person_id", "family"])
    pair = _unbought(touch, column, basis.merged.holding, options)
    return pair.select("person_id", "family", "last_product_id", moment=column)


def _unbought(touch: ir.Table, column: str, holding: ir.Table, options: Options) -> ir.Table:
    """Touches of families not bought ever, or not since, as the options ask."""
    bought = holding.filter(holding.last_purchase_at.notnull()).select("person_id", "family", "last_purchase_at")
    if options.get("not_bought"):
        return without(touch, bought, ["person_id", "family"])
    if options.get("not_bought_since"):
        pair = touch.left_join(bought, ["person_id", "family"])
        return pair.filter((pair.last_purchase_at < pair[column]).fill_null(True))
    return touch


def _bought(basis: Basis, _word: str, options: Options, _addressed: bool) -> ir.Table:
    holding = _within(basis.merged.holding, "last_purchase_at", options, basis.as_of)
    return holding.mutate(moment=holding.last_purchase_at)


def _suppressed(basis: Basis, _word: str, options: Options, _addressed: bool) -> ir.Table:
    active = _within(basis.active, "last_purchase_at", options, basis.as_of)
    return active.mutate(moment=active.last_purchase_at).drop("title", "product_type", "sensitive")


def _recommended(basis: Basis, _word: str, _options: Options, _addressed: bool) -> ir.Table:
    best = basis.recommended
    return best.select("person_id", "family", "why", last_product_id=best.product_id, moment=-best["rank"])


_ROWS: Mapping[str, Callable[[Basis, str, Options, bool], ir.Table]] = {
    "bought": _bought,
    "suppressed": _suppressed,
    "recommended": _recommended,
}


def _touch_story(rows: ir.Table, kind: str) -> ir.Table:
    when, family, product_id = instant(rows.moment), rows.family, rows.last_product_id
    evidence = json_object(event=ibis.literal(kind), at=when, family=family, product_id=product_id)
    return _told(rows, evidence, date=day(rows.moment))


def suppressed_story(rows: ir.Table) -> ir.Table:
    """Everything a reason may tell of suppressed holdings: [person_id, evidence, *TOLD], row by row."""
    return _purchase_story(rows, until=day(rows.until))


def _bought_story(rows: ir.Table) -> ir.Table:
    return _purchase_story(rows)


def _purchase_story(rows: ir.Table, **told: ir.StringValue) -> ir.Table:
    evidence = json_object(
        family=rows.family,
        line=rows.last_line_key,
        order_id=rows.last_order_id,
        product_id=rows.last_product_id,
        at=instant(rows.last_purchase_at),
    )
    return _told(rows, evidence, date=day(rows.last_purchase_at), order_id=rows.last_order_id, **told)


def _recommended_story(rows: ir.Table) -> ir.Table:
    return _told(rows, json_object(family=rows.family, product_id=rows.last_product_id, why=rows.why), why=rows.why)


def _told(rows: ir.Table, evidence: ir.StringValue, **told: ir.StringValue) -> ir.Table:
    """Rows with all of TOLD, null where the word tells nothing of it."""
    item = {"title": rows.title, "product_id": rows.last_product_id, "family": rows.family}
    silent = {name: ibis.null("string") for name in TOLD}
    return rows.select("person_id", evidence=evidence, **{**silent, **item, **told})


def _within(rows: ir.Table, column: str, options: Options, as_of: datetime) -> ir.Table:
    """Rows whose moment is known, and no longer ago than the option says. They count until exactly then."""
    happened = rows.filter(rows[column].notnull())
    if "within" not in options:
        return happened
    return happened.filter(happened[column] > at(as_of - duration(options["within"])))


def _chosen(rows: ir.Table, options: Options) -> ir.Table:
    if "family" in options:
        rows = rows.filter(rows.family.isin(options["family"]))
    if "product_type" in options:
        rows = rows.filter(reduce(or_, (under(rows.product_type, name) for name in options["product_type"])))
    return rows


def _newest(rows: ir.Table) -> ir.Table:
    """One row a person. Texts are made after this: most rows are never told."""
    order = ibis.window(group_by=rows.person_id, order_by=[rows.moment.desc(), rows.family])
    ranked = rows.mutate(place=ibis.row_number().over(order))
    return ranked.filter(ranked.place == 0)
