"""Merging: up to two records go into a third. They are deleted and point to it; their children move without a touch.

Source: SOAP API guide, "merge()": losers are deleted with MasterRecordId set, children get another parent, no update.
"""

from collections.abc import Iterator, Sequence

from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_org import Org, Session
from connector.sandbox.salesforce_records import change, existing
from connector.sandbox.salesforce_rows import Row

MOST_LOSERS = 2


def merge(session: Session, kind: SObject, winner: str, losers: Sequence[str]) -> None:
    """Merge living records of one object into one of them. Fails for objects that cannot be merged."""
    if "m" not in kind.rights:
        raise failed("INVALID_TYPE_FOR_OPERATION", f"entity type {kind.name} does not support merge")
    if not 0 < len(losers) <= MOST_LOSERS or winner in losers:
        raise failed(
            "INVALID_NUM_ARGS", "Merge request must contain at least one and no more than two records to merge"
        )
    master = existing(session, kind, winner)
    lost = [existing(session, kind, id) for id in losers]
    if kind.name == "Contact" and (master.get("IsPersonAccount") or any(one.get("IsPersonAccount") for one in lost)):
        raise failed("INVALID_PERSON_ACCOUNT_OPERATION", "cannot reference person contact")
    for one in lost:
        _lose(session.org, kind, one, master)
    change(session, kind, master, {})


def _lose(org: Org, kind: SObject, row: Row, master: Row) -> None:
    """One record goes: its children to the master, itself to the bin; of a person account, the contact as well."""
    if row.get("PersonContactId") and master.get("PersonContactId"):
        contact = org.schema["Contact"]
        _move(org, contact, row["PersonContactId"], master["PersonContactId"])
        _gone(org, contact, row["PersonContactId"], master["PersonContactId"])
    _move(org, kind, row["Id"], master["Id"])
    _gone(org, kind, row["Id"], master["Id"])


def _gone(org: Org, kind: SObject, id: str, master: str) -> None:
    sql = f'UPDATE "{kind.name}" SET IsDeleted = 1, MasterRecordId = ?, SystemModstamp = ? WHERE Id = ?'  # noqa: S608
    org.state.run(sql, master, org.now(), id)


def _move(org: Org, kind: SObject, loser: str, winner: str) -> None:
    """Children change their parent, and nothing else: not even their SystemModstamp."""
    if kind.name in ("Contact", "Lead"):
        _drop_double_members(org, f"{kind.name}Id", loser, winner)
    for child, column in _references(org, kind):
        person = " AND IsPersonAccount = 0" if (child.name, column) == ("Contact", "AccountId") else ""
        sql = f'UPDATE "{child.name}" SET "{column}" = ? WHERE "{column}" = ?{person}'  # noqa: S608 - of the schema
        org.state.run(sql, winner, loser)


def _references(org: Org, kind: SObject) -> Iterator[tuple[SObject, str]]:
    for child in org.schema.values():
        for one in child.fields.values():
            if kind.name in one.parents and one.stored and one.name not in ("MasterRecordId", "PersonContactId"):
                yield child, one.name


def _drop_double_members(org: Org, column: str, loser: str, winner: str) -> None:
    """Of two memberships in one campaign the winner's stays."""
    sql = f"""UPDATE CampaignMember SET IsDeleted = 1, SystemModstamp = ? WHERE {column} = ? AND IsDeleted = 0
        AND CampaignId IN (SELECT CampaignId FROM CampaignMember WHERE {column} = ? AND IsDeleted = 0)"""  # noqa: S608
    org.state.run(sql, org.now(), loser, winner)
