"""What an object of the org is made of: its fields and their properties, read from the tables of `salesforce_schema_*`.

A line is a field: name, type with its size, properties (of the object reference: c create, u update, f filter, s sort,
g group, n nillable, D defaulted, U unique, E external id, I id lookup, K calculated, A auto number), and marks:
`>Account/Contacts*` a reference, the parent's name for its children, `*` where it takes them along when it is deleted;
`=a|b_c` a picklist's values, `!` where there can be no others; `~Email` kept on a person's contact; `?` a feature.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

SYSTEM = """
CreatedDate datetime fsD
CreatedById reference fsgD >User
LastModifiedDate datetime fsD
LastModifiedById reference fsgD >User
SystemModstamp datetime fsD
"""
ADDRESS = """
{0}Street textarea:255 cufsgn @{0}Address
{0}City string:40 cufsgn @{0}Address
{0}State string:80 cufsgn @{0}Address
{0}PostalCode string:20 cufsgn @{0}Address
{0}Country string:80 cufsgn @{0}Address
{0}Latitude double:18,15 cufsn @{0}Address
{0}Longitude double:18,15 cufsn @{0}Address
{0}GeocodeAccuracy picklist:40 cufsgn @{0}Address !Address|NearAddress|Block|Street|Zip|City|State
{0}Address address fn
"""
LENGTHS = {"id": 18, "reference": 18, "picklist": 255, "email": 80, "phone": 40, "url": 255, "multipicklist": 4099}
TEXTS = frozenset({"string", "picklist", "multipicklist", "email", "phone", "url", "textarea", "combobox"})
NUMBERS = frozenset({"double", "currency", "percent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `properties` are the letters told above; `feature` is empty where every org has it."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    properties: str = ""
    parents: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None
    cascade: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    compound: str | None = None
    mirror: str | None = None
    feature: str = ""

    def can(self, letter: str) -> bool:
        """Whether it has this property."""
        return letter in self.properties

    @property
    def custom(self) -> bool:
        """Whether the customer added it."""
        return self.name.endswith(("__c", "__pc"))

    @property
    def stored(self) -> bool:
        """Whether it is a column of the object's own table."""
        return self.mirror is None and self.type != "address"


@dataclass(slots=True, kw_only=True)
class SObject:
    """One object type.

    Attributes:
        rights: what the API offers: c create, u update, d delete, n undelete, m merge, r replicate.
        feature: what the org must have for it to be there; empty: nothing.
    """

    name: str
    label: str
    plural: str
    prefix: str
    rights: str
    fields: dict[str, Field] = field(default_factory=dict)
    feature: str = ""
    _lower: dict[str, Field] = field(default_factory=dict)
    _relations: dict[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.fields.values():
            self._index(one)

    def add(self, one: Field) -> None:
        """Give it one more field."""
        self.fields[one.name] = one
        self._index(one)

    def _index(self, one: Field) -> None:
        self._lower[one.name.lower()] = one
        if one.relationship:
            self._relations[one.relationship.lower()] = one

    def find(self, name: str) -> Field | None:
        """A field by its name in any case."""
        return self._lower.get(name.lower())

    def relation(self, name: str) -> Field | None:
        """The reference that a relationship name stands for, in any case."""
        return self._relations.get(name.lower())

    @property
    def system(self) -> bool:
        """Whether its rows carry the audit fields."""
        return "SystemModstamp" in self.fields


def objects(text: str) -> Iterator[SObject]:
    """The objects of a table; each begins with `# Name, Label, Plural, prefix, rights[, ?feature]`."""
    for part in re.split(r"^# ", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        name, label, plural, prefix, rights, *feature = (one.strip() for one in head.split(","))
        lines = _lines(name, body)
        fields = {one.name: one for one in (read_field(line) for line in lines)}
        wants = feature[0].lstrip("?") if feature else ""
        yield SObject(name=name, label=label, plural=plural, prefix=prefix, rights=rights, fields=fields, feature=wants)


def _lines(name: str, body: str) -> Iterator[str]:
    yield f'Id id fsgDI "{name} ID"'
    if "-deleted" not in body:
        yield 'IsDeleted boolean fsgD "Deleted"'
    for line in body.splitlines():
        if line.startswith("&"):
            yield from ADDRESS.format(line[1:].replace("-", "")).split("\n")[1:-1]
        elif line and not line.startswith("-"):
            yield line
    if "-system" not in body:
        yield from SYSTEM.split("\n")[1:-1]


_LINE = re.compile(r'(\w+) (\w+)(?::([\d,]+))? ?(\w*)((?: (?:[^ "][^ ]*))*)(?: "(.*)")?')


def read_field(line: str) -> Field:
    """One field of a table, from its line. Raises ValueError for a line that is none."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"not a field: {line}")
    name, kind, size, properties, more, label = found.groups()
    one = Field(name=name, type=kind, label=label or _label(name), properties=properties, **_size(kind, size or ""))
    for token in (more or "").split():
        one = _told(one, token)
    return one


def _size(kind: str, size: str) -> dict[str, Any]:
    if kind in NUMBERS:
        precision, _, scale = (size or "18,2").partition(",")
        return {"precision": int(precision), "scale": int(scale or 0)}
    return {"length": int(size) if size else LENGTHS.get(kind, 0)}


def _told(one: Field, token: str) -> Field:
    mark, rest = token[0], token[1:]
    if mark in "=!":
        return replace(one, values=tuple(rest.replace("_", " ").split("|")), restricted=mark == "!")
    if mark == ">":
        return _reference(one, rest)
    told: dict[str, Any] = {{"@": "compound", "~": "mirror", "?": "feature"}[mark]: rest}
    return replace(one, **told)


def _reference(one: Field, rest: str) -> Field:
    parents, _, children = rest.partition("/")
    name = one.name.removesuffix("Id")
    relation = re.sub(r"__(p?)c$", r"__\1r", one.name) if one.custom else name
    cascade = rest.endswith("*")
    return replace(
        one,
        parents=tuple(parents.rstrip("*").split("|")),
        relationship=relation,
        children=children.rstrip("*") or None,
        cascade=cascade,
    )


def _label(name: str) -> str:
    words = re.sub(r"__p?c$", "", name).replace("_", " ")
    return re.sub(r"\bId$", "ID", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", words))


def columns(kind: SObject) -> Mapping[str, str]:
    """Column -> its type in the database. Text compares without regard to ASCII case, as SOQL does; ids do not."""
    return {one.name: column(one) for one in kind.fields.values() if one.stored}


def column(one: Field) -> str:
    """The type of a field's column."""
    if one.type in TEXTS:
        return "TEXT COLLATE NOCASE"
    if one.type in NUMBERS:
        return "REAL"
    return "INTEGER" if one.type in ("boolean", "int", "datetime") else "TEXT"
