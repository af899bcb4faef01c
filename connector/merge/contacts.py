"""Which contacts are one person: rules 1 and 2 of `identity`."""

import ibis
import ibis.expr.types as ir

from connector.merge.components import components, fetch, labelled
from connector.merge.seen import comparable
from connector.relations import among, without


def live(contact: ir.Table) -> ir.Table:
    """Contacts that are neither merged away nor deleted."""
    return contact.filter(contact.merged_into.isnull(), contact.deleted_at.isnull())


def holders(contact: ir.Table) -> ir.Table:
    """What contacts hold: [key, crm, identifier_type, identifier], each once, in comparable form."""
    kinds = {"email": contact.email, "user_id": contact.user_id, "phone": contact.phone}
    single = [_held(contact, kind, value) for kind, value in kinds.items()]
    listed = contact.filter(contact.other_emails.notnull())
    every = ibis.union(*single, _held(listed, "email", listed.other_emails.split(";").unnest()))
    clean = every.mutate(identifier=comparable(every.identifier_type, every.identifier))
    return clean.filter(clean.identifier.notnull()).distinct()


def former_emails(versions: ir.Table, held: ir.Table) -> ir.Table:
    """[key, identifier_type, identifier]: e-mails that contacts had before, as far as no contact has them now.

    Args:
        versions: every row of `contact` ever kept.
        held: what contacts hold now; see `holders`.
    """
    emails = _of_kind(holders(versions), "email").drop("crm")
    return without(emails, _of_kind(held, "email"), ["identifier"])


def _of_kind(held: ir.Table, kind: str) -> ir.Table:
    return held.filter(held.identifier_type == kind)


def _held(contact: ir.Table, kind: str, value: ir.Value) -> ir.Table:
    return contact.select("key", "crm", identifier_type=ibis.literal(kind), identifier=value)


def nodes(contact: ir.Table) -> ir.Table:
    """[key] of every contact, and of survivors that were named but not seen yet."""
    named = contact.filter(contact.merged_into.notnull())
    return contact.select("key").union(named.select(key="merged_into")).distinct()


def merges(contact: ir.Table) -> ir.Table:
    """[a, b]: a contact and the one it was merged into."""
    return contact.filter(contact.merged_into.notnull()).select(a="key", b="merged_into")


def survivors(contact: ir.Table) -> ir.Table:
    """[key, survivor]: the contact that stands for `key` in its CRM now; itself where it was never merged."""
    placed = labelled(nodes(contact), components(fetch(merges(contact))))
    gone = contact.filter(contact.merged_into.notnull()).select("key", tombstone=True)
    known = placed.left_join(gone, "key").select(placed.key, placed.root, alive=gone.tombstone.isnull())
    together = ibis.window(group_by=known.root)
    standing = known.key.min(where=known.alive).over(together)
    return known.select("key", survivor=standing.coalesce(known.key.min().over(together)))


def joined(contact: ir.Table, held: ir.Table) -> ir.Table:
    """[key, root]: contacts with the same root are one person."""
    sure = fetch(merges(contact).union(_star(held.filter(held.identifier_type == "email"))))
    strict = labelled(nodes(contact), components(sure))
    likely = fetch(_star(_joining_user_ids(held, strict)).union(_star(_joining_phones(held, strict))))
    return labelled(nodes(contact), components(sure, likely))


def persons(contact: ir.Table, held: ir.Table) -> ir.Table:
    """[key, person_id]: a person is called after its oldest contact (created_at, then key), so the name is stable."""
    placed = joined(contact, held)
    dated = placed.left_join(contact, "key").select(
        placed.key, placed.root, contact.created_at, unseen=contact.key.isnull()
    )
    age = ibis.window(group_by=dated.root, order_by=[dated.unseen, dated.created_at.asc(nulls_first=False), dated.key])
    return dated.select("key", person_id=dated.key.first().over(age))


def _star(held: ir.Table) -> ir.Table:
    """[a, b]: every holder of an identifier joined to the first of them; as connected as all pairs, but linear."""
    hub = held.key.min().over(ibis.window(group_by=[held.identifier_type, held.identifier]))
    spokes = held.select(a=hub, b="key")
    return spokes.filter(spokes.a != spokes.b)


def _rooted(held: ir.Table, strict: ir.Table, kind: str) -> ir.Table:
    """[identifier, crm, root] of one kind, each once."""
    found = held.filter(held.identifier_type == kind)
    return found.inner_join(strict, "key").select("identifier", "crm", "root").distinct()


def _one_a_crm(rooted: ir.Table) -> ir.Table:
    """[identifier]: held by two or more persons, but by one only in each CRM."""
    by_crm = rooted.group_by("identifier", "crm").agg(held_by=rooted.root.nunique())
    worst = by_crm.group_by("identifier").agg(held_by=by_crm.held_by.max(), crms=by_crm.count())
    return worst.filter(worst.held_by == 1, worst.crms > 1).select("identifier")


def _joining_user_ids(held: ir.Table, strict: ir.Table) -> ir.Table:
    fit = _one_a_crm(_rooted(held, strict, "user_id"))
    return among(held.filter(held.identifier_type == "user_id"), fit, ["identifier"])


def _joining_phones(held: ir.Table, strict: ir.Table) -> ir.Table:
    """Holders of phones that one person a CRM has, where at most one of these persons has an e-mail of its own."""
    rooted = _rooted(held, strict, "phone")
    with_email = _rooted(held, strict, "email").select("root").distinct()
    named = among(rooted, with_email, ["root"]).select("identifier", "root").distinct()
    emails = named.group_by("identifier").agg(persons=named.count())
    fit = without(_one_a_crm(rooted), emails.filter(emails.persons > 1), ["identifier"])
    return among(held.filter(held.identifier_type == "phone"), fit, ["identifier"])
