"""What a SOQL query says, as a tree. `at` is where in the text a part stands, for errors."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Path:
    """`Account.Owner.Name`: relationships, and a field at the end."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Function:
    """`COUNT(Id)`, `CALENDAR_YEAR(CreatedDate)`: the name in capitals; no path for `COUNT()`."""

    name: str
    path: Path | None
    at: int


@dataclass(frozen=True, slots=True)
class FieldsOf:
    """`FIELDS(ALL)`: `ALL`, `STANDARD` or `CUSTOM`."""

    which: str
    at: int


Expression: TypeAlias = Path | Function


@dataclass(frozen=True, slots=True)
class Selected:
    """One thing asked for, and the name it gets, if any."""

    what: "Path | Function | FieldsOf | Query"
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Literal:
    """`kind`: text, number, boolean, null, date, datetime, or range for `LAST_N_DAYS:7`; `text` as it was written."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator value`; the operator is one of = != < <= > >= LIKE."""

    left: Expression
    operator: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Membership:
    """`left IN (...)`, `NOT IN`, `INCLUDES`, `EXCLUDES`: values, or a query that gives them."""

    left: Expression
    operator: str
    values: "tuple[Literal, ...] | Query"


@dataclass(frozen=True, slots=True)
class Several:
    """Conditions joined by AND or OR."""

    operator: str
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    """NOT a condition."""

    part: "Condition"


Condition: TypeAlias = Comparison | Membership | Several | Negation


@dataclass(frozen=True, slots=True)
class Ordering:
    """One key of ORDER BY. Nulls come first unless said otherwise."""

    what: Expression
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, or a query within one; `object` is then a relationship's name, or an object's in a semi-join."""

    text: str
    select: tuple[Selected, ...]
    object: str
    at: int
    alias: str = ""
    where: Condition | None = None
    group_by: tuple[Expression, ...] = ()
    having: Condition | None = None
    order_by: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int = 0
