"""Merge as one step: everything decide/ needs to know of some persons, or of all."""

import ibis.expr.types as ir

from connector.merge.catalogue import catalogue
from connector.merge.consents import consents
from connector.merge.contacts import live
from connector.merge.holdings import holdings
from connector.merge.lines import lines
from connector.merge.sales import counted
from connector.merge.seen import Seen
from connector.merge.touches import activity, touches
from connector.policies.sameness import SamenessPolicy
from connector.relations import Keep, Merged, Moment, lazily


def merge(
    seen: Seen, person: ir.Table, as_of: Moment, keep: Keep = lazily, policy: SamenessPolicy | None = None
) -> Merged:
    """Bring together what was seen, up to `as_of`, of the persons in `person`, which may be a part of all.

    Args:
        policy: what counts as the same item; by default as shipped.
    """
    products = catalogue(seen.product, policy, keep)
    theirs = keep(counted(keep(_owned(lines(seen, person, products, as_of, keep)))))
    touched = touches(seen.interaction, person, products, as_of, keep)
    active = activity(seen.interaction, person, as_of)
    return Merged(
        person=person,
        catalogue=products.product,
        same=products.same,
        lines=theirs,
        holding=keep(holdings(theirs, keep)),
        touch=touched.touch,
        awareness=keep(touched.awareness),
        activity=active,
        interaction=products.with_family(active),
        contact=keep(_contacts(seen.contact, person)),
        consent=keep(consents(seen.consent, person, as_of)),
    )


def _owned(line: ir.Table) -> ir.Table:
    return line.filter(line.person_id.notnull())


def _contacts(contact: ir.Table, person: ir.Table) -> ir.Table:
    named = person.filter(person.identifier_type == "contact").select("person_id", key="identifier")
    return live(contact).inner_join(named, "key")
