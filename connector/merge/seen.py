"""What merge/ is given: the current rows of the seen tables, one a key."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir


@dataclass(frozen=True)
class Seen:
    """Current rows in the columns of `schema.SEEN`, without `run`."""

    contact: ir.Table
    product: ir.Table
    order_header: ir.Table
    order_line: ir.Table
    interaction: ir.Table
    identity_link: ir.Table


def comparable(kind: ir.StringValue, value: ir.StringValue) -> ir.StringValue:
    """An identifier as identifiers are compared: e-mails without blanks and case; null where nothing is left."""
    trimmed = value.strip().nullif("")
    return ibis.ifelse(kind == "email", trimmed.lower(), trimmed)
