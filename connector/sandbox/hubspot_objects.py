"""Records one by one and page by page: `/crm/objects/{version}/{type}`."""

from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_answers import associate_inline, names, next_page, shown, shown_all
from connector.sandbox.hubspot_associations import associate_new
from connector.sandbox.hubspot_bin import archive
from connector.sandbox.hubspot_errors import fields, invalid, whole
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import COLUMNS, RESTORABLE, Record, change, find, insert, record_of
from connector.sandbox.hubspot_scopes import objects
from connector.sandbox.hubspot_types import ObjectType
from connector.sandbox.hubspot_values import checked

PAGE, PAGE_WITH_HISTORY = 100, 50
"""Most records of a list page (source: HubSpot, "using object APIs")."""


def list_page(portal: Portal, call: Call) -> Answer:
    """Records in the order of their ids, from `after` on, which is the id of the next record."""
    kind = portal.kind(call.params["type"])
    history = call.values("propertiesWithHistory")
    limit = whole(call.query.get("limit", "10"), "limit", 1, PAGE_WITH_HISTORY if history else PAGE)
    after = whole(call.query.get("after", "0"), "after", 0, 2**63 - 1)
    records = _page(portal, kind, after, limit + 1, archived=call.flag("archived"))
    wanted = names(portal, kind, call.values("properties"))
    page = shown_all(portal, kind, records[:limit], wanted, history)
    associate_inline(portal, call, kind, page, call.values("associations"))
    content: dict[str, Any] = {"results": page}
    if len(records) > limit:
        content["paging"] = next_page(call, str(records[limit].id))
    return Answer(content=content)


def _page(portal: Portal, kind: ObjectType, after: int, most: int, *, archived: bool) -> list[Record]:
    which = "> ?" if archived else "IS NULL"
    values = [portal.clock.milliseconds() - RESTORABLE] if archived else []
    sql = f"""SELECT {COLUMNS} FROM record
        WHERE type = ? AND id >= ? AND archived {which} ORDER BY id LIMIT ?"""  # noqa: S608 - constants
    return [record_of(row) for row in portal.state.rows(sql, kind.id, after, *values, most)]


def get_one(portal: Portal, call: Call) -> Answer:
    """One record; an id that was merged away answers with the survivor, under the survivor's id."""
    kind = portal.kind(call.params["type"])
    by = call.query.get("idProperty", "")
    record = find(portal, kind, call.params["id"], by=by, archived=call.flag("archived"))
    return Answer(content=_one(portal, call, kind, record))


def _one(portal: Portal, call: Call, kind: ObjectType, record: Record) -> dict[str, Any]:
    wanted = names(portal, kind, call.values("properties"))
    page = shown_all(portal, kind, [record], wanted, call.values("propertiesWithHistory"))
    associate_inline(portal, call, kind, page, call.values("associations"))
    return page[0]


def create(portal: Portal, call: Call) -> Answer:
    """A new record, with its associations where they are given."""
    kind = portal.kind(call.params["type"])
    body = fields(call, "properties")
    record = insert(portal, kind, checked(portal, kind, body["properties"]))
    associate_new(portal, kind, record.id, body.get("associations") or [])
    return Answer(status=201, content=shown(kind, record, names(portal, kind, record.properties)))


def update(portal: Portal, call: Call) -> Answer:
    """Set some properties of one record."""
    kind = portal.kind(call.params["type"])
    values = checked(portal, kind, fields(call, "properties")["properties"])
    if not values:
        raise invalid("No properties found to update, please provide at least one.")
    record = find(portal, kind, call.params["id"], by=call.query.get("idProperty", ""))
    changed = change(portal, kind, record, values)
    return Answer(content=shown(kind, changed, names(portal, kind, values)))


def delete(portal: Portal, call: Call) -> Answer:
    """Archive one record; HubSpot keeps it restorable for 90 days."""
    kind = portal.kind(call.params["type"])
    archive(portal, kind, [find(portal, kind, call.params["id"]).id])
    return Answer(status=204)


PATH = "/crm/objects/{version}/{type}"

OPERATIONS = (
    Operation(method="GET", path=PATH, handle=list_page, scopes=objects("read")),
    Operation(method="GET", path=PATH + "/{id}", handle=get_one, scopes=objects("read")),
    Operation(method="POST", path=PATH, handle=create, write=True, scopes=objects("write")),
    Operation(method="PATCH", path=PATH + "/{id}", handle=update, write=True, scopes=objects("write")),
    Operation(method="DELETE", path=PATH + "/{id}", handle=delete, write=True, scopes=objects("write")),
)
