"""Whose an opportunity is where it does not say itself: its primary contact role. (A job's query may hold no list.)"""

from collections.abc import Sequence

from connector.crms._salesforce.look import Lookout
from connector.crms._salesforce.streams import Record, Stream, first

ROLES = "SELECT OpportunityId, ContactId FROM OpportunityContactRole"


def with_roles(lookout: Lookout, stream: Stream, records: Sequence[Record]) -> Sequence[Record]:
    """Opportunities with their primary contact filled in as `ContactId`; records of other streams as they are."""
    if stream.name != "opportunity":
        return records
    alone = [record["Id"] for record in records if not first(record, stream.owners)]
    found = lookout.by_ids(ROLES, "OpportunityId", alone, "IsPrimary = true")
    buyers = {one["OpportunityId"]: one["ContactId"] for one in found}
    return [{**one, "ContactId": buyers[one["Id"]]} if one["Id"] in buyers else one for one in records]
