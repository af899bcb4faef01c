"""Who asked to be forgotten: salted hashes that stop their return, and how far each place and recipient has come.

A digest is SHA-256 over this home's salt, the kind of identifier and its value. Whoever has the home and an address can
tell that it was erased; nobody can tell the address from the digest without guessing it.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.store.clock import now
from connector.store.database import Store, upsert
from connector.store.tables import erasure, forgotten, salt

ERASURES = "erasures"
"""Name of the salt."""
OPEN, DONE, DEFERRED = "open", "done", "deferred"
"""States of a recipient: not asked yet, has done it, could not be reached or refused."""

Identifier = tuple[str, str]
"""Kind (`contact`, `email`, `phone`, `user_id`, `anonymous_id`) and value."""


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Somebody who was told of a person, and what became of the wish to forget.

    Attributes:
        state: OPEN, DONE or DEFERRED.
        words: the answer, for the receipt.
        members: by what names it knows the person; empty once it is done.
    """

    state: str = OPEN
    words: str = ""
    members: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One request.

    Attributes:
        reference: what the receipt calls it.
        digest: of the address that was asked for; empty where only hashes came back with a restored home.
        subject: the person's identifiers, until every place of ours is done.
        places: of ours, that are done.
        finished_at: None while something is still to come.
    """

    reference: str
    requested_at: datetime
    digest: str
    subject: Sequence[Identifier] = ()
    places: Sequence[str] = ()
    recipients: Mapping[str, Recipient] = field(default_factory=dict)
    finished_at: datetime | None = None


def digest(salted_with: str, kind: str, value: str) -> str:
    """The digest of an identifier; e-mails without blanks and case, everything else without blanks."""
    spelling = value.strip().lower() if kind == "email" else value.strip()
    return hashlib.sha256(f"{salted_with}{kind}:{spelling}".encode()).hexdigest()


def known_salt(store: Store) -> str | None:
    """This home's salt; None before the first erasure."""
    found = store.rows(salt.select().where(salt.c.name == ERASURES))
    return str(found[0].value) if found else None


def keep_salt(store: Store, value: str | None = None) -> str:
    """The salt, made or taken over where there is none yet; one that is there stays."""
    known = known_salt(store)
    if known is None:
        known = value or secrets.token_hex(16)
        with store.begin() as connection:
            connection.execute(salt.insert().values(name=ERASURES, value=known))
    return known


def replace_salt(store: Store, value: str) -> None:
    """Take over another salt: that of the digests which outlived a restore."""
    with store.begin() as connection:
        upsert(connection, salt, [{"name": ERASURES, "value": value}])


def digests(store: Store) -> dict[str, str]:
    """digest -> reference, of everybody erased so far."""
    return {row.digest: row.reference for row in store.rows(forgotten.select())}


def remember(store: Store, reference: str, found: Iterable[str]) -> None:
    """These digests stop their identifiers from now on."""
    with store.begin() as connection:
        _remember(connection, reference, found)


def begin(store: Store, request: Erasure, found: Iterable[str]) -> None:
    """Keep a new request and the digests of its person, both or neither."""
    with store.begin() as connection:
        _remember(connection, request.reference, found)
        _write(connection, request)


def write(store: Store, request: Erasure) -> None:
    """Keep a request as it stands now; durable when this returns."""
    with store.begin() as connection:
        _write(connection, request)


def _remember(connection: sa.Connection, reference: str, found: Iterable[str]) -> None:
    rows = [{"digest": one, "reference": reference} for one in sorted(set(found))]
    if rows:
        upsert(connection, forgotten, rows)


def _write(connection: sa.Connection, request: Erasure) -> None:
    row = {**asdict(request), "subject": [list(one) for one in request.subject], "places": list(request.places)}
    upsert(connection, erasure, [row])


def all_of(store: Store, *, unfinished: bool = False) -> list[Erasure]:
    """Requests, oldest first."""
    query = erasure.select().order_by(erasure.c.requested_at, erasure.c.reference)
    rows = store.rows(query.where(erasure.c.finished_at.is_(None)) if unfinished else query)
    return [_erasure(row) for row in rows]


def named(store: Store, references: Collection[str]) -> list[Erasure]:
    """The requests of these references, oldest first."""
    return [each for each in all_of(store) if each.reference in references]


def new_reference() -> str:
    """A name that tells nothing but the day."""
    return f"E{now():%y%m%d}-{secrets.token_hex(4)}"


def scrub(store: Store) -> None:
    """Let what was deleted vanish from the store's own files too."""
    raw = store.engine.raw_connection()
    try:
        if store.engine.dialect.name == "sqlite":
            raw.cursor().execute("VACUUM")
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.close()


def _erasure(row: Any) -> Erasure:
    told = dict(row._mapping)
    told["subject"] = [(kind, value) for kind, value in told["subject"]]
    told["recipients"] = {name: Recipient(**each) for name, each in told["recipients"].items()}
    return Erasure(**told)
