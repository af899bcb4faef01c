"""What was seen of some persons: the rows that merge needs of them, found without sorting everybody's."""

from collections.abc import Sequence
from dataclasses import replace

import ibis.expr.types as ir

from connector.merge.sales import deciding
from connector.merge.seen import Seen
from connector.relations import Keep, among, lazily, newest


def concerning(seen: Seen, versions: Seen, person: ir.Table, keep: Keep = lazily) -> Seen:
    """`seen`, of which contacts, orders, lines, interactions and consents are left out that concern nobody in `person`.

    Args:
        versions: every row of these tables ever kept, with `run`. A key is wanted for any of its versions, for what
            moved from one person to another concerns both; of each key the newest version is handed out.
    """
    contact = person.filter(person.identifier_type == "contact").select(contact_key="identifier").distinct()
    head, line = _orders(versions, contact, keep)
    return replace(
        seen,
        contact=_newest_of(versions.contact, contact.select(key="contact_key"), keep),
        order_header=_newest_of(versions.order_header, head, keep),
        order_line=_newest_of(versions.order_line, line, keep),
        interaction=_newest_of(
            versions.interaction, _keys(versions.interaction, person, ["identifier_type", "identifier"]), keep
        ),
        consent=_newest_of(versions.consent, _keys(versions.consent, person, ["identifier_type", "identifier"]), keep),
    )


def _orders(versions: Seen, contact: ir.Table, keep: Keep) -> tuple[ir.Table, ir.Table]:
    """Keys of heads and of lines: the contacts' own, these heads' lines, and all heads that say whether they count."""
    own = _keys(versions.order_header, contact, ["contact_key"])
    of_heads = _keys(versions.order_line, own.select(order_key="key"), ["order_key"])
    line = keep(of_heads.union(_keys(versions.order_line, contact, ["contact_key"])).distinct())
    lines = among(versions.order_line, line, ["key"])
    named = keep(own.union(lines.filter(lines.order_key.notnull()).select(key="order_key")).distinct())
    return named.union(deciding(versions.order_header, named)).distinct(), line


def _keys(rows: ir.Table, wanted: ir.Table, columns: Sequence[str]) -> ir.Table:
    return among(rows, wanted, columns).select("key").distinct()


def _newest_of(rows: ir.Table, wanted: ir.Table, keep: Keep) -> ir.Table:
    return keep(newest(among(rows, wanted, ["key"])).drop("run"))
