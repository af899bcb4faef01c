"""Counts over all that was seen, by which a run can be checked against plain queries on the raw files."""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.merge.catalogue import Catalogue, catalogue
from connector.merge.contacts import live, survivors
from connector.merge.holdings import holdings
from connector.merge.identity import Identity
from connector.merge.lines import lines, orders, placed
from connector.merge.sales import counted
from connector.merge.seen import Seen
from connector.merge.touches import with_family
from connector.policies.sameness import SamenessPolicy
from connector.relations import Keep, at, lazily

Facts = dict[str, int | float]


def facts(
    seen: Seen, identity: Identity, as_of: datetime, keep: Keep = lazily, policy: SamenessPolicy | None = None
) -> Facts:
    """The `facts` of a run's report, up to `as_of`. A pair is (surviving contact, family); see DESIGN, section 6.

    `cost_after_purchase` is in the ad log's currency, summed as decimals; all others are counts.
    """
    products = catalogue(seen.product, policy, keep)
    return {
        **_seen_facts(seen, as_of),
        **_pair_facts(seen, products, as_of, keep),
        **_key_facts(identity),
        **_impression_facts(seen, identity, products, as_of, keep),
    }


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _seen_facts(seen: Seen, as_of: datetime) -> Facts:
    head = orders(seen, as_of)
    line = placed(seen)
    stocked = seen.product.filter(seen.product.deleted_at.isnull(), seen.product.product_id.notnull())
    happened = seen.interaction.filter(seen.interaction.occurred_at <= at(as_of))
    return {
        "contacts": _count(live(seen.contact)),
        "products": _count(stocked.select("product_id").distinct()),
        "orders": _count(head),
        "order_lines": _count(line.filter(line.ordered_at <= at(as_of))),
        "guest_orders": _count(head.filter(head.contact_key.isnull())),
        "interactions": _count(happened),
    }


def _pair_facts(seen: Seen, products: Catalogue, as_of: datetime, keep: Keep) -> Facts:
    stands_for = survivors(seen.contact, keep)
    by_contact = stands_for.select(person_id="survivor", identifier_type=ibis.literal("contact"), identifier="key")
    line = keep(lines(seen, by_contact, products, as_of, keep))
    pair = keep(holdings(counted(line)))
    sold = pair.filter(pair.bought_quantity > 0)
    return {
        "buyers": _count(line.filter(line.quantity > 0, line.person_id.notnull()).select("person_id").distinct()),
        "pairs_sold": _count(sold),
        "pairs_owned": _count(pair.filter(pair.net_quantity > 0)),
        "pairs_returned": _count(sold.filter(sold.net_quantity <= 0)),
    }


def _anonymous(keys: ir.Table) -> ir.Table:
    return keys.filter(keys.identifier_type == "anonymous_id")


def _key_facts(identity: Identity) -> Facts:
    return {
        "identified_keys": _count(_anonymous(identity.person)),
        "shared_keys": _count(_anonymous(identity.shared)),
    }


def _impression_facts(seen: Seen, identity: Identity, products: Catalogue, as_of: datetime, keep: Keep) -> Facts:
    shown = seen.interaction.filter(seen.interaction.kind == "impression", seen.interaction.occurred_at <= at(as_of))
    identified = keep(shown.inner_join(_anonymous(identity.person), ["identifier_type", "identifier"]))
    bought = lines(seen, identity.person, products, as_of, keep)
    late = keep(_after_purchase(with_family(identified, products), bought))
    return {
        "impressions": _count(shown),
        "impressions_identified": _count(identified),
        "impressions_after_purchase": _count(late),
        "cost_after_purchase": _amount(late.cost.sum()),
    }


def _after_purchase(impression: ir.Table, line: ir.Table) -> ir.Table:
    """Impressions strictly later than the person's first purchase of the family."""
    sold = line.filter(line.quantity > 0, line.person_id.notnull())
    first = sold.group_by("person_id", "family").agg(first_purchase_at=sold.ordered_at.min())
    held = impression.inner_join(first, ["person_id", "family"])
    return held.filter(held.occurred_at > held.first_purchase_at)


def _amount(total: ir.DecimalScalar) -> float:
    """A JSON number; four decimals of a sum up to 10**11 survive it."""
    return float(total.to_pyarrow().as_py() or 0)
