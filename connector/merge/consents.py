"""What persons said about being addressed, in whatever place they said it."""

import ibis.expr.types as ir

from connector.relations import Moment, at


def consents(consent: ir.Table, person: ir.Table, as_of: Moment) -> ir.Table:
    """[person_id, source, signal, purpose, granted, country, said_at] of those in `person`; a word that is neither yes
    nor no is left out.

    A grant counts from the moment it was given. A refusal counts whenever it was made, also after `as_of`: whoever asks
    what holds at an earlier moment may look, but what leaves this machine leaves it now.
    """
    told = consent.mutate(said_at=consent.said_at.coalesce(consent.version))
    told = told.filter(told.granted.notnull(), (told.said_at <= at(as_of)) | ~told.granted)
    known = told.inner_join(person, ["identifier_type", "identifier"])
    return known.select("person_id", "source", "signal", "purpose", "granted", "country", "said_at")
