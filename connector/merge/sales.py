"""One sale in several records: a deal that became an order, an order that two CRMs hold, and one given back whole.

Each sale counts once, and each item that came back comes back once, however many records tell of it.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from connector.relations import among, without

GIVEN_BACK = "returned"
"""State of an order that was given back as a whole, whatever its lines say."""
QUANTITY = "decimal(18,4)"


def replaced(head: ir.Table) -> ir.Table:
    """[key] of orders and deals that another one stands for, for as long as that is not deleted.

    Either of the two may say so, as a CRM does not change both when they are tied.
    """
    standing = head.filter(head.deleted_at.isnull())
    said = standing.filter(standing.replaces.notnull())
    owned = head.filter(head.replaced_by.notnull()).select("key", by=_each(head.replaced_by))
    known = among(owned, standing.select(by="key"), ["by"]).select("key")
    return said.select(key=_each(said.replaces)).union(known).distinct()


def shared_sales(head: ir.Table, line: ir.Table) -> ir.Table:
    """[order_id] by which several CRMs know an order: few, if any, so that the others need not be looked at."""
    told = line.filter(line.order_id.notnull())
    every = head.select("order_id", crm_=_crm(head.key)).union(
        told.select("order_id", crm_=_crm(told.order_key.coalesce(told.key)))
    )
    known = every.group_by("order_id").agg(least=every.crm_.min(), most=every.crm_.max())
    return known.filter(known.least != known.most).select("order_id")


def _crm(key: ir.StringValue) -> ir.StringValue:
    return key.left(key.find(":"))


def of_one_crm(rows: ir.Table, shared: ir.Table, *whose: str) -> ir.Table:
    """Orders or lines, of each sale of a person those of one CRM: two CRMs that know an order by the same `order_id`
    hold the same sale.

    The CRM counts that tells more of it, and of two that tell as much the one whose order was last updated. Where the
    CRMs name different buyers, each of these has bought, as we cannot know better.

    Args:
        rows: with key, order_key, order_id, and two columns that are dropped: `told_at`, and `lesser`, true where a row
            tells less than others.
        shared: as `shared_sales` gives it.
        whose: columns that say whose sale it is; a row in which one is null is kept.
    """
    alone, told = without(rows, shared, ["order_id"]), among(rows, shared, ["order_id"])
    return alone.drop("told_at", "lesser").union(_of_the_best(told, (*whose, "order_id")))


def _of_the_best(rows: ir.Table, sale: Sequence[str]) -> ir.Table:
    told = rows.mutate(order_=rows.order_key.coalesce(rows.key))
    told = told.mutate(crm_=_crm(told.order_))
    best_first = [told.lesser, told.told_at.desc(nulls_first=False), told.order_]
    best = ibis.window(group_by=[told[name] for name in sale], order_by=best_first)
    known = told.mutate(best_=told.crm_.first().over(best))
    alone = ibis.or_(*(known[name].isnull() for name in sale))
    return known.filter(alone | (known.crm_ == known.best_)).drop("order_", "crm_", "best_", "told_at", "lesser")


def others(head: ir.Table, touched: ir.Table) -> ir.Table:
    """[key] of the records that count or not as those in `touched` [key] come and go; by all versions of heads."""
    said = head.filter(head.replaces.notnull()).semi_join(touched, "key")
    owned = head.filter(head.replaced_by.notnull()).select("key", by=_each(head.replaced_by))
    known = among(owned, touched.select(by="key"), ["by"]).select("key")
    return said.select(key=_each(said.replaces)).union(known).distinct()


def deciding(head: ir.Table, touched: ir.Table) -> ir.Table:
    """[key] of the records that say whether those in `touched` [key] count: the other direction of `others`."""
    naming = head.filter(head.replaces.notnull()).select("key", one=_each(head.replaces))
    known = among(naming, touched.select(one="key"), ["one"]).select("key")
    owned = head.filter(head.replaced_by.notnull()).semi_join(touched, "key")
    return owned.select(key=_each(owned.replaced_by)).union(known).distinct()


def _each(keys: ir.StringColumn) -> ir.StringColumn:
    return keys.split(";").unnest()


def counted(line: ir.Table) -> ir.Table:
    """Lines with `counts`: how many of its item each adds to what its person has.

    A line of an order that was given back whole adds none. Negative lines take away, but not what such orders before
    them gave back already: the order's own negative lines, or a credit note beside it, tell of the same items again.
    """
    known = line.left_join(_told_again(line), "key").drop("key_right")
    none = ibis.literal(0, type=QUANTITY)
    counts = ibis.ifelse(_given_back(known), none, known.quantity + known.again.fill_null(none))
    return known.mutate(counts=counts.cast(QUANTITY)).drop("again")


def _given_back(line: ir.Table) -> ir.BooleanValue:
    return (line.status == GIVEN_BACK).fill_null(False) & (line.quantity > 0)


def _told_again(line: ir.Table) -> ir.Table:
    """[key, again] of negative lines: how many of their items orders before them gave back by their state already.

    In the order of time: of `n` items given back so far, less those told again so far, a line tells at most. With the
    balance of both at each line, the sum told again is what was taken so far, less the deepest the balance ever fell.
    """
    events = _events(line)
    ran = events.mutate(
        balance=(events.given - events.taken).sum().over(_so_far(events)),
        sum_taken=events.taken.sum().over(_so_far(events)),
    )
    told = ran.filter(ran.taken > 0)
    deepest = ibis.least(0, told.balance.min().over(_so_far(told)))
    summed = told.mutate(sum_again=(told.sum_taken + deepest).cast(QUANTITY))
    return summed.select("key", again=summed.sum_again - _before(summed).fill_null(ibis.literal(0, type=QUANTITY)))


def _so_far(events: ir.Table) -> ibis.expr.builders.WindowBuilder:
    """This event and those before it in its pool; what was given at a moment comes before what was taken then."""
    return ibis.cumulative_window(group_by=[events.person_id, events.pool], order_by=_in_time(events))


def _in_time(events: ir.Table) -> list[ir.Value]:
    return [events.ordered_at, events.taken > 0, events.key]


def _before(told: ir.Table) -> ir.DecimalValue:
    return told.sum_again.lag().over(ibis.window(group_by=[told.person_id, told.pool], order_by=_in_time(told)))


def _events(line: ir.Table) -> ir.Table:
    """[key, person_id, pool, ordered_at, given, taken] of all that came back of items that an order's state gave back.

    A pool is an item of a person; negative lines without an item belong to the pool of their order.
    """
    back, minus = line.filter(_given_back(line)), line.filter(line.quantity < 0)
    none = ibis.literal(0, type=QUANTITY)
    kept = {"given": back.quantity, "taken": none}
    of_item = back.select("key", "person_id", "ordered_at", pool="family", **kept)
    of_order = back.select("key", "person_id", "ordered_at", pool="order " + back.order_key, **kept)
    given = of_item.union(of_order)
    pool = minus.family.coalesce("order " + minus.order_key)
    taken = minus.select("key", "person_id", "ordered_at", pool=pool, given=none, taken=-minus.quantity)
    return given.union(among(taken, given, ["person_id", "pool"]))
