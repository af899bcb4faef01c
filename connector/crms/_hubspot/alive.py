"""Which contacts are still there under the ids that we know."""

from collections.abc import Sequence

from connector.crms._hubspot.answers import told
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.source import parts
from connector.crms._hubspot.writes import CONTACTS, WRITTEN


def alive(api: Api, floor: Floor, members: Sequence[str]) -> frozenset[str]:
    """Those of `members` that are contacts under that very id. HubSpot answers a merged id under the survivor's."""
    found: set[str] = set()
    for part in parts(members, WRITTEN):
        floor.add("look up contacts", len(part), per_call=WRITTEN)
        records = told(api.read(CONTACTS, part, ["hs_object_id"]), "a reading of contacts")
        found.update(str(each["id"]) for each in records)
    return frozenset(found.intersection(members))
