"""The lists a person is in: as decided, and as each destination has acknowledged."""

import json
from collections.abc import Iterator
from datetime import datetime

from connector.decide.membership.consent import WORDS
from connector.decide.membership.fitting import listed
from connector.explain.person import Person
from connector.explain.values import Excluded, Listed
from connector.home import Home
from connector.model import Audience
from connector.store import acknowledged, runs, vetoes


def audiences_of(home: Home) -> tuple[Audience, ...]:
    """Every audience as a list, those of one family each included once a run has chosen the families."""
    full = runs.latest(home.store, decided=True, full=True)
    if not full:
        return home.audiences.audiences
    family, left_out = [home.warehouse.figure(name, full[0].number) for name in ("family", "left_out")]
    return listed(home.audiences, family, left_out)


def lists_of(person: Person) -> Iterator[Listed]:
    """Every list that should hold this person, or does, by name."""
    wanted = {row["audience"]: row for row in person.rows("wanted")}
    held = {crm: _acknowledged(person.home, crm, ids) for crm, ids in person.contacts.items()}
    barred = {crm: _barred(person.home, crm, ids) for crm, ids in person.contacts.items()}
    known = {audience.name: audience for audience in audiences_of(person.home)}
    for name in sorted({*wanted, *(name for names in held.values() for name in names)}):
        row, audience = wanted.get(name), known.get(name)
        yield Listed(
            audience=name,
            label=audience.label if audience else name,
            purpose=str(audience.purpose) if audience else "",
            reason=row["reason"] if row else "",
            evidence=json.loads(row["evidence"] or "{}") if row else {},
            at={crm: _standing(row is not None, names.get(name), barred[crm].get(name)) for crm, names in held.items()},
        )


def excluded_from(person: Person) -> Iterator[Excluded]:
    """Every list that consent keeps this person out of, by name."""
    labels = {audience.name: audience.label for audience in audiences_of(person.home)}
    for row in sorted(person.rows("excluded"), key=lambda row: row["audience"]):
        name, reason = str(row["audience"]), str(row["reason"])
        yield Excluded(audience=name, label=labels.get(name, name), reason=reason, why=WORDS.get(reason, reason))


def _acknowledged(home: Home, crm: str, ids: list[str]) -> dict[str, bool]:
    """Audience -> whether its acknowledged membership is certain, for any of these contacts."""
    held: dict[str, bool] = {}
    for name, _, certain in acknowledged.members(home.store, crm, ids):
        held[name] = held.get(name, False) or certain
    return held


def _barred(home: Home, crm: str, ids: list[str]) -> dict[str, datetime]:
    """Audience -> when it was noticed that a person had taken any of these contacts out of its list."""
    return {name: at for (name, _), at in vetoes.vetoes(home.store, crm, ids).items()}


def _standing(wanted: bool, certain: bool | None, taken_out: datetime | None) -> str:
    if taken_out:
        return f"removed by hand on {taken_out:%Y-%m-%d}"
    if not wanted:
        return "leaving"
    if certain is None:
        return "waiting"
    return "acknowledged" if certain else "uncertain"
