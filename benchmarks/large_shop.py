"""A large shop, generated, the same every time: contacts, a catalogue, orders, devices and what was touched."""

from collections.abc import Mapping

from connector.schema import SEEN
from connector.warehouse.tables import Warehouse

PERSONS, DEVICES, PRODUCTS, FAMILIES = 400_000, 1_000_000, 50_000, 20_000
ORDERS, LINES, INTERACTIONS = 800_000, 2_000_000, 10_000_000
BEGIN, DAYS = "2025-11-01", 365
"""The history: from this day on, so many days."""
PIECE = 1_000_000
"""Rows a write."""

MOMENT = f"(TIMESTAMPTZ '{BEGIN} 00:00:00Z' + to_seconds((chance(n, 'at') * {DAYS} * 86400)::BIGINT))"
"""Some time in the history, by the row's number."""
FAVOURED = "(chance(n, 'item') ^ 3 * {products})::BIGINT"
"""A product's number: a few are liked by many."""

Shop = Mapping[str, tuple[int, str]]
"""Table -> how many rows, and what stands in the row of number `n`."""
SHOP: Shop = {
    "contact": (
        PERSONS,
        """'crm:' || n AS key, TIMESTAMPTZ '2025-11-01' AS version, 'crm' AS crm, n::VARCHAR AS crm_id,
        'person' || n || '@example.com' AS email, ['GB', 'DE', 'FR'][1 + n % 3] AS country,
        TIMESTAMPTZ '2024-01-01' + to_minutes(n) AS created_at, version AS updated_at,
        chance(n, 'mail') < 0.2 AS email_opt_out, chance(n, 'ads') < 0.6 AS ads_consent""",
    ),
    "product": (
        PRODUCTS,
        f"""'feed:P' || n AS key, TIMESTAMPTZ '2025-11-01' AS version, 'feed' AS source, 'P' || n AS product_id,
        'G' || n % {FAMILIES} AS item_group_id, 'Product ' || n AS title,
        'Home > Type ' || n % 40 AS product_type, (5 + n % 200)::DECIMAL(18, 4) AS price, 'EUR' AS currency,
        CASE WHEN n % 20 = 0 THEN 'out_of_stock' ELSE 'in_stock' END AS availability, FALSE AS sensitive""",
    ),
    "order_header": (
        ORDERS,
        f"""'crm:O' || n AS key, {MOMENT} AS version, 'O' || n AS order_id,
        'crm:' || (chance(n, 'who') ^ 2 * {PERSONS})::BIGINT AS contact_key, version AS ordered_at,
        CASE WHEN chance(n, 'state') < 0.03 THEN 'cancelled' ELSE 'fulfilled' END AS status, 'EUR' AS currency""",
    ),
    "order_line": (
        LINES,
        f"""'crm:L' || n AS key, TIMESTAMPTZ '2025-11-01' AS version, 'crm:O' || n % {ORDERS} AS order_key,
        'P' || {FAVOURED.format(products=PRODUCTS)} AS product_id,
        (CASE WHEN chance(n, 'back') < 0.04 THEN -1 ELSE 1 END)::DECIMAL(18, 4) AS quantity,
        19.9::DECIMAL(18, 4) AS unit_price""",
    ),
    "identity_link": (
        DEVICES * 6 // 10,
        f"""'anonymous_id:d' || n || '|email:person' || n % {PERSONS} || '@example.com' AS key,
        TIMESTAMPTZ '2025-11-01' AS version, 'anonymous_id' AS a_type, 'd' || n AS a_value, 'email' AS b_type,
        'person' || n % {PERSONS} || '@example.com' AS b_value, 'site' AS source, version AS first_seen,
        version AS last_seen""",
    ),
    "interaction": (
        INTERACTIONS,
        f"""'e' || n AS key, {MOMENT} AS version, 'site' AS source,
        ['impression', 'impression', 'impression', 'view', 'view', 'click', 'cart'][1 + n % 7] AS kind,
        'anonymous_id' AS identifier_type, 'd' || (chance(n, 'who') ^ 2 * {DEVICES})::BIGINT AS identifier,
        'P' || {FAVOURED.format(products=PRODUCTS)} AS product_id, version AS occurred_at, version AS received_at,
        'c' || n % 10 AS campaign, 0.002::DECIMAL(18, 4) AS cost""",
    ),
}

CHANCE = "CREATE OR REPLACE MACRO chance(n, what) AS hash(what || n) / 18446744073709551616.0"
"""From 0 to 1, by number and word."""


def fill(warehouse: Warehouse, table: str, first: int, last: int, run: int, shop: Shop = SHOP) -> None:
    """Append the rows of some numbers, as one run saw them."""
    connection = warehouse.engine.con
    connection.execute(CHANCE)
    connection.register("no_rows", SEEN[table].empty_table())
    names = ", ".join(SEEN[table].names)
    for start in range(first, last, PIECE):
        rows = f"SELECT {shop[table][1]} FROM range({start}, {min(start + PIECE, last)}) numbers(n)"  # noqa: S608
        whole = connection.sql(f"SELECT {names} FROM (FROM no_rows UNION ALL BY NAME {rows})")  # noqa: S608
        warehouse.append(table, whole.to_arrow_table(), run)


def furnish(warehouse: Warehouse) -> None:
    """The whole shop, as the first run saw it."""
    for table, (count, _) in SHOP.items():
        fill(warehouse, table, 0, count, 1)
