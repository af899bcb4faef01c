"""Persons vanish from the warehouse for good, and nobody else does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from small_seen import contact, event, line, link, order, seen

from connector.schema import DERIVED, FIGURES
from connector.store.erasures import digest
from connector.warehouse.forgetting import forget, persons
from connector.warehouse.tables import Warehouse

SALT = "salt"
ANN = [("contact", "crm:1"), ("email", "ann@example.com"), ("anonymous_id", "cookie-of-ann")]
GONE = {digest(SALT, *one) for one in ANN}
WHO = "email:ann@example.com"
"""What Ann was called before she was a contact; her person was decided under either name."""


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Ann and Bob share nothing but a shop; Ann was decided twice, and bounds a rank."""
    opened = Warehouse(tmp_path / "warehouse")
    tables = seen(
        contact=[contact("crm:1", email="ann@example.com"), contact("crm:2", email="bob@example.com")],
        order_header=[order("A", "crm:1", "2026-01-01", "crm"), order("B", "crm:2", "2026-01-01", "crm")],
        order_line=[line("A", "X", crm="crm", contact_key="crm:1"), line("B", "X", crm="crm", contact_key="crm:2")],
        interaction=[
            event("1", "view", "anonymous_id:cookie-of-ann", "X", "2026-01-01"),
            event("2", "view", "email: Ann@Example.com", "X", "2026-01-01"),
            event("3", "view", "user_id:ann@example.com", "X", "2026-01-01"),
        ],
        identity_link=[link("anonymous_id:other", "email:ann@example.com"), link("anonymous_id:other", "user_id:bob")],
    )
    for run in (1, 2):
        for name, rows in vars(tables).items():
            opened.append(name, rows.to_pyarrow(), run)
    identified = [
        ("email:aa", "email", "aa@x.test"),
        ("crm:2", "contact", "crm:2"),
        ("crm:2", "email", "bob@example.com"),
    ]
    mine = [(name, kind, value) for name in (WHO, "crm:1") for kind, value in ANN]
    rows = [dict(zip(("person_id", "identifier_type", "identifier"), one, strict=True)) for one in [*identified, *mine]]
    write(opened, "person", rows)
    people = [{"person_id": name} for name in ("email:aa", "crm:2", WHO, "crm:1")]
    for name in ("trait", "decided"):
        write(opened, name, people)
    write(
        opened, "cutpoint", [{"figure": "spend", "rank": 1, "tie": WHO}, {"figure": "spend", "rank": 2, "tie": "crm:2"}]
    )
    yield opened
    opened.close()


def write(opened: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    wanted = {**DERIVED, **FIGURES}[table]
    columns = wanted.remove(wanted.get_field_index("run"))
    opened.write(table, ibis.memtable(pa.Table.from_pylist(rows, columns)), 1)
    opened.release()


def column(opened: Warehouse, table: str, name: str) -> set[Any]:
    return set(opened.versions(table)[name].to_pyarrow().to_pylist())


def test_one_person_vanishes_and_the_others_stay(warehouse: Warehouse) -> None:
    """Rows, files and log entries alike; orders stay nobody's; a rank she bounded is bounded by whoever came before."""
    assert persons(warehouse, SALT, GONE) == ["crm:1", WHO]
    assert forget(warehouse, SALT, GONE, persons(warehouse, SALT, GONE)) > 0
    assert column(warehouse, "contact", "key") == {"crm:2"}
    assert column(warehouse, "order_header", "contact_key") == {None, "crm:2"}
    assert column(warehouse, "order_line", "contact_key") == {None, "crm:2"}
    assert column(warehouse, "interaction", "key") == {"3"}
    assert column(warehouse, "identity_link", "b_value") == {"bob"}
    for table in ("person", "trait", "decided"):
        assert column(warehouse, table, "person_id") == {"crm:2", "email:aa"}
    assert column(warehouse, "cutpoint", "tie") == {"email:aa", "crm:2"}
    texts = [path.read_bytes() for path in warehouse.root.rglob("*") if path.is_file()]
    assert not any(b"cookie-of-ann" in text for text in texts)
    named = [path for path in warehouse.root.rglob("*") if path.is_file() and b"ann@example.com" in path.read_bytes()]
    assert {path.relative_to(warehouse.root).parts[0] for path in named} == {"interaction"}  # somebody else's user id
    assert forget(warehouse, SALT, GONE, persons(warehouse, SALT, GONE)) == 0
