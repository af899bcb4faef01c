"""The lists a person is in: as decided, and as each destination has acknowledged."""

import json
from collections.abc import Iterator

from connector.decide.audiences import listed
from connector.explain.person import Person
from connector.explain.values import Listed
from connector.home import Home
from connector.model import Audience
from connector.store import acknowledged, runs


def audiences_of(home: Home) -> tuple[Audience, ...]:
    """Every audience as a list, those of one family each included once a run has chosen the families."""
    full = runs.latest(home.store, decided=True, full=True)
    if not full:
        return home.audiences.audiences
    return listed(home.audiences, home.warehouse.figure("family", full[0].number))


def lists_of(person: Person) -> Iterator[Listed]:
    """Every list that should hold this person, or does, by name."""
    wanted = {row["audience"]: row for row in person.rows("wanted")}
    held = {crm: _acknowledged(person.home, crm, ids) for crm, ids in person.contacts.items()}
    known = {audience.name: audience for audience in audiences_of(person.home)}
    for name in sorted({*wanted, *(name for names in held.values() for name in names)}):
        row, audience = wanted.get(name), known.get(name)
        yield Listed(
            audience=name,
            label=audience.label if audience else name,
            purpose=str(audience.purpose) if audience else "",
            reason=row["reason"] if row else "",
            evidence=json.loads(row["evidence"] or "{}") if row else {},
            at={crm: _standing(row is not None, names.get(name)) for crm, names in held.items()},
        )


def _acknowledged(home: Home, crm: str, ids: list[str]) -> dict[str, bool]:
    """Audience -> whether its acknowledged membership is certain, for any of these contacts."""
    held: dict[str, bool] = {}
    for name, _, certain in acknowledged.members(home.store, crm, ids):
        held[name] = held.get(name, False) or certain
    return held


def _standing(wanted: bool, certain: bool | None) -> str:
    if not wanted:
        return "leaving"
    if certain is None:
        return "waiting"
    return "acknowledged" if certain else "uncertain"
