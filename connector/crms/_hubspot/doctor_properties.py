"""What check says of properties: those the mapping reads, and those of ours that it writes."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from connector.crms._hubspot.api import CONTACTS, Api
from connector.errors import LamplighterError
from connector.mapping import Mapping as FieldMapping
from connector.mapping import Property
from connector.model import Finding

TITLE = "HubSpot properties"
SETTINGS = "in HubSpot, Settings > Properties > Contact properties"

Definitions = Sequence[Mapping[str, Any]]


def mapped(mapping: FieldMapping, kind: str, stream: str, wanted: Sequence[str], names: Sequence[str]) -> list[Finding]:
    """Whether every property that the mapping reads is there. `names`: those that the account has."""
    unknown = [name for name in wanted if name not in names]
    if not unknown:
        return [Finding(ok=True, title=f"HubSpot {kind}", detail=f"all {len(wanted)} mapped properties are there")]
    return [_unknown(mapping, kind, stream, name, names) for name in unknown]


def _unknown(mapping: FieldMapping, kind: str, stream: str, name: str, names: Sequence[str]) -> Finding:
    near = get_close_matches(name, names, n=1)
    return Finding(
        ok=False,
        title=f"HubSpot {kind}",
        detail=f"unknown property in the mapping: {name} (streams.{stream})",
        fix=f"edit {mapping.text.file}" + (f": did you mean {near[0]}?" if near else " or create it"),
    )


def archived(finding: Finding, kind: str, name: str) -> Finding:
    """The same, of a property that is in HubSpot's archive."""
    fix = f"restore {name}: in HubSpot, Settings > Properties, Archived properties; or take it out of the mapping"
    return Finding(ok=False, title=finding.title, detail=f"{kind}.{name} is mapped, but archived", fix=fix)


class Ours:
    """The properties on contacts that are ours to write."""

    def __init__(self, api: Api, mapping: FieldMapping) -> None:
        self._api = api
        self._mapping = mapping

    def findings(self, there: Definitions, missing: Sequence[Property]) -> Iterator[Finding]:
        """`there`: every property of contacts; `missing`: those of ours that are not among them."""
        gone = self._archived(missing)
        wrong = [*gone, *self._of_another_type(there), *self._blocked(there)]
        yield from wrong
        free = len(missing) - len(gone)
        full = self._no_room(free) if free else None
        if full:
            yield full
        elif not wrong:
            yield self._counted(len(missing))

    def _counted(self, missing: int) -> Finding:
        ours = len(self._mapping.properties)
        rest = ", the first run creates the rest, and so does lamplighter check --fix" if missing else ""
        return Finding(ok=True, title=TITLE, detail=f"{ours - missing} of our {ours} properties are there{rest}")

    def _archived(self, missing: Sequence[Property]) -> list[Finding]:
        if not missing:
            return []
        gone = set(self._api.archived_properties("contacts"))
        return [
            Finding(
                ok=False,
                title=TITLE,
                detail=f"our property {each.foreign} is archived",
                fix=f"restore {each.foreign}: {SETTINGS}, Archived properties",
            )
            for each in missing
            if each.foreign in gone
        ]

    def _of_another_type(self, there: Definitions) -> Iterator[Finding]:
        types = {each["name"]: each.get("type") for each in there}
        for each in self._mapping.properties.values():
            found = types.get(each.foreign, each.type)
            if found != each.type:
                yield Finding(
                    ok=False,
                    title=TITLE,
                    detail=f"{each.foreign} is of type {found}, ours is {each.type}",
                    fix=f"that one is not ours: give ours another name (properties.{each.name}.name in "
                    f"{self._mapping.text.file}), then lamplighter check --fix",
                )

    def _blocked(self, there: Definitions) -> Iterator[Finding]:
        names = {each["name"] for each in there}
        ours = [each.foreign for each in self._mapping.properties.values() if each.foreign in names]
        try:
            rules = self._api.validation_rules(CONTACTS) if ours else {}
        except LamplighterError:
            return  # not readable in every account; a write that is refused is told of by its run
        for name in ours:
            if name in rules:
                detail = f"a validation rule may refuse what we write to {name}: {', '.join(rules[name])}"
                fix = f"remove the rule from {name}: {SETTINGS}, {name}, Rules"
                yield Finding(ok=False, title=TITLE, detail=detail, fix=fix)

    def _no_room(self, missing: int) -> Finding | None:
        try:
            room = self._api.property_room(CONTACTS)
        except LamplighterError:
            return None
        if room is None or room[0] - room[1] >= missing:
            return None
        detail = f"{missing} of ours are to be created, and the account has {room[1]:,} of at most {room[0]:,}"
        fix = f"archive {missing - max(0, room[0] - room[1])} or more that nobody uses ({SETTINGS}), then "
        return Finding(ok=False, title=TITLE, detail=detail, fix=fix + "lamplighter check --fix")
