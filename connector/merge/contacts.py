"""Which contacts are one person: rules 1 and 2 of `identity`."""

import ibis
import ibis.expr.types as ir

from connector.merge.components import components, labelled
from connector.merge.seen import comparable
from connector.relations import Keep, among, lazily, without

RECORD = "record"
"""Kind of identifier: the key of a CRM's record, held by itself and by whoever names it as the same person."""


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


def survivors(contact: ir.Table, keep: Keep = lazily) -> ir.Table:
    """[key, survivor]: the contact that stands for `key` in its CRM now; itself where it was never merged."""
    placed = labelled(nodes(contact), components(keep, merges(contact)))
    gone = contact.filter(contact.merged_into.notnull()).select("key", tombstone=True)
    known = placed.left_join(gone, "key").select(placed.key, placed.root, alive=gone.tombstone.isnull())
    together = ibis.window(group_by=known.root)
    standing = known.key.min(where=known.alive).over(together)
    return known.select("key", survivor=standing.coalesce(known.key.min().over(together)))


def gone(contact: ir.Table, keep: Keep = lazily) -> ir.Table:
    """[key] of contacts that were deleted, or merged into one that was."""
    placed = labelled(nodes(contact), components(keep, merges(contact)))
    there = live(contact).select("key", lives=True)
    known = placed.left_join(there, "key").select(placed.key, placed.root, lives=there.lives.fill_null(False))
    whole = known.mutate(lives=known.lives.any().over(ibis.window(group_by=known.root)))
    return whole.filter(~whole.lives).select("key")


def standing(held: ir.Table, dead: ir.Table) -> ir.Table:
    """What contacts hold, but for what a living contact took over from those that are gone."""
    marked = dead.select("key", dead=True)
    known = held.left_join(marked, "key").select(*[held[name] for name in held.columns], lives=marked.dead.isnull())
    same = ibis.window(group_by=[known.identifier_type, known.identifier])
    whole = known.mutate(taken_over=known.lives.any().over(same))
    return whole.filter(whole.lives | ~whole.taken_over).drop("lives", "taken_over")


def joined(contact: ir.Table, held: ir.Table, dead: ir.Table, keep: Keep = lazily) -> ir.Table:
    """[key, root]: contacts with the same root are one person."""
    merged, email = keep(merges(contact)), _of_kind(held, "email")
    there, left = keep(without(email, dead, ["key"])), keep(among(email, dead, ["key"]))
    alive, buried = keep(_star(there)), keep(_star(left))
    person = among(labelled(nodes(contact), components(keep, merged, alive)), there, ["key"])
    grave = among(labelled(nodes(contact), components(keep, merged, buried)), left, ["key"])
    heirs = keep(_heirs(left.inner_join(grave, "key"), there.inner_join(person, "key")))
    sure = (merged, alive, buried, heirs)
    strict = keep(labelled(nodes(contact), components(keep, *sure)))
    likely = [
        _joining(held, strict, "user_id"),
        _joining(_named(contact), strict, RECORD),
        _joining_phones(held, strict),
    ]
    return labelled(nodes(contact), components(keep, *sure, *(_star(each) for each in likely)))


def _heirs(grave: ir.Table, person: ir.Table) -> ir.Table:
    """[a, b]: those who are gone, and the one person who has a mailbox of theirs now; none where two have."""
    left, there = grave.select("identifier", a="root"), person.select("identifier", b="root")
    both = left.inner_join(there, "identifier")
    heir = both.group_by("a").agg(b=both.b.min(), other=both.b.max())
    return heir.filter(heir.b == heir.other).select("a", "b")


def _named(contact: ir.Table) -> ir.Table:
    """[key, crm, identifier_type, identifier]: contacts that one of another CRM names as itself, and those who name."""
    naming = contact.filter(contact.same_as.notnull())
    named = among(contact, naming.select(key="same_as"), ["key"])
    return _held(naming, RECORD, naming.same_as).union(_held(named, RECORD, named.key))


def persons(contact: ir.Table, held: ir.Table, dead: ir.Table, keep: Keep = lazily) -> ir.Table:
    """[key, person_id]: a person is called after its oldest contact (created_at, then key), so the name is stable.

    Args:
        dead: [key] of contacts that are gone; see `gone`.
    """
    placed = joined(contact, held, dead, keep)
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
    found = _of_kind(held, kind)
    return found.inner_join(strict, "key").select("identifier", "crm", "root").distinct()


def _one_a_crm(rooted: ir.Table) -> ir.Table:
    """[identifier]: held by two or more persons, but by one only in each CRM."""
    by_crm = rooted.group_by("identifier", "crm").agg(held_by=rooted.root.nunique())
    worst = by_crm.group_by("identifier").agg(held_by=by_crm.held_by.max(), crms=by_crm.count())
    return worst.filter(worst.held_by == 1, worst.crms > 1).select("identifier")


def _joining(held: ir.Table, strict: ir.Table, kind: str) -> ir.Table:
    """Holders of identifiers of one kind that one person a CRM has."""
    return among(_of_kind(held, kind), _one_a_crm(_rooted(held, strict, kind)), ["identifier"])


def _joining_phones(held: ir.Table, strict: ir.Table) -> ir.Table:
    """Holders of phones that one person a CRM has, where at most one of these persons has an e-mail of its own."""
    rooted = _rooted(held, strict, "phone")
    with_email = _rooted(held, strict, "email").select("root").distinct()
    named = among(rooted, with_email, ["root"]).select("identifier", "root").distinct()
    emails = named.group_by("identifier").agg(persons=named.count())
    fit = without(_one_a_crm(rooted), emails.filter(emails.persons > 1), ["identifier"])
    return among(_of_kind(held, "phone"), fit, ["identifier"])
