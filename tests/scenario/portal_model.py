"""What should stand in the warehouse, the lists and the properties, worked out from a portal's final state alone.

Plain Python over the portal's own JSON; nothing of the program under test is used. The rules are those of the
documentation for the audiences in AUDIENCES.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

VERSION = "2026-09"
WINDOW = timedelta(days=365)
"""How long a purchase keeps its item out of ads."""
RECENT = timedelta(days=90)
OWN_LISTS, FEWEST_BUYERS = 3, 5
SHOWN = 20
"""Suppressed items that a contact's property names."""

NO_PURCHASE = ("open", "cancelled")
GIVEN_BACK = ("returned", "refunded")

AUDIENCES = f"""
policy:
  suppression: {{window: {WINDOW.days}d}}
  cross_sell: {{support: {FEWEST_BUYERS}}}
  refresh: 1d
audiences:
  - name: recent
    label: Recent buyers
    purpose: exclude
    rule: {{suppressed: {{within: {RECENT.days}d}}}}
    reason: "bought {{title}}"
    guard: {{percent: 100, at_least: 1000}}
  - name: bought
    label: "Bought {{title}} ({{family}})"
    purpose: exclude
    rule: {{each_family: {{top: {OWN_LISTS}}}}}
    reason: "bought {{title}}"
    guard: {{percent: 100, at_least: 1000}}
  - name: regulars
    label: Regulars
    purpose: email
    rule: {{trait: {{orders: {{at_least: 2}}}}}}
    reason: "{{orders}} orders"
    guard: {{percent: 100, at_least: 1000}}
  - name: reminded
    label: Reminded
    purpose: retarget
    rule: {{all: [{{trait: {{orders: {{at_least: 1}}}}}}, {{not: {{bought: {{within: 30d}}}}}}]}}
    reason: "{{orders}} orders"
    guard: {{percent: 100, at_least: 1000}}
"""
"""The home's audiences.yaml."""


@dataclass(frozen=True)
class Line:
    """A line of an order that is neither open nor cancelled; `given_back`: its order came back as a whole."""

    contact: str
    order: str
    sku: str
    quantity: Decimal
    at: datetime
    given_back: bool


@dataclass
class Holding:
    """What one contact has of one item."""

    net: Decimal = Decimal(0)
    bought: bool = False
    last: datetime | None = None


Pair = tuple[str, str]
"""A contact and an item."""
Held = Mapping[Pair, Holding]


@dataclass
class Model:
    """Everything expected. Ids are HubSpot's.

    Attributes:
        contacts: contact -> (e-mail, opted out, granted ads, status as marketing contact).
        orders: order -> (contact, state, when).
        lines: line -> (order, product, quantity).
        lists: label -> contacts wanted in it; without what marketers did.
        properties: contact -> last purchase, suppressed until, suppressed items; only what there is to say.
    """

    contacts: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    orders: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    lines: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    lists: dict[str, set[str]] = field(default_factory=dict)
    properties: dict[str, dict[str, str]] = field(default_factory=dict)


def model(portal: Any, as_of: datetime) -> Model:
    """The model of a portal at a moment."""
    return _Working(portal, as_of).model()


class _Working:
    def __init__(self, portal: Any, as_of: datetime) -> None:
        self.portal = portal
        self.as_of = as_of
        self.titles = {one["hs_sku"]: one["name"] for one, _ in self._records("products", "hs_sku,name").values()}
        self.product = {n: one["hs_sku"] for n, (one, _) in self._records("products", "hs_sku").items()}
        self.made = Model()

    def model(self) -> Model:
        """Everything, one after the other."""
        self._contacts()
        self._orders()
        self._lines()
        held = self._holdings()
        counted = self._order_counts()
        self._lists(held, counted)
        self._properties(held)
        return self.made

    def _records(self, kind: str, properties: str, other: str = "") -> dict[str, tuple[dict[str, Any], list[int]]]:
        """Id -> properties, and ids of associated records of another type; the live ones."""
        found, after = {}, "0"
        asked = f"limit=100&properties={properties}{f'&associations={other}' if other else ''}"
        while after:
            answer = self.portal.act("GET", f"/crm/objects/{VERSION}/{kind}?{asked}&after={after}").content
            for each in answer["results"]:
                ends = [int(end["id"]) for part in (each.get("associations") or {}).values() for end in part["results"]]
                found[each["id"]] = (each["properties"], ends)
            after = answer.get("paging", {}).get("next", {}).get("after")
        return found

    def _contacts(self) -> None:
        names = "email,hs_email_optout,ads_consent,hs_marketable_status"
        words = {"true": True, "false": False, "granted": True, "denied": False}
        for number, (one, _) in self._records("contacts", names).items():
            said = [words.get(one[name] or "") for name in names.split(",")[1:]]
            self.made.contacts[number] = (one["email"], *said)

    def _orders(self) -> None:
        names = "hs_external_order_status,hs_external_created_date"
        for number, (one, ends) in self._records("orders", names, "contacts").items():
            at = datetime.fromisoformat(one["hs_external_created_date"])
            contact = str(min(ends)) if ends else None  # of several, the oldest record counts
            self.made.orders[number] = (contact, one["hs_external_order_status"], at)

    def _lines(self) -> None:
        for number, (one, ends) in self._records("line_items", "hs_sku,hs_product_id,quantity", "orders").items():
            sku = self.product.get(one["hs_product_id"] or "", one["hs_sku"])
            self.made.lines[number] = (str(min(ends)) if ends else None, sku, Decimal(one["quantity"]))

    def _counted(self) -> Iterator[Line]:
        """Lines of somebody's purchases and returns."""
        for order, sku, quantity in self.made.lines.values():
            contact, state, at = self.made.orders.get(order, (None, "", self.as_of))
            if contact and at <= self.as_of and state not in NO_PURCHASE:
                yield Line(contact, order, sku, quantity, at, state in GIVEN_BACK)

    def _holdings(self) -> dict[Pair, Holding]:
        """Pair -> what is held of it. What an order's state gave back, later negative lines tell of again."""
        held: dict[Pair, Holding] = defaultdict(Holding)
        given: dict[Pair, Decimal] = defaultdict(Decimal)
        for line in sorted(self._counted(), key=lambda line: (line.at, line.quantity < 0)):
            pair = line.contact, line.sku
            one = held[pair]
            one.bought = one.bought or line.quantity > 0
            if line.quantity > 0 and line.given_back:
                given[pair] += line.quantity
                continue
            again = min(given[pair], max(-line.quantity, Decimal(0)))
            given[pair] -= again
            one.net += line.quantity + again
            one.last = line.at if line.quantity > 0 else one.last
        return held

    def _purchases(self) -> list[Line]:
        """Lines of what was bought and not given back whole."""
        return [line for line in self._counted() if line.quantity > 0 and not line.given_back]

    def _order_counts(self) -> Counter[str]:
        """Contact -> orders."""
        return Counter(contact for contact, _ in {(line.contact, line.order) for line in self._purchases()})

    def _suppressed(self, held: Held, within: timedelta) -> dict[Pair, datetime]:
        """Pair -> last purchase, of what was bought within a length of time and is still there."""
        since = self.as_of - min(within, WINDOW)
        return {pair: one.last for pair, one in held.items() if one.net > 0 and one.last and one.last > since}

    def _lists(self, held: Held, counted: Mapping[str, int]) -> None:
        mailable = {one for one, said in self.made.contacts.items() if said[1] is False and said[3] is not False}
        granted = {one for one, said in self.made.contacts.items() if said[2]}
        lately = {who for (who, _), one in held.items() if one.last and one.last > self.as_of - timedelta(days=30)}
        self.made.lists = {
            "Recent buyers": {who for who, _ in self._suppressed(held, RECENT)},
            "Regulars": {who for who, orders in counted.items() if orders >= 2} & mailable,
            "Reminded": ({who for who, orders in counted.items() if orders >= 1} - lately) & granted,
        }
        for sku in self._favourites(held):
            owners = {who for who, item in self._suppressed(held, WINDOW) if item == sku}
            self.made.lists[f"Bought {self.titles[sku]} ({sku})"] = owners

    def _favourites(self, held: Held) -> list[str]:
        """Items with a list of their own: those of the most buyers, ties by name."""
        buyers = Counter(sku for (_, sku), one in held.items() if one.bought)
        fit = [sku for sku, count in buyers.items() if count >= FEWEST_BUYERS]
        return sorted(fit, key=lambda sku: (-buyers[sku], sku))[:OWN_LISTS]

    def _properties(self, held: Held) -> None:
        bought: dict[str, datetime] = {}
        for line in self._purchases():
            bought[line.contact] = max(bought.get(line.contact, line.at), line.at)
        kept: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for (contact, sku), last in self._suppressed(held, WINDOW).items():
            kept[contact].append((last, sku))
        for contact, last in bought.items():
            said = self.made.properties[contact] = {"lamplighter_last_purchase": f"{last:%Y-%m-%d}"}
            if items := sorted(kept[contact], key=lambda one: (-one[0].timestamp(), one[1])):
                said["lamplighter_suppressed_until"] = f"{items[0][0] + WINDOW:%Y-%m-%d}"
                said["lamplighter_suppressed_families"] = "\n".join(map(self._told, items[:SHOWN]))

    def _told(self, item: tuple[datetime, str]) -> str:
        last, sku = item
        return f"{self.titles[sku]} | {sku} | {last + WINDOW:%Y-%m-%d}"
