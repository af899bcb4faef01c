"""An audience looked at before it is used: decided afresh over what was pulled, and written down nowhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.membership.consent import tally
from connector.decide.membership.fitting import listed
from connector.errors import SetupError
from connector.home import Home
from connector.model import Audience
from connector.pipeline.decisions import Fresh, decided_afresh
from connector.pipeline.pushing.outgoing import left_out
from connector.policies import MOST_LISTS
from connector.push.plan import Change, Scope, difference
from connector.rule_words import EACH_FAMILY
from connector.store import acknowledged, runs, vetoes

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Somebody:
    """One person in the list, and why; `contacts`: CRM -> its ids of them."""

    person_id: str
    name: str
    contacts: Mapping[str, Sequence[str]]
    reason: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How many of the list's people are in another list, too; `share` of the list, 0 to 1."""

    audience: str
    label: str
    people: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What the next push would do to the list at one destination; `stops`: its guard would ask for approval."""

    add: int
    remove: int
    stay: int
    stops: bool


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A list as it would be.

    Attributes:
        enabled: False: the file says `enabled: false`, so that nothing comes of it.
        members: how many people.
        excluded: why -> how many people whom the rule holds for are kept out.
        some: ten of them, by person_id.
        changes: destination -> Effect.
        left_out: why the last full pass had no room for the list; empty where it had.
    """

    name: str
    label: str
    purpose: str
    enabled: bool
    as_of: datetime
    members: int
    excluded: Mapping[str, int]
    some: Sequence[Somebody]
    overlaps: Sequence[Overlap]
    changes: Mapping[str, Effect]
    left_out: str

    def as_json(self) -> dict[str, Any]:
        """Plain data; the time is still a datetime."""
        return asdict(self)


def preview(home: Home, name: str, audiences: Audiences) -> Preview:
    """The list of this name, decided for the moment of the last run (before the first one: now).

    Args:
        audiences: of the home, or of an edited file.

    Raises:
        SetupError: no such list, with the nearest name.
    """
    latest = runs.latest(home.store, decided=True)
    as_of = latest[0].as_of if latest else datetime.now(UTC)
    chosen = _with_spare(audiences, name)
    _may_be(name, audiences)
    try:
        fresh = decided_afresh(home, chosen, as_of)
        return _preview(home, name, audiences, chosen, fresh, as_of)
    finally:
        home.warehouse.release()


def _with_spare(audiences: Audiences, name: str) -> Audiences:
    """The file with the audience of this name switched on, and room for every list."""
    spare = tuple(one for one in audiences.spare if one.name == name)
    roomy = replace(audiences.policy, most_lists=MOST_LISTS)
    return replace(audiences, policy=roomy, audiences=(*audiences.audiences, *spare))


def _preview(home: Home, name: str, audiences: Audiences, chosen: Audiences, fresh: Fresh, as_of: datetime) -> Preview:
    known = {one.name: one for one in listed(chosen, fresh.figures.family, fresh.figures.left_out)}
    audience = _named(known, name)
    wanted = home.warehouse.keep(fresh.decisions.wanted)
    members = home.warehouse.keep(wanted.filter(wanted.audience == name).drop("audience"))
    count = int(members.count().to_pyarrow().as_py())
    return Preview(
        name=name,
        label=audience.label,
        purpose=str(audience.purpose),
        enabled=name not in {one.name for one in audiences.spare},
        as_of=as_of,
        members=count,
        excluded=tally(fresh.decisions.excluded).get(name, {}),
        some=list(_some(members, fresh.merged.contact)),
        overlaps=list(_overlaps(name, wanted, members, known, count)),
        changes={crm.name: _effect(home, crm.name, audience, members, fresh.merged.contact) for crm in home.crms},
        left_out=left_out(home).get(name, ""),
    )


def _may_be(name: str, audiences: Audiences) -> None:
    """Raises SetupError for a name that no list can have, before anything is decided."""
    every = (*audiences.audiences, *audiences.spare)
    of_families = [f"{one.name}_" for one in every if EACH_FAMILY in one.rule]
    if not name.startswith(tuple(of_families)):
        _named({one.name: one for one in every if EACH_FAMILY not in one.rule}, name)


def _named(known: Mapping[str, Audience], name: str) -> Audience:
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise SetupError(f"there is no list called {name!r}; {meant}", hint="lamplighter audiences")
    return known[name]


def _rows(table: ir.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return found


def _some(members: ir.Table, contact: ir.Table) -> Iterator[Somebody]:
    rows = _rows(members.order_by("person_id").limit(SHOWN))
    chosen = ibis.memtable({"person_id": [row["person_id"] for row in rows]}, schema={"person_id": "string"})
    of_person: dict[str, list[dict[str, Any]]] = {row["person_id"]: [] for row in rows}
    for one in _rows(contact.semi_join(chosen, "person_id").order_by("key")):
        of_person[one["person_id"]].append(one)
    for row in rows:
        contacts = of_person[row["person_id"]]
        yield Somebody(
            person_id=row["person_id"],
            name=next((name for one in contacts if (name := _full_name(one))), ""),
            contacts={crm: [one["crm_id"] for one in contacts if one["crm"] == crm] for crm in _crms(contacts)},
            reason=row["reason"],
            evidence=row["evidence"],
        )


def _crms(contacts: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({one["crm"] for one in contacts})


def _full_name(contact: Mapping[str, Any]) -> str:
    return " ".join(part for name in ("first_name", "last_name") if (part := (contact[name] or "").strip()))


def _overlaps(
    name: str, wanted: ir.Table, members: ir.Table, known: Mapping[str, Audience], count: int
) -> Iterator[Overlap]:
    """Every other list that shares people with this one, the largest share first."""
    both = wanted.semi_join(members, "person_id")
    counted = both.group_by("audience").agg(people=both.count())
    for row in _rows(counted.order_by([counted.people.desc(), counted.audience])):
        one = known[row["audience"]]
        if one.name != name:
            yield Overlap(audience=one.name, label=one.label, people=row["people"], share=row["people"] / count)


def _effect(home: Home, destination: str, audience: Audience, members: ir.Table, contact: ir.Table) -> Effect:
    there = contact.filter(contact.crm == destination).semi_join(members, "person_id").select("crm_id").distinct()
    wanted = frozenset((audience.name, one) for one in there.to_pyarrow()["crm_id"].to_pylist())
    held = acknowledged.members_of(home.store, destination, audience.name)
    scope = Scope(
        wanted=wanted,
        acknowledged={(audience.name, member): certain for member, certain in held.items()},
        wanted_properties={},
        acknowledged_properties={},
        refused=acknowledged.refusals(home.store, destination),
        names=(),
        vetoed=frozenset(vetoes.vetoes(home.store, destination)),
    )
    change = difference(destination, scope).lists.get(audience.name, Change())
    stays = len(held) - len(change.remove)
    stops = not audience.guard.allows(change.news, len(held))
    return Effect(add=len(change.add), remove=len(change.remove), stay=stays, stops=stops)
