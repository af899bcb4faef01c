"""What people and other apps do in a portal, at random from a seed: records, merges, deletions, late indexing.

Everything goes through the portal's own API, or a lever of the sandbox where a person would use HubSpot's pages.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from life import START, History, Life

from connector.sandbox.serve import Sandbox

VERSION = "2026-09"
OBJECTS, ASSOCIATIONS = f"/crm/objects/{VERSION}", f"/crm/associations/{VERSION}"
SKUS = tuple(f"LAMP-{number:02d}" for number in range(12))
TIES = {("orders", "contacts"): 507, ("line_items", "orders"): 514}
STATES = ("fulfilled", "fulfilled", "fulfilled", "open", "cancelled")
CONSENTS = ("granted", "granted", "denied", "unknown")

WEIGHTS = {
    "create_contact": 8,
    "edit_contact": 10,
    "opt_out_or_in": 6,
    "change_email": 4,
    "merge": 5,
    "merge_chain": 1,
    "archive_contact": 2,
    "restore_contact": 2,
    "erase_contact": 1,
    "come_back": 1,
    "create_order": 20,
    "change_state": 6,
    "edit_order": 3,
    "add_line": 5,
    "edit_line": 6,
    "refund_part": 4,
    "refund_line": 3,
    "refund_whole": 2,
    "move_order": 5,
    "share_order": 2,
    "move_line": 4,
    "archive_order": 2,
    "restore_order": 1,
    "archive_line": 2,
    "restore_line": 1,
    "touch_many": 1,
    "index_late": 4,
    "let_time_pass": 4,
}
"""Event -> how often, compared with the others."""


def furnish(sandbox: Sandbox) -> None:
    """The products of the shop; their ids begin with 101."""
    for sku in SKUS:
        properties = {"hs_sku": sku, "name": f"Lamp {sku}", "price": "10"}
        assert sandbox.portal.act("POST", f"{OBJECTS}/products", {"properties": properties}).status == 201


class PortalLife(Life):
    """What happens to some contacts of a portal and to what they buy."""

    weights = WEIGHTS

    def __init__(self, seed: int, sandbox: Sandbox, history: History) -> None:
        super().__init__(seed, sandbox, history)
        self.orders: list[str] = []
        self.lines: list[str] = []
        self._bin: dict[str, list[str]] = {"contacts": [], "orders": [], "line_items": []}
        self._just_deleted: list[str] = []
        self._emails: dict[str, str] = {}
        self._freed: list[str] = []
        self._survivors: set[str] = set()
        self._late: list[tuple[str, str]] = []

    def looked(self, *, deletions: bool) -> None:
        """A run is over; it looked for deletions, or only at what changed."""
        super().looked(deletions=deletions)
        self._just_deleted = [] if deletions else self._just_deleted

    # contacts

    def create_contact(self) -> None:
        """Somebody new; most say whether they want mail."""
        properties = {"email": self._new_email(), "city": f"Town {self._number}", "ads_consent": self._one(CONSENTS)}
        if self.random.random() < 0.8:
            properties["hs_email_optout"] = self._one(("false", "false", "true"))
        self._keep_contact(properties)

    def _keep_contact(self, properties: dict[str, str]) -> None:
        answer = self._try("POST", f"{OBJECTS}/contacts", {"properties": properties})
        if answer:
            self.contacts.append(answer["id"])
            self._new[0].add(answer["id"])
            self._emails[answer["id"]] = properties["email"]
            self._late.append(("contacts", answer["id"]))

    def edit_contact(self) -> None:
        """Something about a person that decides nothing, or their consent to ads."""
        change = {"city": f"Town {self._count()}"} if self._tails() else {"ads_consent": self._one(CONSENTS)}
        self._change("contacts", self._some(self.contacts), change)

    def opt_out_or_in(self) -> None:
        """Somebody does not want mail any more, or does again."""
        self._change("contacts", self._some(self.contacts), {"hs_email_optout": self._one(("true", "false"))})

    def change_email(self) -> None:
        """Somebody has another address."""
        if (one := self._some(self.contacts)) and self._change("contacts", one, {"email": (new := self._new_email())}):
            self._emails[one] = new

    def merge(self) -> None:
        """Two contacts become one, which is new."""
        if len(self.contacts) > START // 2:
            self._merge(*self.random.sample(self.contacts, 2))

    def merge_chain(self) -> None:
        """The result of a merge is merged again, and again."""
        if len(self.contacts) > START // 2 + 3:
            first = self._some(self.contacts)
            for _ in range(3):
                first = self._merge(first, self._some([one for one in self.contacts if one != first]))

    def _merge(self, first: str, second: str) -> str:
        body, email = {"primaryObjectId": first, "objectIdToMerge": second}, self._emails[first]
        survivor = str(self._act("POST", f"{OBJECTS}/contacts/merge", body)["id"])
        taken = {self._emails.pop(one) for one in (first, second)}
        self._freed = [email for email in self._freed if email not in taken]
        self._emails[survivor], self._survivors = email, {*self._survivors, survivor}
        self.contacts = [one for one in self.contacts if one not in (first, second)] + [survivor]
        self._inherit(survivor, (first, second))
        return survivor

    def archive_contact(self) -> None:
        """Somebody is deleted, for 90 days."""
        if len(self.contacts) > START // 2 and (one := self._archive("contacts", self.contacts)):
            self._freed += [] if one in self._survivors else [self._emails[one]]
            self._just_deleted.append(one)

    def restore_contact(self) -> None:
        """Back from the bin, unless somebody has the address by now."""
        self._restore("contacts", self.contacts)

    def erase_contact(self) -> None:
        """Somebody asks to be forgotten."""
        if len(self.contacts) > START // 2:
            one = self._some(self.contacts)
            self._act("POST", f"{OBJECTS}/contacts/gdpr-delete", {"objectId": one})
            self.contacts.remove(one)
            self.history.erased.add(one)

    def come_back(self) -> None:
        """An address of somebody deleted is given to a new contact; of somebody who had several addresses, none is:

        two contacts that share a deleted one's addresses are one person, and lists would show them together.
        """
        if self._freed:
            self._keep_contact({"email": self._one(self._freed), "hs_email_optout": "false", "ads_consent": "granted"})

    # purchases

    def create_order(self) -> None:
        """Somebody, or a guest, buys one to three things some time within the last 400 days."""
        contact = self._some(self.contacts) if self.random.random() < 0.9 else None
        self._order(contact, [self._one(SKUS) for _ in range(self.random.randint(1, 3))], self._one(STATES))

    def _order(self, contact: str | None, skus: Sequence[str], state: str, sign: str = "") -> None:
        lines = [(sku, f"{sign}{self.random.randint(1, 3)}", f"{self.random.randint(5, 90)}.50") for sku in skus]
        past = timedelta(days=400 * self.random.random() ** 2)
        order = self.sandbox.portal.create_order(contact, lines, status=state, ordered_at=self.now - past)
        self.orders.append(order)
        self.lines += self._ends("orders", order, "line_items")
        self._late.append(("orders", order))

    def change_state(self) -> None:
        """An order is paid, sent or cancelled."""
        self._change("orders", self._some(self.orders), {"hs_external_order_status": self._one(STATES)})

    def edit_order(self) -> None:
        """Something about an order that decides nothing."""
        self._change("orders", self._some(self.orders), {"hs_order_name": f"Order {self._count()}"})

    def add_line(self) -> None:
        """One more thing on an order."""
        self._add_line(self._some(self.orders), self._one(SKUS), str(self.random.randint(1, 3)))

    def _add_line(self, order: str | None, sku: str, quantity: str) -> None:
        if order is not None:
            properties = {"hs_sku": sku, "name": sku, "quantity": quantity, "price": "7.25"}
            made = self._act("POST", f"{OBJECTS}/line_items", {"properties": properties})
            self._tie("line_items", made["id"], "orders", order)
            self.lines.append(made["id"])

    def edit_line(self) -> None:
        """Another quantity, or another thing."""
        sku = self._one(SKUS)
        product = {"hs_sku": sku, "hs_product_id": str(101 + SKUS.index(sku))}
        change = {"quantity": str(self.random.randint(1, 4))} if self._tails() else product
        self._change("line_items", self._some(self.lines), change)

    def refund_part(self) -> None:
        """A second order with negative quantities."""
        self._order(self._some(self.contacts), [self._one(SKUS)], "returned", "-")

    def refund_line(self) -> None:
        """A negative line on the order itself."""
        self._add_line(self._some(self.orders), self._one(SKUS), f"-{self.random.randint(1, 2)}")

    def refund_whole(self) -> None:
        """The order's state says that everything came back."""
        state = self._one(("refunded", "returned"))
        self._change("orders", self._some(self.orders), {"hs_external_order_status": state})

    def move_order(self) -> None:
        """An order is given to somebody else; neither modified date moves."""
        self._move("orders", self._some(self.orders), "contacts", self._some(self.contacts))

    def share_order(self) -> None:
        """A second contact on an order."""
        if (order := self._some(self.orders)) and (contact := self._some(self.contacts)):
            self._tie("orders", order, "contacts", contact)

    def move_line(self) -> None:
        """A line is put on another order."""
        self._move("line_items", self._some(self.lines), "orders", self._some(self.orders))

    def archive_order(self) -> None:
        """An order is deleted, its lines are not."""
        self._archive("orders", self.orders)

    def restore_order(self) -> None:
        """An order comes back."""
        self._restore("orders", self.orders)

    def archive_line(self) -> None:
        """A line is deleted."""
        self._archive("line_items", self.lines)

    def restore_line(self) -> None:
        """A line comes back."""
        self._restore("line_items", self.lines)

    # everything at once, and late

    def touch_many(self) -> None:
        """An app changes many records in one moment."""
        kind, known = self._one((("contacts", self.contacts), ("orders", self.orders), ("line_items", self.lines)))
        name = {"contacts": "zip", "orders": "hs_order_name", "line_items": "name"}[kind]
        chosen = None if self._tails() else self.random.sample(known, len(known) // 2)
        self.sandbox.portal.touch(kind, chosen, {name: f"touched {self._count()}"})

    def index_late(self) -> None:
        """Search sees a change of the last minutes only up to fifty minutes after it."""
        if self._late:
            kind, number = self._one(self._late)
            if number in {"contacts": self.contacts, "orders": self.orders, "line_items": self.lines}[kind]:
                self.sandbox.portal.index_late(kind, number, self.random.randint(60, 3_000))
                self._hidden.add(number)

    # the portal's own API

    def _act(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.sandbox.portal.act(method, path, body)
        assert answer.status < 300, (method, path, answer.content)
        return answer.content

    def _try(self, method: str, path: str, body: Any) -> Any:
        """The answer; None where it is taken by another (409, or 400 at a unique value)."""
        answer = self.sandbox.portal.act(method, path, body)
        assert answer.status < 300 or answer.status in (400, 409), answer.content
        return answer.content if answer.status < 300 else None

    def _change(self, kind: str, number: str | None, properties: dict[str, str]) -> bool:
        if number is None or self._try("PATCH", f"{OBJECTS}/{kind}/{number}", {"properties": properties}) is None:
            return False
        self._late = [*self._late[-20:], (kind, number)]
        return True

    def _archive(self, kind: str, known: list[str]) -> str | None:
        if one := self._some(known):
            self._act("DELETE", f"{OBJECTS}/{kind}/{one}")
            known.remove(one)
            self._bin[kind].append(one)
        return one

    def _restore(self, kind: str, known: list[str]) -> None:
        known_gone = [one for one in self._bin[kind] if one not in self._just_deleted]
        if (one := self._some(known_gone)) and not self._held_by_another(kind, one):
            self.sandbox.portal.restore(kind, one)
            self._bin[kind].remove(one)
            known.append(one)

    def _held_by_another(self, kind: str, one: str) -> bool:
        if kind != "contacts":
            return False
        emails = self._act("GET", f"{OBJECTS}/contacts/{one}?archived=true&properties=email,hs_additional_emails")
        held = ";".join(value for value in emails["properties"].values() if value and "@" in value).split(";")
        found = [self.sandbox.portal.act("GET", f"{OBJECTS}/contacts/{each}?idProperty=email") for each in held]
        return any(answer.status == 200 for answer in found)

    def _move(self, kind: str, one: str | None, other: str, target: str | None) -> None:
        if one is not None and target is not None:
            for end in self._ends(kind, one, other):
                gone = [{"from": {"id": one}, "to": [{"id": end}]}]
                self._act("POST", f"{ASSOCIATIONS}/{kind}/{other}/batch/archive", {"inputs": gone})
            self._tie(kind, one, other, target)

    def _tie(self, kind: str, one: str, other: str, target: str) -> None:
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TIES[kind, other]}]
        tie = {"from": {"id": one}, "to": {"id": target}, "types": types}
        self._act("POST", f"{ASSOCIATIONS}/{kind}/{other}/batch/create", {"inputs": [tie]})

    def _ends(self, kind: str, one: str, other: str) -> list[str]:
        shown = self._act("GET", f"{OBJECTS}/{kind}/{one}?associations={other}").get("associations") or {}
        return [str(end["id"]) for part in shown.values() for end in part["results"]]
