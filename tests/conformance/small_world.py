"""A small shop for the conformance suite: enough pages for several cursors, no more."""

import csv
from pathlib import Path

CONTACTS, PRODUCTS, ORDERS, LINES, GUESTS = 130, 12, 230, 460, 23


def write(folder: Path) -> Path:
    """Write the world's files; every tenth order is a guest's, every seventh a return."""
    _file(
        folder / "contacts.csv",
        "contact_id,email,phone,first_name,last_name,country,created_at,updated_at,email_opt_out,ads_consent",
        [f"c{n},p{n}@example.com,,P{n},Q,GB,{_day(n)},{_day(n)},false,granted" for n in range(CONTACTS)],
    )
    _file(
        folder / "products.csv",
        "id,item_group_id,title,product_type,price,availability",
        [f"sku{n},g{n},Lamp {n},Lamps,{n}.50 GBP,in_stock" for n in range(PRODUCTS)],
    )
    _file(
        folder / "orders.csv",
        "order_id,contact_id,ordered_at,status,currency",
        [f"o{n},{_buyer(n)},{_day(n)},{'returned' if n % 7 == 0 else 'fulfilled'},GBP" for n in range(ORDERS)],
    )
    _file(
        folder / "order_lines.csv",
        "line_id,order_id,product_id,quantity,unit_price",
        [f"l{n},o{n % ORDERS},sku{n % PRODUCTS},{-1 if n % ORDERS % 7 == 0 else 2},9.95" for n in range(LINES)],
    )
    return folder


def _buyer(number: int) -> str:
    return "" if number % 10 == 0 else f"c{number % CONTACTS}"


def _day(number: int) -> str:
    return f"2026-{number % 9 + 1:02d}-{number % 28 + 1:02d}T10:00:00.000Z"


def _file(path: Path, header: str, rows: list[str]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *(row.split(",") for row in rows)])
