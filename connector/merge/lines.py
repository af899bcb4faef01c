"""Order lines made whole: the order's head, the person, the product and its family on every line."""

import ibis
import ibis.expr.types as ir

from connector.merge.catalogue import Catalogue
from connector.merge.sales import of_one_crm, replaced, shared_sales
from connector.merge.seen import Seen
from connector.relations import Keep, Moment, at, lazily, without

NOT_BOUGHT = ("cancelled", "open")
"""States of an order that is no purchase (any more, or yet)."""

COLUMNS = (
    "key",
    "order_id",
    "order_key",
    "contact_key",
    "person_id",
    "product_id",
    "family",
    "quantity",
    "unit_price",
    "currency",
    "ordered_at",
    "status",
    "gift",
)


def placed(seen: Seen) -> ir.Table:
    """Every line that neither it nor its order is deleted or replaced, with what stands on the order's head; of a sale
    that two CRMs hold, the lines of one.

    The head wins for contact, time and state: CRMs change it apart from the lines. The line's own currency wins.
    `product_id` is that of the CRM's product row the line names, else the line's own.
    """
    whole = _whole(seen)
    return of_one_crm(whole.filter(~whole.lesser), shared_sales(seen.order_header, seen.order_line))


def _whole(seen: Seen) -> ir.Table:
    """Lines with their heads; and each head that tells an amount but has no line, as one line without product.

    `lesser` is true for the latter; `told_at` is when the head was last updated.
    """
    line = seen.order_line.filter(seen.order_line.deleted_at.isnull())
    head = seen.order_header
    both = line.outer_join(head, line.order_key == head.key)
    whole = both.select(
        key=line.key.coalesce(head.key + ":amount"),
        order_key=line.order_key.coalesce(head.key),
        product_key=line.product_key,
        product_id=line.product_id,
        quantity=ibis.ifelse(line.key.isnull(), 1, line.quantity).cast("decimal(18,4)"),
        unit_price=ibis.ifelse(line.key.isnull(), head.amount, line.unit_price),
        lesser=line.key.isnull(),
        told_at=head.updated_at,
        worth=line.key.notnull() | (head.amount > 0).fill_null(False),
        deleted=head.deleted_at,
        order_id=head.order_id.coalesce(line.order_id),
        contact_key=head.contact_key.coalesce(line.contact_key),
        ordered_at=head.ordered_at.coalesce(line.ordered_at),
        status=head.status.coalesce(line.status),
        gift=head.gift.fill_null(False),
        currency=line.currency.coalesce(head.currency),
    )
    standing = whole.filter(whole.worth, whole.deleted.isnull()).drop("worth", "deleted")
    counting = without(standing, replaced(head).select(order_key="key"), ["order_key"])
    return _with_product(counting, seen.product)


def _with_product(line: ir.Table, product: ir.Table) -> ir.Table:
    named = product.select(product_key="key", named_id=product.product_id)
    both = line.left_join(named, "product_key")
    return both.mutate(product_id=both.named_id.coalesce(both.product_id))


def lines(seen: Seen, person: ir.Table, catalogue: Catalogue, as_of: Moment, keep: Keep = lazily) -> ir.Table:
    """Lines of purchases and returns up to `as_of`, cancelled and open orders left out.

    Columns: key, order_id, order_key, contact_key, person_id (None: a guest, or nobody in `person`), product_id,
    family (both None where the line names no product), quantity, unit_price, currency, ordered_at, status,
    gift (never None).
    """
    every = _whole(seen)
    come = every.filter(every.ordered_at <= at(as_of))
    owner = person.filter(person.identifier_type == "contact").select("person_id", contact_key="identifier")
    owned = keep(come.left_join(owner, "contact_key").drop("contact_key_right"))
    theirs = of_one_crm(owned, shared_sales(seen.order_header, seen.order_line), "person_id")
    sold = theirs.filter(theirs.status.fill_null("").notin(NOT_BOUGHT))
    named = seen.order_line.select("product_id").union(seen.product.select("product_id"))
    return catalogue.with_family(sold, named).select(*COLUMNS)


def orders(seen: Seen, as_of: Moment) -> ir.Table:
    """Orders that are neither deleted nor replaced, in any state, up to `as_of`; one of a sale that two CRMs hold."""
    head = seen.order_header
    standing = head.filter(head.deleted_at.isnull(), head.ordered_at <= at(as_of))
    told = without(standing, replaced(head), ["key"])
    known = told.mutate(told_at=told.updated_at, lesser=told.contact_key.isnull(), order_key=told.key)
    return of_one_crm(known, shared_sales(head, seen.order_line)).drop("order_key")
