"""What merge/ is given: the current rows of the seen tables, one a key."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from connector.relations import newest


@dataclass(frozen=True)
class Seen:
    """Current rows in the columns of `schema.SEEN`, without `run`."""

    contact: ir.Table
    product: ir.Table
    order_header: ir.Table
    order_line: ir.Table
    interaction: ir.Table
    identity_link: ir.Table
    consent: ir.Table


def comparable(kind: ir.StringValue, value: ir.StringValue) -> ir.StringValue:
    """An identifier as identifiers are compared: e-mails without blanks and case; null where nothing is left."""
    trimmed = value.strip().nullif("")
    return ibis.ifelse(kind == "email", trimmed.lower(), trimmed)


def remembered(product: ir.Table) -> ir.Table:
    """Of all versions of products the newest of each key; of one that only says "deleted", what was known before it.

    A deleted product still names what was bought: its lines may know it by nothing but its key.
    """
    last, known = newest(product), newest(product.filter(product.product_id.notnull()))
    gone = last.filter(last.product_id.isnull()).select("key", gone_at="deleted_at")
    both = known.left_join(gone, "key").drop("key_right")
    return both.mutate(deleted_at=both.gone_at.coalesce(both.deleted_at)).drop("gone_at", "run")
