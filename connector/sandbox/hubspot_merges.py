"""Merging two records into a new one, and erasing a contact for good.

A merge of contacts or companies makes a NEW id; the old ids answer with the survivor when read, and are gone from
lists of records and from search (source: HubSpot changelog "updated merge functionality").
"""

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_answers import names, shown
from connector.sandbox.hubspot_errors import fields, invalid
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import MORE_EMAILS, Record, claim, erase, find, save
from connector.sandbox.hubspot_scopes import objects
from connector.sandbox.hubspot_types import COMPANY, CONTACT, ObjectType, partners

MERGED_IDS = "hs_merged_object_ids"
MOST = 250
"""Records that may be merged into one (source: HubSpot)."""


def merge(portal: Portal, call: Call) -> Answer:
    """Make one record of two; the primary's values win, the other's fill the gaps."""
    kind = portal.kind(call.params["type"])
    body = fields(call, "primaryObjectId", "objectIdToMerge")
    primary = find(portal, kind, str(body["primaryObjectId"]))
    second = find(portal, kind, str(body["objectIdToMerge"]))
    if kind not in (CONTACT, COMPANY):
        raise invalid(f"{kind.name} cannot be merged")
    if primary.id == second.id:
        raise invalid("Cannot merge an object with itself")
    survivor = _survivor(portal, kind, primary, second)
    _hand_over(portal, kind, [primary.id, second.id], survivor.id)
    save(portal, kind, survivor)
    claim(portal, kind, survivor, survivor.properties)
    return Answer(content=shown(kind, survivor, names(portal, kind, survivor.properties)))


def _survivor(portal: Portal, kind: ObjectType, primary: Record, second: Record) -> Record:
    merged = sorted({number for one in (primary, second) for number in (one.id, *_merged_before(one))})
    if len(merged) > MOST:
        raise invalid(f"A record can be the result of at most {MOST} merges")
    properties = {**second.properties, **primary.properties, MERGED_IDS: ";".join(map(str, merged))}
    if emails := _more_emails(primary, second):
        properties[MORE_EMAILS] = ";".join(emails)
    created = min(primary.created, second.created)
    return Record(portal.state.next_id(kind.id), created, portal.clock.milliseconds(), None, properties)


def _merged_before(record: Record) -> list[int]:
    return [int(text) for text in record.properties.get(MERGED_IDS, "").split(";") if text]


def _more_emails(primary: Record, second: Record) -> list[str]:
    texts = [primary.properties.get(MORE_EMAILS, ""), *(second.properties.get(n, "") for n in ("email", MORE_EMAILS))]
    found = {part.strip() for text in texts for part in text.split(";") if part.strip()}
    first = primary.properties.get("email") or second.properties.get("email")
    return sorted(found - {first})


def _hand_over(portal: Portal, kind: ObjectType, old: list[int], new: int) -> None:
    state = portal.state
    for number in old:
        for other in partners(kind):
            _move_associations(portal, kind, other, number, new)
        state.run(
            """INSERT OR IGNORE INTO membership SELECT list, ?, added FROM membership
            WHERE record = ? AND list IN (SELECT id FROM list WHERE type = ?)""",
            new, number, kind.id,
        )  # fmt: skip
        erase(portal, kind, number)
        state.run("UPDATE merged SET survivor = ? WHERE type = ? AND survivor = ?", new, kind.id, number)
        state.run("INSERT INTO merged VALUES (?, ?, ?)", kind.id, number, new)


def _move_associations(portal: Portal, kind: ObjectType, other: str, number: int, new: int) -> None:
    sql = "SELECT to_id, kind FROM association WHERE from_type = ? AND to_type = ? AND from_id = ?"
    back = "SELECT kind FROM association WHERE from_type = ? AND to_type = ? AND from_id = ? AND to_id = ?"
    rows = []
    for end, there in portal.state.rows(sql, kind.id, other, number):
        rows.append((kind.id, other, new, end, there))
        rows += [(other, kind.id, end, new, one) for (one,) in portal.state.rows(back, other, kind.id, end, number)]
    portal.state.run_many("INSERT OR IGNORE INTO association VALUES (?, ?, ?, ?, ?)", rows)


def gdpr_delete(portal: Portal, call: Call) -> Answer:
    """Erase a contact everywhere; it is neither listed nor archived afterwards."""
    kind = portal.kind(call.params["type"])
    body = fields(call, "objectId")
    erase(portal, kind, find(portal, kind, str(body["objectId"]), by=body.get("idProperty") or "").id)
    return Answer(status=204)


PATH = "/crm/objects/{version}/{type}"

OPERATIONS = (
    Operation(method="POST", path=PATH + "/merge", handle=merge, write=True, scopes=objects("write")),
    Operation(method="POST", path=PATH + "/gdpr-delete", handle=gdpr_delete, write=True, scopes=objects("write")),
)
