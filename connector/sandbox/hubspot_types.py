"""HubSpot's object types and the kinds of association between them, under HubSpot's own numbers.

Source of the numbers: HubSpot's CRM guides "understanding the CRM" and "associate records".
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One type of CRM object.

    Attributes:
        id: `0-1`.
        name: as paths have it, plural.
        singular: as association names have it.
        created, modified: names of its two time properties; contacts differ from all others.
        shown: properties of an answer that asks for none.
    """

    id: str
    name: str
    singular: str
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    shown: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The key of inline associations: HubSpot writes `line items` with a space."""
        return self.name.replace("_", " ")


CONTACT = ObjectType("0-1", "contacts", "contact", "createdate", "lastmodifieddate", ("email", "firstname", "lastname"))
COMPANY = ObjectType("0-2", "companies", "company", "createdate", shown=("domain", "name"))
DEAL = ObjectType(
    "0-3", "deals", "deal", "createdate", shown=("amount", "closedate", "dealname", "dealstage", "pipeline")
)
TICKET = ObjectType("0-5", "tickets", "ticket", "createdate", shown=("content", "subject"))
PRODUCT = ObjectType("0-7", "products", "product", "createdate", shown=("description", "name", "price"))
LINE_ITEM = ObjectType("0-8", "line_items", "line_item", "createdate", shown=("hs_product_id", "quantity"))
QUOTE = ObjectType("0-14", "quotes", "quote")
ORDER = ObjectType("0-123", "orders", "order")
CART = ObjectType("0-142", "carts", "cart")

KNOWN = (CONTACT, COMPANY, DEAL, TICKET, PRODUCT, LINE_ITEM, QUOTE, ORDER, CART)
_BY_NAME = {name: kind for kind in KNOWN for name in (kind.id, kind.name, kind.singular)}
_CUSTOM = re.compile(r"2-\d+|p\d*_\w+")

ASSOCIATIONS: dict[tuple[str, str], int] = {
    ("0-123", "0-1"): 507,
    ("0-1", "0-123"): 508,
    ("0-123", "0-2"): 509,
    ("0-2", "0-123"): 510,
    ("0-3", "0-123"): 511,
    ("0-123", "0-3"): 512,
    ("0-123", "0-8"): 513,
    ("0-8", "0-123"): 514,
    ("0-3", "0-1"): 3,
    ("0-1", "0-3"): 4,
    ("0-3", "0-8"): 19,
    ("0-8", "0-3"): 20,
    ("0-1", "0-2"): 279,
    ("0-2", "0-1"): 280,
    ("0-3", "0-2"): 341,
    ("0-2", "0-3"): 342,
}
"""(from, to) -> associationTypeId of the unlabelled association."""


def object_type(name: str) -> ObjectType | None:
    """The type behind a name, singular or plural, or a type id; None where HubSpot would not know it either."""
    if known := _BY_NAME.get(name.lower()):
        return known
    return ObjectType(name, name, name) if _CUSTOM.fullmatch(name) else None


def partners(kind: ObjectType) -> list[str]:
    """Ids of the types that `kind` can be associated with."""
    return [to for start, to in ASSOCIATIONS if start == kind.id]
