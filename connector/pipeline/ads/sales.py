"""Purchases and refunds that the CRM knows, told to ad platforms whose own tag may never have seen them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.decide.families import sensitive_families
from connector.errors import EndPass, RetryLater
from connector.home import Home
from connector.merge.catalogue import catalogue
from connector.merge.lines import lines
from connector.merge.part import concerning
from connector.merge.sales import GIVEN_BACK, counted
from connector.merge.seen import Seen, remembered
from connector.model import Sale, SoldItem
from connector.pipeline.ads.people import mistakable
from connector.pipeline.report import Report
from connector.ports import AdDestination
from connector.push.deliver import Ledger
from connector.relations import Keep, among, at, without
from connector.schema import SEEN
from connector.store import cursors, told_sales

STREAM = "sales"
"""Of the cursor: the run up to which all was told, and when telling began."""
FIRST = timedelta(days=7)
"""Of its past a platform is told so much when it is first told anything: Meta takes no older web events."""
LATEST = timedelta(days=90)
"""Older sales are told to nobody: Google Ads takes conversions for so long."""
ORDERS = ("order_header", "order_line")


def tell(home: Home, destination: AdDestination, run: int, report: Report) -> None:
    """Tell a platform what was bought and given back since it was last told, by persons who let ad platforms know.

    A sale is told once: answers are written down batch by batch, and a batch whose answer was lost is told again under
    the same keys. Where the platform asks to wait, the rest waits for the next run. Lines that come to an order after
    it was told are not told. Sensitive products are left out of items and value.
    """
    if not destination.terms.takes_sales:
        return
    stand = cursors.load(home.store, destination.name, STREAM) or {}
    began = stand.get("since") or (report.as_of - FIRST).isoformat()
    since = max(datetime.fromisoformat(began), report.as_of - LATEST)
    found = sales(home, destination.terms.identifiers, int(stand.get("run", -1)), since, report.as_of)
    known = told_sales.known(home.store, destination.name, [sale.key for sale in found])
    new = _unmistakable(home, destination, [sale for sale in found if sale.key not in known])
    if _told(home, destination, new, run, report):
        cursors.save(home.store, destination.name, STREAM, {"run": run, "since": began})


def _unmistakable(home: Home, destination: AdDestination, found: Sequence[Sale]) -> list[Sale]:
    """Without what the platform would take for somebody of whom it may not be told; what is left empty is left out."""
    taken = mistakable(home, destination, {each for sale in found for each in sale.identifiers}) if found else set()
    left = [replace(sale, identifiers=[one for one in sale.identifiers if one not in taken]) for sale in found]
    return [sale for sale in left if sale.identifiers]


def _told(home: Home, destination: AdDestination, new: Sequence[Sale], run: int, report: Report) -> bool:
    """Tell new sales; True when every one of them was answered."""
    ledger, size = Ledger(planned=len(new)), destination.batch_size("sale")
    if new:
        report.books[f"{destination.name}:{STREAM}"] = ledger
    try:
        for start in range(0, len(new), size):
            receipt = destination.report(new[start : start + size])
            answers = {**dict.fromkeys(receipt.written, ""), **receipt.rejected}
            told_sales.keep(home.store, destination.name, answers, run)
            ledger.acknowledged += len(receipt.written)
            ledger.rejected += len(receipt.rejected)
    except EndPass:
        raise
    except RetryLater as error:
        report.cut_short(destination.name, error)
        report.status = "deferred"
    finally:  # also where the admin must mend something, or the pass ends here
        ledger.defer_rest()
    return ledger.deferred == 0


def sales(home: Home, kinds: Collection[str], after: int, since: datetime, as_of: datetime) -> list[Sale]:
    """Sales of orders that runs later than `after` brought or changed, oldest first.

    Args:
        kinds: of identifiers that may be told.
        since: none that happened earlier.
    """
    keep = home.warehouse.keep
    touched = keep(_touched(home, after, since))
    buyer = keep(_buyers(home, touched))
    if not buyer.count().to_pyarrow().as_py():
        return []
    line = _lines(home, buyer, as_of, keep)
    rows = (
        line.filter(line["at"] >= at(since))
        .semi_join(touched, "order_key")
        .order_by("at", "key")
        .to_pyarrow()
        .to_pylist()
    )
    return _put_together(rows, _identifiers(buyer, kinds))


def _touched(home: Home, after: int, since: datetime) -> ir.Table:
    """[order_key] of orders of which a later run brought something that happened, or changed, since then."""
    head, line = (_late(home.warehouse.versions(table), after, since) for table in ORDERS)
    keys = head.select(order_key="key").union(line.filter(line.order_key.notnull()).select("order_key"))
    return keys.distinct()


def _late(rows: ir.Table, after: int, since: datetime) -> ir.Table:
    fresh = (rows.version >= at(since)) | (rows.ordered_at >= at(since)).fill_null(False)
    return rows.filter(rows.run > after, fresh)


def _buyers(home: Home, touched: ir.Table) -> ir.Table:
    """[person_id, identifier_type, identifier] of whose orders these are, as far as ad platforms may know of them."""
    head, trait = home.warehouse.versions("order_header"), home.warehouse.derived("trait")
    theirs = among(head.mutate(order_key=head.key), touched, ["order_key"]).select(identifier="contact_key").distinct()
    person = home.warehouse.derived("person").drop("run")
    owner = among(person.filter(person.identifier_type == "contact"), theirs, ["identifier"])
    free = trait.filter(trait.ads_barrier.isnull())
    return among(among(person, owner, ["person_id"]), free, ["person_id"])


def _lines(home: Home, buyer: ir.Table, as_of: datetime, keep: Keep) -> ir.Table:
    """Their lines that were bought, or came back: as in `merge.lines`, with `kind`, `at`, `pieces`, and `sold_as`, the
    order that a refund is about."""
    warehouse = home.warehouse
    versions = Seen(**{table: warehouse.versions(table) for table in SEEN})
    nothing = {table: getattr(versions, table).limit(0) for table in ("interaction", "consent")}
    current = Seen(**{**{table: warehouse.current(table) for table in SEEN}, "product": remembered(versions.product)})
    seen = concerning(current, replace(versions, **nothing), buyer, keep)
    products = catalogue(seen.product, home.audiences.policy.sameness, keep)
    every = keep(counted(keep(lines(seen, buyer, products, as_of, keep))))
    harmless = without(every, sensitive_families(products.product), ["family"])
    return keep(_moved(harmless, every, seen.order_header))


def _moved(line: ir.Table, every: ir.Table, head: ir.Table) -> ir.Table:
    changed = head.select(order_key="key", changed_at=head.updated_at.coalesce(head.version))
    both = line.filter(line.currency.notnull()).left_join(changed, "order_key").drop("order_key_right")
    whole = (both.status == GIVEN_BACK).fill_null(False) & (both.quantity > 0)
    back = whole | (both.quantity < 0)
    kept = both.mutate(
        kind=ibis.ifelse(back, "refund", "purchase"),
        whole=whole,
        at=ibis.ifelse(whole, both.changed_at.coalesce(both.ordered_at), both.ordered_at),
        pieces=ibis.ifelse(both.quantity < 0, -both.counts, both.quantity),
    )
    told = kept.filter(kept.pieces > 0)
    named = told.left_join(_sold_as(told, every), "key").drop("key_right")
    return _with_rest(named.mutate(sold_as=ibis.ifelse(named.whole, named.order_id, named.sold_as)), line)


def _sold_as(told: ir.Table, every: ir.Table) -> ir.Table:
    """[key, sold_as]: the order by which its person last bought what a line gives back."""
    bought = every.filter(every.quantity > 0).select("person_id", "family", "ordered_at", sold_as="order_id")
    back = told.filter(told.quantity < 0).select("key", "person_id", "family", back_at="ordered_at")
    both = back.inner_join(bought, ["person_id", "family"])
    past = both.filter(both.ordered_at <= both.back_at)
    return past.group_by("key").agg(sold_as=past.sold_as.argmax(past.ordered_at))


def _with_rest(told: ir.Table, line: ir.Table) -> ir.Table:
    """`told` with `rest`: what is left of an order's worth after a refund of it, all up to then taken off; null where
    the order is not known, and of purchases."""
    of = ("person_id", "sold_as", "currency")
    bought = line.filter(line.quantity > 0).mutate(sold_as=line.order_id)
    worth = bought.group_by(*of).agg(worth=(bought.quantity * bought.unit_price.fill_null(0)).sum())
    back = told.filter(told.kind == "refund", told.sold_as.notnull()).inner_join(worth, of)
    so_far = ibis.cumulative_window(group_by=[back[name] for name in of], order_by=[back["at"], back.key])
    taken = (back.pieces * back.unit_price.fill_null(0)).sum().over(so_far)
    rest = back.select("key", rest=(back.worth - taken).cast("decimal(18,4)"))
    return told.left_join(rest, "key").drop("key_right")


def _identifiers(buyer: ir.Table, kinds: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    rows = buyer.filter(buyer.identifier_type.isin(sorted(kinds))).order_by("identifier_type", "identifier")
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows.to_pyarrow().to_pylist():
        found[row["person_id"]].append((row["identifier_type"], row["identifier"]))
    return found


def _put_together(rows: Sequence[Mapping[str, Any]], known: Mapping[str, Sequence[tuple[str, str]]]) -> list[Sale]:
    """Lines of one order make one purchase; each line that came back is a refund of its own: they come one by one."""
    parts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["person_id"] in known:
            parts[_key(row)].append(row)
    return [_sale(key, part, known[part[0]["person_id"]]) for key, part in parts.items()]


def _key(row: Mapping[str, Any]) -> str:
    if row["kind"] == "purchase":
        return f"{row['order_key']}:{row['currency']}"
    return f"{row['order_key']}:{row['currency']}:refund" if row["whole"] else f"{row['key']}:refund"


def _sale(key: str, part: Sequence[Mapping[str, Any]], identifiers: Sequence[tuple[str, str]]) -> Sale:
    first = part[0]
    rests = [row["rest"] for row in part if row["rest"] is not None]
    return Sale(
        key=key,
        order_id=str(first["sold_as"] or first["order_id"] or first["order_key"]),
        kind="refund" if first["kind"] == "refund" else "purchase",
        at=first["at"],
        identifiers=identifiers,
        items=[_item(row) for row in part if row["product_id"] is not None],
        value=sum((row["pieces"] * (row["unit_price"] or 0) for row in part), Decimal(0)),
        currency=first["currency"],
        left=max(min(rests), Decimal(0)) if rests else None,
    )


def _item(row: Mapping[str, Any]) -> SoldItem:
    return SoldItem(product_id=row["product_id"], quantity=row["pieces"], unit_price=row["unit_price"])
