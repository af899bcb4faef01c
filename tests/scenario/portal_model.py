"""What a HubSpot portal shows in the end, as the beginning of the model of what should follow from it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from life_model import Model, decided

VERSION = "2026-09"


def model(portal: Any, as_of: datetime) -> Model:
    """The model of a portal at a moment."""
    made = Model()
    _contacts(portal, made)
    _orders(portal, made)
    _lines(portal, made)
    titles = {one["hs_sku"]: one["name"] for one, _ in _records(portal, "products", "hs_sku,name").values()}
    return decided(made, titles, as_of)


def _records(portal: Any, kind: str, properties: str, other: str = "") -> dict[str, tuple[dict[str, Any], list[int]]]:
    """Id -> properties, and ids of associated records of another type; the live ones."""
    found, after = {}, "0"
    asked = f"limit=100&properties={properties}{f'&associations={other}' if other else ''}"
    while after:
        answer = portal.act("GET", f"/crm/objects/{VERSION}/{kind}?{asked}&after={after}").content
        for each in answer["results"]:
            ends = [int(end["id"]) for part in (each.get("associations") or {}).values() for end in part["results"]]
            found[each["id"]] = (each["properties"], ends)
        after = answer.get("paging", {}).get("next", {}).get("after")
    return found


def _contacts(portal: Any, made: Model) -> None:
    names = "email,hs_email_optout,ads_consent,hs_marketable_status"
    words = {"true": True, "false": False, "granted": True, "denied": False}
    for number, (one, _) in _records(portal, "contacts", names).items():
        said = [words.get(one[name] or "") for name in names.split(",")[1:]]
        made.contacts[number] = (one["email"], *said)


def _orders(portal: Any, made: Model) -> None:
    names = "hs_external_order_status,hs_external_created_date"
    for number, (one, ends) in _records(portal, "orders", names, "contacts").items():
        at = datetime.fromisoformat(one["hs_external_created_date"])
        contact = str(min(ends)) if ends else None  # of several, the oldest record counts
        made.orders[number] = (contact, one["hs_external_order_status"], at)


def _lines(portal: Any, made: Model) -> None:
    product = {n: one["hs_sku"] for n, (one, _) in _records(portal, "products", "hs_sku").items()}
    for number, (one, ends) in _records(portal, "line_items", "hs_sku,hs_product_id,quantity", "orders").items():
        sku = product.get(one["hs_product_id"] or "", one["hs_sku"])
        made.lines[number] = (str(min(ends)) if ends else None, sku, Decimal(one["quantity"]))
