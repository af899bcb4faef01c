"""Steps that are worked out once: repeated over other rows they give what working them out anew gives."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from connector.relations import Keep, ago, through
from connector.warehouse.tables import Warehouse

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
Work = Callable[[Mapping[str, ir.Table], Keep], Mapping[str, ir.Table]]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse(tmp_path / "warehouse")
    yield opened
    opened.close()


class Counted:
    """Work that tells how often it was worked out."""

    def __init__(self, work: Work) -> None:
        self.work, self.times = work, 0

    def __call__(self, table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
        self.times += 1
        return self.work(table, keep)


def rows(*amounts: int) -> ir.Table:
    return ibis.memtable(pa.table({"amount": pa.array(amounts, pa.int64())}))


def amounts(warehouse: Warehouse, name: str, work: Work, given: ir.Table) -> list[int]:
    """What the steps make of some rows, in order."""
    found = warehouse.prepared(name, "these rules", {"given": given}, work)["made"]
    return sorted(found.to_pyarrow()["amount"].to_pylist())


def test_steps_are_worked_out_once_and_repeated_over_other_rows(warehouse: Warehouse) -> None:
    """Kept tables, data that stands in the steps, and what Python makes on the way follow the rows of the day."""

    def work(table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
        more = keep(table["given"].union(rows(100)))
        doubled = through(keep, lambda found: pa.table({"amount": pc.multiply(found["amount"], 2)}), more)
        return {"made": doubled.filter(doubled.amount > 2)}

    counted = Counted(work)
    assert amounts(warehouse, "doubling", counted, rows(1, 2)) == [4, 200]
    assert amounts(warehouse, "doubling", counted, rows(5)) == [10, 200]
    warehouse.release()
    assert amounts(warehouse, "doubling", counted, rows(7)) == [14, 200]
    assert counted.times == 1


def test_another_home_repeats_the_same_steps(warehouse: Warehouse, tmp_path: Path) -> None:
    """What one home worked out serves every home of the process, with its own rows."""

    def work(table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
        return {"made": keep(table["given"].union(rows(3)))}

    counted = Counted(work)
    assert amounts(warehouse, "shared", counted, rows(1)) == [1, 3]
    other = Warehouse(tmp_path / "other")
    assert amounts(other, "shared", counted, rows(8)) == [3, 8]
    other.close()
    assert counted.times == 1


def test_another_answer_makes_other_steps(warehouse: Warehouse) -> None:
    """Where Python looks at the rows, steps are repeated only as long as it would be told the same."""

    def work(table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
        given = keep(table["given"])
        top = given.amount.max().to_pyarrow().as_py()
        return {"made": given.filter(given.amount == top).mutate(amount=given.amount + ibis.literal(top))}

    counted = Counted(work)
    assert amounts(warehouse, "looking", counted, rows(1, 5)) == [10]
    assert amounts(warehouse, "looking", counted, rows(2, 3, 5)) == [10]
    assert counted.times == 1
    assert amounts(warehouse, "looking", counted, rows(2, 7)) == [14]
    assert amounts(warehouse, "looking", counted, rows(4, 5)) == [10]
    assert counted.times == 2


def test_moments_and_numbers_are_those_of_the_day(warehouse: Warehouse) -> None:
    """The same steps at another time compare with that time."""
    times = pa.array([NOON + timedelta(hours=each) for each in range(4)], pa.timestamp("us", tz="UTC"))
    given = ibis.memtable(pa.table({"amount": pa.array(range(4), pa.int64()), "moment": times}))

    def seen(moment: datetime, most: int) -> list[int]:
        as_of, number = warehouse.moment("as_of", moment), warehouse.number("most", most)

        def work(table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
            known = table["given"].filter(table["given"].moment > ago(as_of, timedelta(hours=36)))
            return {"made": known.filter(known.amount <= number).select("amount")}

        return amounts(warehouse, "timely", work, given)

    assert seen(NOON + timedelta(hours=36), 9) == [1, 2, 3]
    assert seen(NOON + timedelta(hours=37), 2) == [2]
    with pytest.raises(ValueError, match="naive time"):
        warehouse.moment("as_of", NOON.replace(tzinfo=None))


def test_other_rules_and_other_columns_are_other_steps(warehouse: Warehouse) -> None:
    """Steps serve the rules and the columns they were worked out for."""
    counted = Counted(lambda table, keep: {"made": table["given"]})
    for about, given in (("one", rows(1)), ("other", rows(1)), ("one", rows(1).mutate(more=1)), ("one", rows(2))):
        warehouse.prepared("choosy", about, {"given": given}, counted)
    assert counted.times == 3


def test_what_is_computed_late_sees_the_rows_of_the_day(warehouse: Warehouse) -> None:
    """A lazy result is a view; letting go of it lets go of everything under its name, and of nothing else."""

    def work(table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
        return {"made": table["given"].mutate(amount=table["given"].amount + 1), "kept": table["given"]}

    made = warehouse.prepared("late", "", {"given": rows(1)}, work, lazy=("made",))
    assert made["made"].to_pyarrow()["amount"].to_pylist() == [2]
    stays = warehouse.engine.create_table("prepared", rows(9), temp=True)
    warehouse.release()
    assert [name for name in warehouse.engine.list_tables() if name.startswith("prepared_late")] == []
    assert stays.to_pyarrow()["amount"].to_pylist() == [9]


def test_other_steps_may_be_more_of_them(warehouse: Warehouse) -> None:
    """A late result after an answer that makes more steps, or fewer, is still read."""

    def work(table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
        given = keep(table["given"])
        if given.amount.max().to_pyarrow().as_py() > 5:
            given = keep(given.mutate(amount=given.amount * 10))
        return {"made": given.mutate(amount=given.amount + 1)}

    for number, made in ((1, 2), (6, 61), (2, 3), (7, 71)):
        found = warehouse.prepared("varying", "", {"given": rows(number)}, work, lazy=("made",))
        assert found["made"].to_pyarrow()["amount"].to_pylist() == [made]


def test_steps_within_steps_are_refused(warehouse: Warehouse) -> None:
    """With what to do instead; and the engine answers as before."""

    def work(table: Mapping[str, ir.Table], keep: Keep) -> Mapping[str, ir.Table]:
        return warehouse.prepared("inner", "", table, lambda inner, keep: {"made": inner["given"]})

    with pytest.raises(RuntimeError, match="prepare the inner ones first"):
        warehouse.prepared("outer", "", {"given": rows(1)}, work)
    assert amounts(warehouse, "after", lambda table, keep: {"made": table["given"]}, rows(4)) == [4]
