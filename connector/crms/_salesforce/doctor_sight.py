"""What check says of the integration user's view: permission sets, sharing, purchases; and of the clocks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from connector.crms._salesforce.answers import CHECK, Answer
from connector.crms._salesforce.api import Api, Sub
from connector.crms._salesforce.look import Lookout
from connector.crms._salesforce.transport import Transport
from connector.errors import LamplighterError
from connector.model import Finding

SET = "Lamplighter_Connector"
DEPLOY = (
    "deploy install/salesforce (docs/salesforce.md), and assign the permission set Lamplighter Connector to the "
    f"integration user, then {CHECK}"
)
ASSIGN = f"assign the permission set: sf org assign permset --name {SET} --on-behalf-of USER, then {CHECK}"
AGAIN = f"somebody changed fields or permission set: deploy install/salesforce again, it brings both back, then {CHECK}"
ORDERS = (
    "deploy install/salesforce/optional/orders and assign Lamplighter Connector: Orders; or, where purchases are won "
    f"opportunities, set salesforce.purchases to opportunities in lamplighter.yaml, then {CHECK}"
)
ASSIGNED = "SELECT PermissionSet.Name FROM PermissionSetAssignment WHERE AssigneeId = '{}'"
THERE = f"SELECT Name FROM PermissionSet WHERE Name = '{SET}'"  # noqa: S608  (a name of ours)
OF_ORDERS = frozenset({"Order", "OrderItem"})
COUNTED = frozenset({"Contact", "Order", "Opportunity"})
"""Objects that sharing can hide; the others go with them, or are seen by everybody."""
COUNT = "SELECT COUNT() FROM {}"
SHARED, SOME = 0.9, 20
"""Salesforce counts all records only roughly: so much of them, or all but so many, is taken for all."""
ASTRAY = timedelta(minutes=5)
"""Clocks that differ by more are wrong: signed assertions and windows of suppression go by them."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What counts as a purchase: in words, as `salesforce.purchases` says it, and as it is counted."""

    called: str
    setting: str
    counted: str


PURCHASES = {
    "Order": Kind(called="orders", setting="orders", counted="Order WHERE StatusCode = 'Activated'"),
    "Opportunity": Kind(called="won opportunities", setting="opportunities", counted="Opportunity WHERE IsWon = true"),
}
"""By the object that holds them."""


@dataclass(frozen=True, kw_only=True)
class Sets:
    """What is known of our permission set; None: it may not be asked."""

    there: bool | None
    assigned: bool | None

    @property
    def fix(self) -> str:
        """What to do where our fields are not to be seen or written."""
        if self.assigned:
            return AGAIN
        return ASSIGN if self.there else DEPLOY


def queries(user: str) -> list[Sub]:
    """What tells of the permission sets of a user, for a composite call."""
    told = {"assigned": ASSIGNED.format(user), "there": THERE}
    return [Sub(method="GET", path=f"query?q={quote(soql)}", reference=name) for name, soql in told.items()]


def sets(told: Mapping[str, Answer]) -> Sets:
    """The answers to `queries`."""
    assigned, there = _records(told.get("assigned")), _records(told.get("there"))
    names = None if assigned is None else [(one.get("PermissionSet") or {}).get("Name") for one in assigned]
    return Sets(there=None if there is None else bool(there), assigned=None if names is None else SET in names)


def _records(answer: Answer | None) -> list[Mapping[str, Mapping[str, str]]] | None:
    return None if answer is None or answer.status != 200 else list(answer.body.get("records") or [])


def sharing(look: Lookout, seen: Mapping[str, int]) -> Iterator[Finding]:
    """Whether sharing hides records. `seen`: object -> how many the integration user sees."""
    title, there = "Salesforce sharing", _all_records(look.api, seen)
    hidden = [name for name, count in seen.items() if _few(count, there.get(name, 0))]
    if there and not hidden:
        yield Finding(ok=True, title=title, detail=f"all records of {', '.join(seen)} are seen")
    for name in hidden:
        detail = f"{seen[name]:,} of about {there[name]:,} records of {name} are seen; the others would count as gone"
        fix = f"give the integration user View All on {name} (permission set Lamplighter Connector), then {CHECK}"
        yield Finding(ok=False, title=title, detail=detail, fix=fix)


def _few(seen: int, there: int) -> bool:
    return seen < there * SHARED and there - seen > SOME


def _all_records(api: Api, names: Mapping[str, int]) -> dict[str, int]:
    """Object -> about how many records there are, whoever may see them; empty where that cannot be asked."""
    try:
        answer = api.transport.request("GET", "limits/recordCount", params={"sObjects": ",".join(names)})
        return {str(one["name"]): int(one["count"]) for one in answer.told("sObjects")["sObjects"]} if names else {}
    except LamplighterError:
        return {}


def counted(look: Lookout, asked: Mapping[str, str]) -> dict[str, int]:
    """How many records the integration user sees; what cannot be counted is left out.

    Args:
        asked: name -> object, with a condition or without.
    """
    subs = [
        Sub(method="GET", path="query?q=" + quote(COUNT.format(what)), reference=name) for name, what in asked.items()
    ]
    try:
        answers = look.api.composite(subs) if subs else {}
    except LamplighterError:
        return {}
    return {name: int(one.told("totalSize")["totalSize"]) for name, one in answers.items() if one.status == 200}


def purchases(look: Lookout, seen: Mapping[str, int]) -> Iterator[Finding]:
    """Whether there are purchases of the kind that is read. `seen`: object -> how many the integration user sees."""
    read = [name for name in PURCHASES if name in seen]
    if not read or any(seen[name] for name in read):
        return
    called = " and no ".join(PURCHASES[name].called for name in read)
    for name, other in PURCHASES.items():
        if name in read or not (found := counted(look, {name: other.counted}).get(name)):
            continue
        fix = f"set salesforce.purchases to {other.setting} in lamplighter.yaml, then {CHECK}"
        detail = f"there are no {called}, but {found:,} {other.called}"
        yield Finding(ok=False, title="Salesforce purchases", detail=detail, fix=fix)
        return
    detail = f"there are no {called} yet: until there are, nobody has bought anything"
    yield Finding(ok=True, title="Salesforce purchases", detail=detail)


def clock(transport: Transport) -> Finding:
    """Whether this machine's clock is Salesforce's."""
    apart = transport.clock.now() - transport.now()
    if abs(apart) <= ASTRAY:
        return Finding(ok=True, title="clock", detail="this machine's and Salesforce's agree")
    minutes = abs(apart) / timedelta(minutes=1)
    detail = f"this machine's is {minutes:,.0f} minutes {'ahead of' if apart > timedelta() else 'behind'} Salesforce's"
    return Finding(ok=False, title="clock", detail=detail, fix="set this machine's clock: timedatectl set-ntp true")
