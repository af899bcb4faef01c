"""The sandbox Meta's members: put into an audience, taken out, replaced all at once, taken out of every audience."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.meta_account import Account
from connector.sandbox.meta_audiences import CUSTOM, found
from connector.sandbox.meta_errors import TOO_BIG, flagged, invalid, replacing
from connector.sandbox.meta_params import nested, number, params
from connector.sandbox.meta_replace import finish, free, is_last, opened, settle
from connector.sandbox.meta_rows import Upload, upload

MOST_REPLACED = 100_000_000


def add(account: Account, call: Call) -> Answer:
    """POST /{audience}/users."""
    audience, told, rows = _given(account, call)
    free(account, audience["id"])
    received = _received(account, nested(told, "session"), rows)
    account.add(audience["id"], audience["generation"], rows.rows)
    return _taken(audience, told, rows, received)


def remove(account: Account, call: Call) -> Answer:
    """DELETE /{audience}/users."""
    audience, told, rows = _given(account, call)
    free(account, audience["id"])
    account.remove(audience["id"], audience["generation"], rows.keys)
    return _taken(audience, told, rows, rows.received)


def replace(account: Account, call: Call) -> Answer:
    """POST /{audience}/usersreplace."""
    audience, told, rows = _given(account, call)
    if account.size(audience["id"]) >= MOST_REPLACED:
        raise replacing(TOO_BIG)
    said = nested(told, "session")
    number_of = number(said, "session_id")
    session = opened(account, audience["id"], audience["generation"], number_of, number(said, "batch_seq"))
    session.received += rows.received
    account.add(audience["id"], session.generation, rows.rows)
    if is_last(said):
        finish(account, session)
    return _taken(audience, told, rows, session.received)


def remove_everywhere(account: Account, call: Call) -> Answer:
    """DELETE /act_{id}/usersofanyaudience."""
    told = params(call)
    rows = upload(account, told)
    account.remove_everywhere(rows.keys)
    return Answer(content={"num_received": rows.received, **_bad(rows)})


def _given(account: Account, call: Call) -> tuple[sqlite3.Row, Mapping[str, Any], Upload]:
    settle(account)
    audience, told = found(account, call.params["audience"], "post"), params(call)
    if audience["subtype"] != CUSTOM:
        raise invalid("Only customer-file audiences take users.")
    if audience["flagged"]:
        raise flagged()
    return audience, told, upload(account, told)


def _received(account: Account, session: Mapping[str, Any], rows: Upload) -> int:
    """Rows that came in this session so far."""
    if not session:
        return rows.received
    id = number(session, "session_id")
    if number(session, "batch_seq") < 1:
        raise invalid("session[batch_seq] starts at 1.")
    account.uploads[id] = account.uploads.get(id, 0) + rows.received
    return account.uploads[id]


def _taken(audience: sqlite3.Row, told: Mapping[str, Any], rows: Upload, received: int) -> Answer:
    session = nested(told, "session").get("session_id")
    named = {"audience_id": str(audience["id"]), **({"session_id": str(session)} if session else {})}
    return Answer(content={**named, "num_received": received, **_bad(rows)})


def _bad(rows: Upload) -> dict[str, Any]:
    samples = {str(place): sample for place, sample in enumerate(rows.samples)}
    return {"num_invalid_entries": rows.invalid, "invalid_entry_samples": samples}


OPERATIONS = (
    Operation(method="POST", path="/{version}/{audience}/users", handle=add, write=True),
    Operation(method="DELETE", path="/{version}/{audience}/users", handle=remove, write=True),
    Operation(method="POST", path="/{version}/{audience}/usersreplace", handle=replace, write=True),
    Operation(
        method="DELETE", path="/{version}/act_{account}/usersofanyaudience", handle=remove_everywhere, write=True
    ),
)
