"""Merging two records into a new one, and erasing a contact for good.

A merge of contacts or companies makes a NEW id; the old ids answer with the survivor when read, and are gone from
lists of records and from search (source: HubSpot changelog "updated merge functionality").
"""

from connector.sandbox.exchange import Answer, Call, Operation, Refusal
from connector.sandbox.hubspot_answers import names, shown
from connector.sandbox.hubspot_bin import erase, ties
from connector.sandbox.hubspot_errors import fields, invalid
from connector.sandbox.hubspot_history import inherit, remember
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import MORE_EMAILS, Record, claim, find, save
from connector.sandbox.hubspot_scopes import objects
from connector.sandbox.hubspot_types import COMPANY, CONTACT, ObjectType
from connector.sandbox.hubspot_values import furthest

MERGED_IDS = "hs_merged_object_ids"
MOST = 250
"""Records that may be merged into one (source: HubSpot)."""


def merge(portal: Portal, call: Call) -> Answer:
    """Make one record of two; the primary's values win, the other's fill the gaps, the later lifecycle stage stays."""
    kind = portal.kind(call.params["type"])
    body = fields(call, "primaryObjectId", "objectIdToMerge")
    primary = find(portal, kind, str(body["primaryObjectId"]))
    second = find(portal, kind, str(body["objectIdToMerge"]))
    if kind not in (CONTACT, COMPANY):
        raise invalid(f"{kind.name} cannot be merged")
    if primary.id == second.id:
        raise invalid("Cannot merge an object with itself")
    survivor = _survivor(portal, kind, primary, second)
    remember(portal, kind, survivor.id, {**survivor.properties, **second.properties}, survivor.properties)
    inherit(portal, kind, [primary.id, second.id], survivor.id)
    _hand_over(portal, kind, [primary.id, second.id], survivor.id)
    save(portal, kind, survivor)
    claim(portal, kind, survivor, survivor.properties)
    ends = {"primaryObjectId": primary.id, "mergedObjectIds": [second.id], "newObjectId": survivor.id}
    portal.note("MERGE", kind, [survivor.id], **ends)
    return Answer(content=shown(kind, survivor, names(portal, kind, survivor.properties)))


def _survivor(portal: Portal, kind: ObjectType, primary: Record, second: Record) -> Record:
    merged = sorted({number for one in (primary, second) for number in (one.id, *_merged_before(one))})
    if len(merged) > MOST:
        raise invalid(f"A record can be the result of at most {MOST} merges")
    properties = {**second.properties, **primary.properties, MERGED_IDS: ";".join(map(str, merged))}
    if emails := _more_emails(primary, second):
        properties[MORE_EMAILS] = ";".join(emails)
    if stage := furthest(*(one.properties.get("lifecyclestage") for one in (primary, second))):
        properties["lifecyclestage"] = stage
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
        for table in ("association", "detached"):
            _copy_ties(portal, table, kind, number, new)
        state.run(
            """INSERT OR IGNORE INTO membership SELECT list, ?, added FROM membership
            WHERE record = ? AND list IN (SELECT id FROM list WHERE type = ?)""",
            new, number, kind.id,
        )  # fmt: skip
        erase(portal, kind, number)
        state.run("UPDATE merged SET survivor = ? WHERE type = ? AND survivor = ?", new, kind.id, number)
        state.run("INSERT INTO merged VALUES (?, ?, ?)", kind.id, number, new)


def _copy_ties(portal: Portal, table: str, kind: ObjectType, number: int, new: int) -> None:
    rows = [
        (start, end, new if start == kind.id else here, new if end == kind.id else there, one)
        for start, end, here, there, one in ties(portal, table, kind, number)
    ]
    portal.state.run_many(f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608


def gdpr_delete(portal: Portal, call: Call) -> Answer:
    """Erase a contact everywhere; it is neither listed nor archived afterwards.

    Its e-mail is blocked for people and imports only: an API request may bring it back, as a new record
    (source: HubSpot's knowledge base, "perform a permanent delete").
    """
    kind = portal.kind(call.params["type"])
    body = fields(call, "objectId")
    if kind is not CONTACT:
        raise invalid(f"{kind.name} cannot be permanently deleted")
    number = _anywhere(portal, kind, str(body["objectId"]), body.get("idProperty") or "").id
    erase(portal, kind, number)
    for action in ("DELETE", "GDPR_DELETE"):  # both are told (source: changelog "privacy compliant contact deletions")
        portal.note(action, kind, [number])
    return Answer(status=204)


def _anywhere(portal: Portal, kind: ObjectType, text: str, by: str) -> Record:
    """The record, be it in the bin; it is the living one that a unique property finds."""
    try:
        return find(portal, kind, text, by=by)
    except Refusal:
        return find(portal, kind, text, by=by, archived=True)


PATH = "/crm/objects/{version}/{type}"

OPERATIONS = (
    Operation(method="POST", path=PATH + "/merge", handle=merge, write=True, scopes=objects("write")),
    Operation(method="POST", path=PATH + "/gdpr-delete", handle=gdpr_delete, write=True, scopes=objects("write")),
)
