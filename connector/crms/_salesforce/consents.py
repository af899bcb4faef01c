"""Opt-outs of mail that Salesforce keeps beside the contact: an individual's consents by kind of contact point.

The least permissive counts, for whatever purpose it was given, and also one whose time is yet to come (Object
reference, ContactPointTypeConsent). One whose time is over ends when the contact is next read.
"""

from collections.abc import Sequence
from datetime import datetime

from connector.crms._salesforce.look import CONSENTS, Lookout
from connector.crms._salesforce.streams import INDIVIDUAL, MAIL_REFUSED, Record, Stream, true, value

NEEDED = ("PartyId", "ContactPointType", "PrivacyConsentStatus")
ENDS = "EffectiveTo"
OPT_OUTS = "ContactPointType = 'Email' AND PrivacyConsentStatus = 'OptOut'"


def kept(lookout: Lookout) -> bool:
    """Whether the org keeps such consents where we may see them."""
    return len(lookout.visible.seen(CONSENTS, NEEDED)) == len(NEEDED)


def with_consents(lookout: Lookout, stream: Stream, records: Sequence[Record]) -> Sequence[Record]:
    """Contacts, marked where their individual opted out of e-mail; records of other streams as they are."""
    parties = sorted({one for record in records if (one := value(record, INDIVIDUAL))})
    if stream.name != "contact" or not parties or not kept(lookout):
        return records
    further = lookout.visible.seen(CONSENTS, ("IsDeleted", ENDS))
    asked = f"SELECT {', '.join((*NEEDED, *further))} FROM {CONSENTS}"  # noqa: S608  (names that describe told)
    now = lookout.api.transport.now()
    found = lookout.by_ids(asked, "PartyId", parties, OPT_OUTS)
    refused = {str(one["PartyId"]) for one in found if _in_force(one, now)}
    return [{**record, MAIL_REFUSED: True} if value(record, INDIVIDUAL) in refused else record for record in records]


def _in_force(consent: Record, now: datetime) -> bool:
    ends = value(consent, ENDS)
    return not true(consent, "IsDeleted") and (not ends or datetime.fromisoformat(str(ends)) > now)
