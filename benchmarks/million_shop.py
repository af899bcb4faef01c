"""A million buyers, generated, the same every time: what they bought, what is new, and who is wanted where."""

import hashlib
from collections import defaultdict
from datetime import UTC, datetime

from benchmarks.large_shop import Shop, fill
from connector.home import Home
from connector.store import runs

FAMILIES, NEWS = 10, 1_000
"""Products, each a family; and one person of so many has news: half of these withdraw, half buy something else."""
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
LATELY = "Bought anything in 14 days"


def bought(people: int) -> Shop:
    """Table -> how many rows, and what stands in row `n`: everybody has granted ads and bought one thing."""
    before = "TIMESTAMPTZ '2026-11-01 00:00:00Z' - to_days((20 + n % 60)::INTEGER)"
    return {
        "contact": (
            people,
            """'crm:' || n AS key, TIMESTAMPTZ '2026-01-01' AS version, 'crm' AS crm, n::VARCHAR AS crm_id,
            'person' || n || '@example.com' AS email, 'GB' AS country, version AS created_at, version AS updated_at,
            TRUE AS ads_consent""",
        ),
        "product": (
            FAMILIES,
            """'feed:P' || n AS key, TIMESTAMPTZ '2026-01-01' AS version, 'feed' AS source, 'P' || n AS product_id,
            'Product ' || n AS title, 'Home > Type ' || n AS product_type, 20::DECIMAL(18, 4) AS price,
            'EUR' AS currency, 'in_stock' AS availability, FALSE AS sensitive""",
        ),
        "order_header": (
            people,
            f"""'crm:O' || n AS key, {before} AS version, 'O' || n AS order_id, 'crm:' || n AS contact_key,
            version AS ordered_at, 'fulfilled' AS status, 'EUR' AS currency""",
        ),
        "order_line": (
            people,
            f"""'crm:L' || n AS key, TIMESTAMPTZ '2026-01-01' AS version, 'crm:O' || n AS order_key,
            'P' || n % {FAMILIES} AS product_id, 1::DECIMAL(18, 4) AS quantity, 20::DECIMAL(18, 4) AS unit_price""",
        ),
    }


def changed(people: int, at: str) -> Shop:
    """The same of the news: of each 2,000 people the first withdraws, and the second buys the next product."""
    count = people // NEWS // 2
    who = f"(n * {2 * NEWS})"
    return {
        "contact": (
            count,
            f"""'crm:' || {who} AS key, TIMESTAMPTZ '{at}' AS version, 'crm' AS crm, {who}::VARCHAR AS crm_id,
            'person' || {who} || '@example.com' AS email, 'GB' AS country, TIMESTAMPTZ '2026-01-01' AS created_at,
            version AS updated_at, FALSE AS ads_consent""",
        ),
        "order_header": (
            count,
            f"""'crm:N' || n AS key, TIMESTAMPTZ '{at}' AS version, 'N' || n AS order_id,
            'crm:' || ({who} + 1) AS contact_key, version AS ordered_at, 'fulfilled' AS status, 'EUR' AS currency""",
        ),
        "order_line": (
            count,
            f"""'crm:M' || n AS key, TIMESTAMPTZ '{at}' AS version, 'crm:N' || n AS order_key,
            'P' || ({who} + 2) % {FAMILIES} AS product_id, 1::DECIMAL(18, 4) AS quantity,
            20::DECIMAL(18, 4) AS unit_price""",
        ),
    }


def furnish(home: Home, shop: Shop, at: datetime) -> None:
    """Rows in the warehouse, as if a run had pulled them."""
    number = runs.start(home.store, at)
    for table, (count, _) in shop.items():
        fill(home.warehouse, table, 0, count, number, shop)
    runs.finish(home.store, number, "done", {}, "")


def wanted(people: int, *, news: bool) -> dict[str, set[str]]:
    """Label of an audience -> the SHA-256, in hexadecimal, of the addresses that are to be in it."""
    found: dict[str, set[str]] = defaultdict(set)
    for number in range(people):
        digest = hashlib.sha256(f"person{number}@example.com".encode()).hexdigest()
        turn = number % (2 * NEWS) if news and number < people // NEWS // 2 * 2 * NEWS else -1
        if turn != 0:
            found[f"Bought: Product {number % FAMILIES}"].add(digest)
        if turn == 1:
            found[f"Bought: Product {(number + 1) % FAMILIES}"].add(digest)
            found[LATELY].add(digest)
    return dict(found)
