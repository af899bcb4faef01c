"""Who is whom: contacts, e-mails, phones, user ids and anonymous ids joined to persons, by rules, never by likeness.

1. Contacts are one person when one was merged into another, or when they share an e-mail (first or further one): one
   mailbox is one person, also across CRMs. An e-mail that a contact had before joins no contacts, but stays its
   person's while no contact has it, so that nobody becomes two persons by a new address. A deleted contact is the
   person's who has a mailbox of its now, unless two have: who is gone never makes one of two who live.
2. Where one CRM keeps the id of the other's record (HubSpot that of Salesforce's contact or lead), it joins the two
   unless two persons (by rule 1) of one CRM claim the same record; and so does a user id. A phone joins contacts when
   exactly one person a CRM holds it and at most one of these has an e-mail.
3. Other keys are tied to persons by what was seen together with them: first e-mails that no contact holds (through
   contacts' user ids), then such user ids (through e-mails), then anonymous ids, phones and the rest (through both). A
   key tied to one person is that person's, for its earlier events too; a key tied to several joins nobody and is
   `shared`. An e-mail or user id that leads to no contact stands for a person without one (`email:...`,
   `user_id:...`) and counts as another person here.

A person is called after its oldest contact, merged or deleted ones included; these stay its identifiers.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from connector.merge.contacts import former_emails, gone, holders, persons, standing
from connector.merge.seen import Seen, comparable
from connector.relations import Keep, among, lazily, without

STRONG = ("email", "user_id")
"""Keys that name a person; all others are only tied to one."""

PERSON = ("person_id", "identifier_type", "identifier")
KEY = ("identifier_type", "identifier")


@dataclass(frozen=True)
class Identity:
    """Attributes:
    person: [person_id, identifier_type, identifier], one row a known identifier.
    shared: [identifier_type, identifier] tied to two persons or more.
    """

    person: ir.Table
    shared: ir.Table


def identify(seen: Seen, contact_versions: ir.Table | None = None, keep: Keep = lazily) -> Identity:
    """Persons from all contacts, identity links and event keys.

    Args:
        contact_versions: every row of `contact` ever kept, for the e-mails that contacts had before.
    """
    held, dead = keep(holders(seen.contact)), keep(gone(seen.contact, keep))
    called = keep(persons(seen.contact, held, dead, keep))
    owned = _owned(standing(held, dead), called)
    if contact_versions is not None:
        owned = owned.union(_owned(former_emails(contact_versions, held), called))
    owned, ends = keep(owned), link_ends(seen.identity_link, keep)
    spoken = keep(_mentioned(ends, seen.interaction))
    customers, _ = _settled(_of(owned, "user_id"))
    emails, shared_emails = _named("email", owned, spoken, ends, customers)
    emails = keep(emails)
    user_ids, shared_user_ids = _named("user_id", owned, spoken, ends, emails)
    weak, shared_weak = _weak(owned, ends, emails.union(user_ids))
    contact = called.select("person_id", identifier_type=ibis.literal("contact"), identifier="key")
    shared = ibis.union(shared_emails, shared_user_ids, shared_weak)
    return Identity(ibis.union(contact, emails, user_ids, weak), shared)


def _owned(held: ir.Table, called: ir.Table) -> ir.Table:
    """[person_id, identifier_type, identifier] of what contacts hold, each once."""
    return held.inner_join(called, "key").select(*PERSON).distinct()


def link_ends(link: ir.Table, keep: Keep = lazily) -> ir.Table:
    """[identifier_type, identifier, other_type, other]: every link from both of its ends, in comparable form."""
    one = link.select(
        a_type="a_type",
        a=comparable(link.a_type, link.a_value),
        b_type="b_type",
        b=comparable(link.b_type, link.b_value),
    )
    clean = keep(one.filter(one.a.notnull(), one.b.notnull()))
    there = clean.select(identifier_type="a_type", identifier="a", other_type="b_type", other="b")
    return there.union(clean.select(identifier_type="b_type", identifier="b", other_type="a_type", other="a"))


def _mentioned(ends: ir.Table, interaction: ir.Table) -> ir.Table:
    """Strong keys that events or links speak of, each once."""
    used = interaction.filter(interaction.identifier_type.isin(STRONG)).select(*KEY).distinct()
    used = used.mutate(identifier=comparable(used.identifier_type, used.identifier))
    every = ends.filter(ends.identifier_type.isin(STRONG)).select(*KEY).union(used)
    return every.filter(every.identifier.notnull()).distinct()


def _of(table: ir.Table, kind: str) -> ir.Table:
    return table.filter(table.identifier_type == kind)


def _settled(ties: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Keys tied to one person, with that person; and keys tied to several."""
    tied = ties.group_by(*KEY).agg(person_id=ties.person_id.min(), last=ties.person_id.max())
    return tied.filter(tied.person_id == tied.last).select(*PERSON), tied.filter(tied.person_id != tied.last).select(
        *KEY
    )


def _standing_alone(keys: ir.Table) -> ir.Table:
    """Keys that name persons of whom nothing else is known."""
    return keys.select(*KEY, person_id=keys.identifier_type + ":" + keys.identifier).select(*PERSON)


def _named(kind: str, owned: ir.Table, spoken: ir.Table, ends: ir.Table, others: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Each strong key's person: its contact's; else that of the `others` it was seen with; else its own.

    Also the keys of several persons.
    """
    one, several = _settled(_of(owned, kind))
    free = without(_of(spoken, kind), _of(owned, kind), KEY)
    tied, disputed = _settled(_ties(among(ends, free, KEY), others))
    alone = _standing_alone(without(without(free, tied, KEY), disputed, KEY))
    return ibis.union(one, tied, alone), several.union(disputed)


def _weak(owned: ir.Table, ends: ir.Table, strong: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Phones, anonymous ids and the rest, by the strong keys seen with them and the contacts that hold them."""
    loose = ends.filter(ends.identifier_type.notin((*STRONG, "contact")))
    return _settled(_ties(loose, strong).union(_of(owned, "phone")))


def _ties(ends: ir.Table, known: ir.Table) -> ir.Table:
    """[person_id, identifier_type, identifier]: the persons of what a key was seen with."""
    other = known.select("person_id", other_type="identifier_type", other="identifier")
    return ends.inner_join(other, ["other_type", "other"]).select(*PERSON).distinct()
