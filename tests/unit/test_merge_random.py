"""Merge against slow references on random shops with ties, gaps, duplicates and rows in any order."""

from collections.abc import Iterable
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
import reference_merge as reference
from random_shop import T0, Row, random_shops

from connector.merge import Merged, Seen, identify, merge
from connector.merge.part import concerning

AS_OF = T0 + timedelta(days=20)


def rows(table: ir.Table) -> list[Row]:
    found: list[Row] = table.to_pyarrow().to_pylist()
    return found


def by(found: Iterable[Row], *names: str) -> dict[tuple[str, ...], Row]:
    """Rows by their key columns, which must be unique."""
    result: dict[tuple[str, ...], Row] = {}
    for row in found:
        key = tuple(row[name] for name in names)
        assert key not in result
        result[key] = {name: value for name, value in row.items() if name not in names}
    return result


SHOP = random_shops(range(500))


@pytest.fixture(scope="module")
def merged() -> Merged:
    """All shops, their rows in another order than the reference reads them in."""
    seen = SHOP.shuffled(1).seen()
    return merge(seen, identify(seen).person.cache(), AS_OF, ir.Table.cache)


def test_persons_are_those_of_the_rules() -> None:
    """Every identifier belongs to the person that the three rules name, shared ones to nobody, in any order of rows."""
    person, shared = reference.persons(SHOP)
    found = identify(SHOP.shuffled(2).seen())
    named = by(rows(found.person), "identifier_type", "identifier")
    assert {key: row["person_id"] for key, row in named.items()} == person
    assert set(by(rows(found.shared), "identifier_type", "identifier")) == shared


def test_holdings_are_plain_sums(merged: Merged) -> None:
    """Quantities, times and the newest line equal a row-by-row sum; ties go by key."""
    assert by(rows(merged.holding), "person_id", "family") == reference.holdings(SHOP, AS_OF)


def test_touches_are_plain_counts(merged: Merged) -> None:
    """Counts, last times and the newest product equal a row-by-row count; what was refused is not used."""
    assert by(rows(merged.touch), "person_id", "family") == reference.touches(SHOP, AS_OF)


def test_catalogue_takes_each_field_from_the_best_row(merged: Merged) -> None:
    """One row a product: rows in force before deleted ones, the feed before a CRM, the newest first."""
    found = by(rows(merged.catalogue.drop("brand")), "product_id")
    assert {key: row for (key,), row in found.items()} == {
        key: {name: value for name, value in row.items() if name != "product_id"}
        for key, row in reference.catalogue(SHOP).items()
    }


def test_lines_carry_their_head(merged: Merged) -> None:
    """Each line has its order's contact, time and state, its product and family; guests and drafts are left out."""
    expected = [line for line in reference.lines(SHOP, AS_OF) if line["person_id"]]
    found = rows(merged.lines)
    assert by(found, "key") == by([{name: line[name] for name in found[0]} for line in expected], "key")


def versions(seen: Seen) -> Seen:
    """The same as the first run of a home would have kept it."""
    return Seen(**{name: table.mutate(run=ibis.literal(1, type="int64")) for name, table in vars(seen).items()})


def test_a_part_of_the_persons_gets_its_part(merged: Merged) -> None:
    """Merging some persons, from the rows that concern them, gives exactly their rows of merging all."""
    seen, full = SHOP.seen(), merged
    names = sorted({row["person_id"] for row in rows(full.person)})[::3]
    chosen = ibis.memtable(pa.table({"person_id": names}))
    some = full.person.semi_join(chosen, "person_id").cache()
    theirs = concerning(seen, versions(seen), some, ir.Table.cache)
    assert 0 < len(rows(theirs.order_line)) < len(rows(seen.order_line))
    part = merge(theirs, some, AS_OF, ir.Table.cache)
    for table in ("holding", "touch", "lines", "contact"):
        expected = rows(getattr(full, table).semi_join(chosen, "person_id"))
        assert expected
        assert sorted(map(repr, rows(getattr(part, table)))) == sorted(map(repr, expected)), table
