"""Folders of lists: `/crm/lists/{version}/folders`. The root is folder 0, and belongs to none."""

from collections.abc import Sequence
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_errors import fields, invalid, not_found
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_scopes import lists

COLUMNS = "id, name, parent, created, updated"


def folder_of(portal: Portal, text: Any) -> int:
    """The folder's number. Refuses where there is none."""
    return int(_row(portal, text)[0])


def _row(portal: Portal, text: Any) -> Any:
    row = portal.state.row(f"SELECT {COLUMNS} FROM folder WHERE id = ?", str(text))  # noqa: S608 - constants
    if row is None:
        raise not_found(f"Folder {text} does not exist")
    return row


def get(portal: Portal, call: Call) -> Answer:
    """A folder with what is in it, folders below it too; the root where none is named."""
    return _answer(portal, call.query.get("folderId", "0"))


def _answer(portal: Portal, number: Any) -> Answer:
    return Answer(content={"folder": _shown(portal, _row(portal, number))})


def _shown(portal: Portal, row: Sequence[Any]) -> dict[str, Any]:
    number, name, parent, created, updated = row
    sql = f"SELECT {COLUMNS} FROM folder WHERE parent = ? ORDER BY id"  # noqa: S608 - constants
    inside = portal.state.rows("SELECT id FROM list WHERE folder = ? AND deleted IS NULL ORDER BY id", number)
    return {
        "id": str(number),
        "name": name,
        "parentFolderId": str(parent),
        "childNodes": [_shown(portal, one) for one in portal.state.rows(sql, number)],
        "childLists": [one for (one,) in inside],
        "createdAt": iso(created),
        "updatedAt": iso(updated),
    }


def create(portal: Portal, call: Call) -> Answer:
    """A new folder, below the root unless told otherwise."""
    body = fields(call, "name")
    parent = folder_of(portal, body.get("parentFolderId") or 0)
    number, now = portal.state.next_id("folder"), portal.clock.milliseconds()
    portal.state.run("INSERT INTO folder VALUES (?, ?, ?, ?, ?)", number, body["name"], parent, now, now)
    return _answer(portal, number)


def rename(portal: Portal, call: Call) -> Answer:
    """Give a folder another name."""
    number, name = _changeable(portal, call), call.query.get("newFolderName", "")
    if not name:
        raise invalid("newFolderName is required")
    sql = "UPDATE folder SET name = ?, updated = ? WHERE id = ?"
    portal.state.run(sql, name, portal.clock.milliseconds(), number)
    return _answer(portal, number)


def _changeable(portal: Portal, call: Call) -> int:
    if number := folder_of(portal, call.params["folder"]):
        return number
    raise invalid("The root folder cannot be changed")


def move(portal: Portal, call: Call) -> Answer:
    """Put a folder, with all that is in it, into another that is not below it."""
    number, parent = _changeable(portal, call), folder_of(portal, call.params["parent"])
    if number in _above(portal, parent):
        raise invalid("A folder cannot be moved into itself")
    sql = "UPDATE folder SET parent = ?, updated = ? WHERE id = ?"
    portal.state.run(sql, parent, portal.clock.milliseconds(), number)
    return _answer(portal, number)


def _above(portal: Portal, number: int) -> list[int]:
    """A folder and those it is in, up to the root."""
    parent = _row(portal, number)[2] if number else 0
    return [number, *_above(portal, parent)] if number else [0]


def move_list(portal: Portal, call: Call) -> Answer:
    """Put a list into a folder."""
    body = fields(call, "listId", "newFolderId")
    sql = "UPDATE list SET folder = ? WHERE id = ? AND deleted IS NULL"
    if not portal.state.run(sql, folder_of(portal, body["newFolderId"]), str(body["listId"])):
        raise not_found(f"List with ID {body['listId']} does not exist")
    return Answer(status=204)


def delete(portal: Portal, call: Call) -> Answer:
    """Delete a folder that is empty."""
    now = _shown(portal, _row(portal, _changeable(portal, call)))
    if now["childLists"] or now["childNodes"]:
        raise invalid("Only an empty folder can be deleted")
    portal.state.run("DELETE FROM folder WHERE id = ?", now["id"])
    return Answer(status=204)


PATH = "/crm/lists/{version}/folders"
READ, WRITE = lists(), lists(write=True)

OPERATIONS = (
    Operation(method="GET", path=PATH, handle=get, scopes=READ),
    Operation(method="POST", path=PATH, handle=create, write=True, scopes=WRITE),
    Operation(method="PUT", path=PATH + "/move-list", handle=move_list, write=True, scopes=WRITE),
    Operation(method="PUT", path=PATH + "/{folder}/rename", handle=rename, write=True, scopes=WRITE),
    Operation(method="PUT", path=PATH + "/{folder}/move/{parent}", handle=move, write=True, scopes=WRITE),
    Operation(method="DELETE", path=PATH + "/{folder}", handle=delete, write=True, scopes=WRITE),
)
