"""Fills an org with a world: which column becomes which field, and which credit notes become reduction orders."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.sandbox.clock import milliseconds_of
from connector.sandbox.salesforce_furniture import SHOP, STANDARD_BOOK
from connector.sandbox.salesforce_ids import make_id
from connector.sandbox.salesforce_org import ADMIN, Org, Session
from connector.sandbox.salesforce_returns import Reduction, reductions
from connector.sandbox.salesforce_rows import make_row
from connector.sandbox.state import FIRST_ID
from connector.sandbox.world import CONTACTS, LINES, ORDERS, PRODUCTS, Row, World

NO_NAME = "[not provided]"
Stored = Mapping[str, Any]


def load(org: Org, folder: Path, *, person_accounts: bool = False) -> None:
    """Put the world in `folder` into an org. Raises SetupError for a file that is missing or malformed."""
    world = World(folder)
    with world.reading():
        _Filling(org, world, person_accounts).fill()


class _Filling:
    """What must be remembered while the files go by: ids, and what a line needs of its order and product."""

    def __init__(self, org: Org, world: World, person_accounts: bool) -> None:
        self.org, self.world, self.persons = org, world, person_accounts
        self.session = Session(org, ADMIN)
        self.contacts: dict[str, int] = {}
        self.products: dict[str, int] = {}
        self.orders: dict[str, tuple[int, int, str]] = {}
        self.reductions: dict[str, Reduction] = {}
        self.start = 0

    def fill(self) -> None:
        self._store("Contact", self._contacts())
        self._store("Account", self._accounts())
        self._store("Product2", self._products())
        self._store("PricebookEntry", self._prices())
        self.reductions = reductions(self.world)
        self._store("Order", self._orders())
        self._store("OrderItem", self._lines())
        self._take_back()
        self.org.state.run(_TOTALS)

    def _store(self, name: str, rows: Iterable[Stored]) -> None:
        """Write rows of one object: each over the same defaults, all with the same columns."""
        kind = self.org.schema[name]
        base = make_row(self.session, kind, "", {})
        names = [one.name for one in kind.fields.values() if one.stored]
        defaults = [base.get(column) for column in names]
        places = {column: place for place, column in enumerate(names)}
        listed, marks = ", ".join(f'"{column}"' for column in names), ", ".join("?" * len(names))
        sql = f'INSERT INTO "{name}" ({listed}) VALUES ({marks})'  # noqa: S608 - names of the schema
        self.org.state.run_many(sql, (_filled(defaults, places, row) for row in rows))
        count = self.org.state.value(f'SELECT count(*) FROM "{name}"')  # noqa: S608
        self.org.state.reserve(name, FIRST_ID - 1 + count)

    def _contacts(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(CONTACTS), FIRST_ID):
            self.contacts[row["contact_id"]] = number
            created, updated = milliseconds_of(row["created_at"]), milliseconds_of(row["updated_at"])
            self.start = min(self.start or created, created)
            account = make_id("001", number + 1 if self.persons else FIRST_ID)
            own = {"Id": make_id("003", number), "AccountId": account, "IsPersonAccount": int(self.persons)}
            yield {**own, **_contact(row), **_stamps(created, updated)}

    def _accounts(self) -> Iterator[Stored]:
        """The shop's own account; with person accounts, one for each contact as well."""
        yield {"Id": make_id("001", FIRST_ID), "Name": SHOP, **_stamps(self.start, self.start)}
        if self.persons:
            for name, created, updated, contact in self.org.state.rows(_PEOPLE):
                id = self.org.state.value("SELECT AccountId FROM Contact WHERE Id = ?", contact)
                person = {"Id": id, "Name": name, "IsPersonAccount": 1, "PersonContactId": contact}
                yield {**person, **_stamps(created, updated)}

    def _products(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(PRODUCTS), FIRST_ID):
            self.products[row["id"]] = number
            yield self._product(number, row["id"], row["title"], 1)
        for sku in self._unknown_products():
            number = self.products[sku] = FIRST_ID + len(self.products)
            yield self._product(number, sku, sku, 0)

    def _unknown_products(self) -> Iterator[str]:
        """Sold, and not in the catalogue: an order product needs a product, so an inactive one is made."""
        for row in self.world.rows(LINES):
            if row["product_id"] not in self.products:
                yield row["product_id"]

    def _product(self, number: int, sku: str, title: str, active: int) -> Stored:
        codes = {"ProductCode": sku, "StockKeepingUnit": sku}
        own = {"Id": make_id("01t", number), "Name": title or sku, "IsActive": active}
        return {**own, **codes, **_stamps(self.start, self.start)}

    def _prices(self) -> Iterator[Stored]:
        prices = {row["id"]: row["price"].partition(" ") for row in self.world.rows(PRODUCTS)}
        for sku, number in self.products.items():
            amount, _, currency = prices.get(sku, ("0", "", ""))
            tie = {"Pricebook2Id": STANDARD_BOOK, "Product2Id": make_id("01t", number), "ProductCode": sku}
            price = {"UnitPrice": float(amount or 0), "IsActive": 1, "CurrencyIsoCode": currency or "GBP"}
            yield {"Id": make_id("01u", number), **tie, **price, **_stamps(self.start, self.start)}

    def _orders(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(ORDERS), FIRST_ID):
            at = milliseconds_of(row["ordered_at"])
            self.orders[row["order_id"]] = number, at, row["currency"]
            yield {**self._order(number, row, at), **self._buyer(row), **_stamps(at, at)}

    def _order(self, number: int, row: Row, at: int) -> Stored:
        seconds = at // 1000 * 1000
        own = {
            "Id": make_id("801", number),
            "OrderNumber": f"{number:08d}",
            "OrderReferenceNumber": row["order_id"],
            "EffectiveDate": row["ordered_at"][:10],
            "Ordered_At__c": seconds,
            "ActivatedDate": seconds,
            "ActivatedById": ADMIN.id,
            "Status": "Activated",
            "StatusCode": "Activated",
            "Pricebook2Id": STANDARD_BOOK,
            "CurrencyIsoCode": row["currency"] or "GBP",
        }
        taken = self.reductions.get(row["order_id"])
        if taken:
            original = self.orders[taken.original][0]
            own |= {"IsReductionOrder": 1, "OriginalOrderId": make_id("801", original)}
        return own

    def _buyer(self, row: Row) -> Stored:
        contact = self.contacts.get(row["contact_id"])
        if contact and self.persons:
            return {"AccountId": make_id("001", contact + 1)}
        shop = {"AccountId": make_id("001", FIRST_ID)}
        return {**shop, "BillToContactId": make_id("003", contact)} if contact else shop

    def _lines(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(LINES), FIRST_ID):
            if order := self.orders.get(row["order_id"]):
                yield self._line(number, row, order)

    def _line(self, number: int, row: Row, order: tuple[int, int, str]) -> Stored:
        placed, at, currency = order
        quantity, price = float(row["quantity"]), float(row["unit_price"])
        product = self.products[row["product_id"]]
        taken = self.reductions.get(row["order_id"])
        return {
            "Id": make_id("802", number),
            "OrderId": make_id("801", placed),
            "OrderItemNumber": f"{number:010d}",
            "Product2Id": make_id("01t", product),
            "ProductCode": row["product_id"],
            "PricebookEntryId": make_id("01u", product),
            "OriginalOrderItemId": make_id("802", FIRST_ID + taken.lines[row["line_id"]]) if taken else None,
            "Quantity": quantity,
            "AvailableQuantity": 0.0 if taken else max(0.0, quantity),
            "UnitPrice": price,
            "ListPrice": price,
            "TotalPrice": round(quantity * price, 2),
            "CurrencyIsoCode": currency or "GBP",
            **_stamps(at, at),
        }

    def _take_back(self) -> None:
        """What reduction orders took is no longer available on the original lines."""
        taken: dict[str, float] = {}
        sql = "SELECT OriginalOrderItemId, Quantity FROM OrderItem WHERE OriginalOrderItemId IS NOT NULL"
        for id, quantity in self.org.state.rows(sql):
            taken[id] = taken.get(id, 0.0) + quantity
        rows = ((quantity, id) for id, quantity in taken.items())
        self.org.state.run_many("UPDATE OrderItem SET AvailableQuantity = AvailableQuantity + ? WHERE Id = ?", rows)


def _filled(defaults: list[Any], places: Mapping[str, int], row: Stored) -> list[Any]:
    values = defaults.copy()
    for name, value in row.items():
        values[places[name]] = value
    return values


def _stamps(created: int, updated: int) -> dict[str, int]:
    """Salesforce keeps whole seconds."""
    changed = updated // 1000 * 1000
    return {"CreatedDate": created // 1000 * 1000, "LastModifiedDate": changed, "SystemModstamp": changed}


def _contact(row: Row) -> dict[str, Any]:
    last = row["last_name"] or NO_NAME
    return {
        "FirstName": row["first_name"] or None,
        "LastName": last,
        "Name": f"{row['first_name']} {last}".strip(),
        "Email": row["email"] or None,
        "Phone": row["phone"] or None,
        "MailingCountry": row["country"] or None,
        "HasOptedOutOfEmail": int(row["email_opt_out"].lower() == "true"),
        "Customer_Id__c": row["contact_id"],
        "Ads_Consent__c": row["ads_consent"] or None,
    }


_PEOPLE = "SELECT Name, CreatedDate, SystemModstamp, Id FROM Contact ORDER BY Id"
_TOTALS = """UPDATE "Order" SET TotalAmount = total FROM
    (SELECT OrderId AS placed, round(sum(TotalPrice), 2) AS total FROM OrderItem GROUP BY OrderId) WHERE Id = placed"""
