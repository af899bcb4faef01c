"""What one id stands for, which products are the same item, and why, in words."""

from dataclasses import asdict, dataclass
from typing import Any

import ibis
import pyarrow as pa

from connector.errors import SetupError
from connector.explain.person import Row, fetched
from connector.home import Home
from connector.merge.catalogue import catalogue
from connector.merge.seen import remembered

BECAUSE = {
    "same.yaml": "mappings/same.yaml says so",
    "alias": "{key} is another name of it",
    "gtin": "both have the GTIN {key}",
    "mpn": "both have brand and MPN {key}",
    "sku": "their ids differ by case or leading zeros alone",
    "item_group_id": "both are of the item group {key}",
    "product_type": "both are of the {key}",
}


@dataclass(frozen=True, kw_only=True)
class Kin:
    """Attributes:
    item: the id that was asked for.
    known_id: the product it stands for, None where only names lead to the family.
    via: how it was understood: `id` where it is the product's own.
    products: all of the family: product_id, title.
    reasons: product_id, same_as, via, key and `because`, in words.
    """

    item: str
    known_id: str | None
    family: str
    via: str
    products: list[Row]
    reasons: list[Row]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def kin_of(home: Home, item: str) -> Kin:
    """Everything that is the same item as a product, group or other name. Raises SetupError for an unknown one."""
    keep = home.warehouse.keep
    try:
        goods = catalogue(keep(remembered(home.warehouse.versions("product"))), home.audiences.policy.sameness, keep)
        meant = fetched(goods.meaning(ibis.memtable(pa.table({"product_id": [item]}))))
        if not meant:
            raise SetupError("nothing in the catalogue is called so", hint="lamplighter catalogue")
        family = meant[0]["family"]
        products = goods.product.filter(goods.product.family == family).select("product_id", "title")
        reasons = goods.same.filter(goods.same.family == family).drop("family")
        return Kin(
            item=item,
            known_id=meant[0]["known_id"],
            family=family,
            via=meant[0]["via"],
            products=fetched(products.order_by("product_id")),
            reasons=[_told(row) for row in fetched(reasons.order_by("product_id", "same_as"))],
        )
    finally:
        home.warehouse.release()


def _told(reason: Row) -> Row:
    return {**reason, "because": BECAUSE[reason["via"]].format(key=reason["key"])}
