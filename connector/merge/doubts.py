"""What was merged with a doubt, in words for the admin: it harms nothing, and only a person can put it right."""

from collections.abc import Iterator

import ibis.expr.types as ir

from connector.relations import Merged, without


def doubts(merged: Merged, currency: str | None) -> Iterator[str]:
    """Sentences, each with its count, one example and the way out; none where nothing is in doubt.

    Args:
        currency: the one that spend is counted in; None where no order names one.
    """
    yield from _unknown_products(merged)
    yield from _doubled_contacts(merged)
    yield from _silent_contacts(merged)
    if currency is not None:
        yield from _other_currencies(merged, currency)


def _unknown_products(merged: Merged) -> Iterator[str]:
    named = merged.lines.filter(merged.lines.product_id.notnull())
    unknown = without(named, merged.catalogue.select("product_id"), ["product_id"])
    found = _row(unknown.agg(lines=unknown.count(), items=unknown.product_id.nunique(), one=unknown.product_id.min()))
    if found["lines"]:
        yield (
            f"{found['lines']:,} order lines name {found['items']:,} products that no catalogue row knows, such as "
            f"{found['one']}: each counts as an item of its own; add them to the product feed"
        )


def _doubled_contacts(merged: Merged) -> Iterator[str]:
    contact = merged.contact
    each = contact.group_by("person_id", "crm").agg(contacts=contact.count(), one=contact.key.min())
    doubled = each.filter(each.contacts > 1)
    found = _row(doubled.agg(persons=doubled.count(), one=doubled.one.min()))
    if found["persons"]:
        yield (
            f"{found['persons']:,} persons have several contacts in one CRM (the same e-mail), among them "
            f"{found['one']}: they are treated as one; merge them in the CRM"
        )


def _silent_contacts(merged: Merged) -> Iterator[str]:
    contact = merged.contact
    silent = contact.filter(contact.email.notnull(), contact.email_opt_out.isnull())
    found = _row(silent.agg(contacts=silent.count(), one=silent.key.min()))
    if found["contacts"]:
        yield (
            f"{found['contacts']:,} contacts, such as {found['one']}, do not say whether they take e-mail: mailing "
            "lists leave them out; email_opt_out in the CRM's mapping file says how to read an empty field"
        )


def _other_currencies(merged: Merged, currency: str) -> Iterator[str]:
    other = merged.lines.filter(merged.lines.counts > 0, merged.lines.currency != currency)
    order = other.order_key.coalesce(other.order_id).nunique()
    found = _row(other.agg(orders=order, persons=other.person_id.nunique(), one=other.currency.min()))
    if found["persons"]:
        yield (
            f"{found['orders']:,} orders of {found['persons']:,} persons are not in {currency}, but in {found['one']}, "
            f"say: they count as orders, and are left out of what was spent, which is counted in {currency} alone"
        )


def _row(counted: ir.Table) -> dict[str, object]:
    return dict(counted.to_pyarrow().to_pylist()[0])
