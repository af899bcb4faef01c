"""What people and other apps do in a Salesforce org, at random from a seed: records, merges, deletions, late commits.

Everything is done by an admin through the org's own rules; see `connector.sandbox.salesforce_levers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from life import START, History, Life

SKUS = tuple(f"LAMP-{number:02d}" for number in range(12))
STATES = ("fulfilled", "fulfilled", "fulfilled", "draft", "cancelled")
CONSENTS = ("granted", "granted", "denied", "unknown", None)
ON_ACCOUNT = {
    "Email": "PersonEmail",
    "MailingCity": "PersonMailingCity",
    "HasOptedOutOfEmail": "PersonHasOptedOutOfEmail",
    "Ads_Consent__c": "Ads_Consent__pc",
}
"""Field of a contact -> the same of a person account."""
LOCKED = "unable to obtain exclusive access"
"""Somebody's long transaction has the record; people try again another day."""

WEIGHTS = {
    "create_contact": 8,
    "edit_contact": 10,
    "opt_out_or_in": 6,
    "object_to_marketing": 3,
    "change_email": 4,
    "share_email": 2,
    "merge": 5,
    "merge_chain": 1,
    "delete_contact": 2,
    "undelete_contact": 2,
    "erase_contact": 1,
    "create_order": 20,
    "change_state": 6,
    "edit_order": 3,
    "add_line": 5,
    "edit_line": 6,
    "take_back": 5,
    "refund_line": 3,
    "move_order": 5,
    "delete_order": 2,
    "undelete_order": 1,
    "erase_order": 1,
    "delete_line": 2,
    "undelete_line": 1,
    "erase_line": 1,
    "touch_many": 1,
    "commit_late": 4,
    "let_time_pass": 4,
}
MEANWHILE = (
    "edit_contact",
    "opt_out_or_in",
    "object_to_marketing",
    "change_email",
    "create_order",
    "change_state",
    "add_line",
    "edit_line",
)
"""What may happen while a run is at work, perhaps in the very second in which it reads."""


@dataclass(kw_only=True)
class OrgHistory(History):
    """Attributes:
    responded: (name of the list as we made it, contact) whose members a marketer marked as having responded.
    """

    responded: set[tuple[str, str]] = field(default_factory=set)


def furnish(sandbox: Any) -> None:
    """The products of the shop."""
    for sku in SKUS:
        values = {"Name": f"Lamp {sku}", "ProductCode": sku, "StockKeepingUnit": sku, "IsActive": True}
        sandbox.levers["insert"]("Product2", values)


class OrgLife(Life):
    """What happens to some contacts of an org and to what they buy. Some contacts are those of person accounts."""

    weights = WEIGHTS
    history: OrgHistory

    def __init__(self, seed: int, sandbox: Any, history: OrgHistory) -> None:
        super().__init__(seed, sandbox, history)
        self.accounts: dict[str, str] = {}
        self.orders: list[str] = []
        self.lines: list[str] = []
        self._bin: dict[str, list[str]] = {"Contact": [], "Order": [], "OrderItem": []}

    def begin(self) -> None:
        """Orders for most contacts: five lives together then have enough to write for a bulk job."""
        super().begin()
        for _ in range(2 * START):
            self.create_order()

    def go_on(self) -> None:
        """One event in the middle of a run."""
        getattr(self, self._one(MEANWHILE))()

    # contacts

    def create_contact(self) -> None:
        """Somebody new; one in four is a person account."""
        values = {"MailingCity": f"Town {self._number}", "Ads_Consent__c": self._one(CONSENTS)}
        self._keep_contact(
            {**values, "Email": self._new_email(), "HasOptedOutOfEmail": self._one((False, False, True))}
        )

    def _keep_contact(self, values: dict[str, Any]) -> None:
        values = {"LastName": f"Reed {self._count()}", **values}
        if self.random.random() < 0.25:
            account = self._do("insert", "Account", {ON_ACCOUNT.get(name, name): one for name, one in values.items()})
            contact = str(self._value("SELECT PersonContactId FROM Account WHERE Id = ?", account))
            self.accounts[contact] = account
        else:
            contact = self._do("insert", "Contact", values)
        self.contacts.append(contact)
        self._new[0].add(contact)

    def edit_contact(self) -> None:
        """Something about a person that decides nothing, or their consent to ads."""
        city, consent = {"MailingCity": f"Town {self._count()}"}, {"Ads_Consent__c": self._one(CONSENTS)}
        self._change_contact(self._some(self.contacts), city if self._tails() else consent)

    def opt_out_or_in(self) -> None:
        """Somebody does not want mail any more, or does again."""
        self._change_contact(self._some(self.contacts), {"HasOptedOutOfEmail": self._tails()})

    def object_to_marketing(self) -> None:
        """An individual says what holds for whoever it stands behind, or takes it back: the contact is not touched."""
        if one := self._some(self.contacts):
            individual = self._value("SELECT IndividualId FROM Contact WHERE Id = ?", one)
            if individual is None:
                individual = self._do("insert", "Individual", {"LastName": f"Reed {self._count()}"})
                self._change_contact(one, {"IndividualId": individual})
            self._do("update", "Individual", individual, {"HasOptedOutSolicit": self._tails()})

    def change_email(self) -> None:
        """Somebody has another address."""
        self._change_contact(self._some(self.contacts), {"Email": self._new_email()})

    def share_email(self) -> None:
        """Two contacts have one address, one of them perhaps in the recycle bin: they are one person."""
        sql = "SELECT Email FROM Contact WHERE Id = ?"
        email = self._value(sql, self._some([*self.contacts, *self._bin["Contact"]]))
        if self._tails():
            self._change_contact(self._some(self.contacts), {"Email": email})
        else:
            self._keep_contact({"Email": email, "Ads_Consent__c": "granted"})

    def _change_contact(self, contact: str | None, values: dict[str, Any]) -> None:
        """On the contact; of a person account sometimes on the account."""
        if contact in self.accounts and values.keys() <= ON_ACCOUNT.keys() and self._tails():
            self._do(
                "update", "Account", self.accounts[contact], {ON_ACCOUNT[name]: one for name, one in values.items()}
            )
        elif contact:
            self._do("update", "Contact", contact, values)

    def merge(self) -> None:
        """One or two contacts are merged into another."""
        if len(self.contacts) > START // 2:
            self._merge(self._some(self.contacts), self.random.randint(1, 2))

    def merge_chain(self) -> None:
        """The winner of a merge is merged away, and so is the next."""
        if len(self.contacts) > START // 2 + 3:
            one = self._some(self.contacts)
            for _ in range(3):
                winner = self._some([each for each in self._alike(one) if each != one])
                self._join(winner, [one])
                one = winner if one not in self.contacts else one

    def _alike(self, contact: str) -> list[str]:
        """Contacts that may be merged with this one: person accounts among themselves."""
        return [one for one in self.contacts if (one in self.accounts) == (contact in self.accounts)]

    def _merge(self, winner: str, losers: int) -> None:
        others = [one for one in self._alike(winner) if one != winner]
        self._join(winner, self.random.sample(others, min(len(others), losers)))

    def _join(self, winner: str | None, losers: Sequence[str]) -> None:
        if winner is None or not losers:
            return
        if winner in self.accounts:
            done = self._do(
                "merge", "Account", self.accounts[winner], [self.accounts[one] for one in losers], told=True
            )
        else:
            done = self._do("merge", "Contact", winner, losers, told=True)
        if done:
            self.contacts = [one for one in self.contacts if one not in losers]
            self._inherit(winner, losers)
            self._respond_still(winner, losers)

    def _respond_still(self, winner: str, losers: Sequence[str]) -> None:
        """Of two memberships in one campaign Salesforce keeps the winner's."""
        theirs = {name for name, one in self.history.responded if one in losers}
        self.history.responded = {(name, one) for name, one in self.history.responded if one not in losers}
        sql = """SELECT Campaign.Name FROM CampaignMember JOIN Campaign ON Campaign.Id = CampaignId
            WHERE ContactId = ? AND HasResponded = 1 AND CampaignMember.IsDeleted = 0"""
        now = {self.history.first_name(name) for (name,) in self.sandbox.org.state.rows(sql, winner)}
        self.history.responded |= {(name, winner) for name in theirs & now}

    def delete_contact(self) -> None:
        """Somebody goes into the recycle bin, and out of the campaigns."""
        one = self._some(self._seen())
        if one and len(self.contacts) > START // 2:
            where = ("Account", self.accounts[one]) if one in self.accounts else ("Contact", one)
            if self._do("delete", *where, told=True):
                self._into_bin("Contact", one, self.contacts)

    def undelete_contact(self) -> None:
        """Back from the bin, into the campaigns too."""
        if one := self._some(self._bin["Contact"]):
            where = ("Account", self.accounts[one]) if one in self.accounts else ("Contact", one)
            self._do("undelete", where[0], [where[1]])
            self._out_of_bin("Contact", one, self.contacts)

    def erase_contact(self) -> None:
        """Somebody asks to be forgotten; the bin is emptied."""
        one = self._some(self._seen())
        if one and len(self.contacts) > START // 2:
            where = ("Account", self.accounts[one]) if one in self.accounts else ("Contact", one)
            self._do("hard_delete", where[0], [where[1]])
            self.contacts.remove(one)
            self.history.erased.add(one)

    def _seen(self) -> list[str]:
        """Contacts that a run has seen. Of whom none did before they were gone, orders are a guest's."""
        return [one for one in self.contacts if one not in self.unseen]

    # purchases

    def create_order(self) -> None:
        """Somebody, or a guest, buys one to three things some time within the last 400 days."""
        contact = self._some(self.contacts) if self.random.random() < 0.9 else None
        skus = [self._one(SKUS) for _ in range(self.random.randint(1, 3))]
        lines = [(sku, str(self.random.randint(1, 3)), f"{self.random.randint(5, 90)}.50") for sku in skus]
        order = self._order(contact, lines, self._one(STATES))
        self.orders.append(order)
        self.lines += self._items(order)

    def _order(self, contact: str | None, lines: Sequence[Sequence[str]], state: str) -> str:
        past = timedelta(days=400 * self.random.random() ** 2)
        return str(self._do("create_order", contact, lines, status=state, ordered_at=self.now - past))

    def _items(self, order: str) -> list[str]:
        sql = "SELECT Id FROM OrderItem WHERE OrderId = ? AND IsDeleted = 0 ORDER BY Id"
        return [id for (id,) in self.sandbox.org.state.rows(sql, order)]

    def take_back(self) -> None:
        """A reduction order where an order has enough of it left, else an order of negative quantities."""
        if contact := self._some(self.contacts):
            sql = """SELECT Product2.ProductCode FROM OrderItem JOIN Product2 ON Product2.Id = Product2Id
                JOIN "Order" ON "Order".Id = OrderId WHERE BillToContactId = ? ORDER BY OrderItem.Id"""
            bought = [sku for (sku,) in self.sandbox.org.state.rows(sql, contact)]
            self._order(contact, [(self._one(bought or SKUS), f"-{self.random.randint(1, 2)}", "7.25")], "returned")

    def change_state(self) -> None:
        """A draft is activated, an activated order is cancelled."""
        if order := self._some(self.orders):
            after = {"Draft": "Activated", "Activated": "Canceled"}
            state = after.get(self._value('SELECT StatusCode FROM "Order" WHERE Id = ?', order))
            if state and self._items(order):
                self._do("update", "Order", order, {"Status": state})

    def edit_order(self) -> None:
        """Something about an order that decides nothing."""
        if order := self._some(self.orders):
            self._do("update", "Order", order, {"Name": f"Order {self._count()}"})

    def add_line(self) -> None:
        """One more thing on an order."""
        self._add_line(str(self.random.randint(1, 3)))

    def refund_line(self) -> None:
        """A negative line on the order itself."""
        self._add_line(f"-{self.random.randint(1, 2)}")

    def _add_line(self, quantity: str) -> None:
        if order := self._some(self.orders):
            sql = "SELECT Id FROM PricebookEntry WHERE ProductCode = ?"
            if entry := self._value(sql, self._one(SKUS)):
                values = {"OrderId": order, "PricebookEntryId": entry, "Quantity": quantity, "UnitPrice": "7.25"}
                self.lines.append(self._do("insert", "OrderItem", values))

    def edit_line(self) -> None:
        """Another quantity."""
        if line := self._some(self.lines):
            self._do("update", "OrderItem", line, {"Quantity": str(self.random.randint(1, 4))})

    def move_order(self) -> None:
        """An order is given to somebody else."""
        order, contact = self._some(self.orders), self._some(self.contacts)
        if order and contact:
            account = self.accounts.get(contact)
            buyer = {"AccountId": account, "BillToContactId": None} if account else {"BillToContactId": contact}
            self._do("update", "Order", order, buyer)

    def delete_order(self) -> None:
        """An order that is not activated is deleted, with its lines."""
        sql = """SELECT Id FROM "Order" WHERE StatusCode <> 'Activated' AND IsDeleted = 0"""
        may = {id for (id,) in self.sandbox.org.state.rows(sql)}
        if order := self._some([one for one in self.orders if one in may]):
            self._do("delete", "Order", order)
            self._into_bin("Order", order, self.orders)
            self._know_lines()

    def undelete_order(self) -> None:
        """An order comes back with its lines."""
        if order := self._some(self._bin["Order"]):
            self._do("undelete", "Order", [order])
            self._out_of_bin("Order", order, self.orders)
            self.lines += self._items(order)

    def erase_order(self) -> None:
        """An order is gone for good; no query of changes tells of it."""
        if len(self.orders) > START:
            order = self._some(self.orders)
            self._do("hard_delete", "Order", [order])
            self.orders.remove(order)
            self._know_lines()

    def delete_line(self) -> None:
        """A line is deleted."""
        if line := self._some(self.lines):
            self._do("delete", "OrderItem", line)
            self._into_bin("OrderItem", line, self.lines)

    def undelete_line(self) -> None:
        """A line comes back, if its order is there; one that went at the same moment as its order came back with it."""
        sql = """SELECT 1 FROM OrderItem JOIN "Order" ON "Order".Id = OrderId
            WHERE OrderItem.Id = ? AND OrderItem.IsDeleted = 1 AND "Order".IsDeleted = 0"""
        if line := self._some([one for one in self._bin["OrderItem"] if self._value(sql, one)]):
            self._do("undelete", "OrderItem", [line])
            self._out_of_bin("OrderItem", line, self.lines)

    def erase_line(self) -> None:
        """A line is gone for good."""
        if line := self._some(self.lines):
            self._do("hard_delete", "OrderItem", [line])
            self.lines.remove(line)

    def _know_lines(self) -> None:
        alive = {id for (id,) in self.sandbox.org.state.rows("SELECT Id FROM OrderItem WHERE IsDeleted = 0")}
        self.lines = [line for line in self.lines if line in alive]

    # everything at once, and late

    def touch_many(self) -> None:
        """An app changes many records within one second."""
        kind, known = self._one((("Contact", self.contacts), ("Order", self.orders), ("OrderItem", self.lines)))
        name = {"Contact": "MailingPostalCode", "Order": "PoNumber", "OrderItem": "Description"}[kind]
        busy = {id for (id,) in self.sandbox.org.state.rows("SELECT record FROM open_transaction")}
        chosen = known if self._tails() else self.random.sample(known, len(known) // 2)
        self._do("touch", kind, [one for one in chosen if one not in busy], {name: f"touched {self._count()}"})

    def commit_late(self) -> None:
        """A transaction that began now is committed up to two hours later, with the time at which it began."""
        seconds = self.random.randint(60, 7_000)
        plain = [one for one in self.contacts if one not in self.accounts]
        if self._tails() and plain:
            one = self._some(plain)
            self._change_contact(one, {"MailingCity": f"Town {self._count()}"})
            self._do("late_commit", "Contact", {"Email": self._new_email()}, one, seconds)
            self._hidden.add(one)
        else:
            values = {"LastName": f"Reed {self._count()}", "Email": self._new_email(), "Ads_Consent__c": "granted"}
            self._do("late_commit", "Contact", values, None, seconds)

    # the org

    def _do(self, lever: str, *args: Any, told: bool = False, **how: Any) -> Any:
        """What the lever gives, or with `told` whether it worked; None where somebody has the record locked."""
        try:
            given = self.sandbox.levers[lever](*args, **how)
        except ValueError as refused:
            assert LOCKED in str(refused), (lever, args, str(refused))
            return None
        return True if told else given

    def _value(self, sql: str, *values: Any) -> Any:
        return self.sandbox.org.state.value(sql, *values)

    def _into_bin(self, kind: str, one: str, known: list[str]) -> None:
        known.remove(one)
        self._bin[kind].append(one)

    def _out_of_bin(self, kind: str, one: str, known: list[str]) -> None:
        self._bin[kind].remove(one)
        known.append(one)
