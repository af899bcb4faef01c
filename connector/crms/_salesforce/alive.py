"""Which contacts are still there under the ids that we know."""

from collections.abc import Sequence

from connector.crms._salesforce.api import PAGE, Api
from connector.crms._salesforce.floor import Floor
from connector.crms._salesforce.records import CONTACT, parts, usable
from connector.crms._salesforce.within import said_nothing


def alive(api: Api, floor: Floor, members: Sequence[str]) -> frozenset[str]:
    """Those of `members` that are contacts under that very id. Who was merged away is deleted, and not there."""
    found: set[str] = set()
    for part in parts(usable(members), PAGE):
        floor.add("look up contacts", len(part), per_call=PAGE)
        records = api.retrieve(CONTACT, part, ["Id"])
        if len(records) != len(part):
            raise said_nothing("a reading of contacts")
        found.update(one for one, record in zip(part, records, strict=True) if record)
    return frozenset(found)
