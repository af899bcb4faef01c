"""The lamp shop's own history: what is used up comes back on its day, what was given back after its cool-off."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from math import floor
from pathlib import Path
from typing import Any

import ibis
import pytest
from ibis.backends.duckdb import Backend
from test_merge_random import by, rows
from world_tables import world

from connector.decide.families import families
from connector.decide.suppression.rhythm import rhythms
from connector.decide.suppression.standing import due, standings, suppressed
from connector.merge import identify, merge
from connector.policies import Policy
from connector.sandbox.lamp_shop import write_world

END = datetime(2026, 9, 30, 18, tzinfo=UTC)
POLICY = Policy()
INSTANT = timedelta(microseconds=1)


class Lamps:
    """The shop, merged once, with what its history says."""

    def __init__(self, folder: Path) -> None:
        write_world(folder)
        self.engine: Backend = ibis.duckdb.connect()
        self.engine.raw_sql("SET TimeZone = 'UTC'")
        self.kept = 0
        seen = world(folder, self.engine)
        self.merged = merge(seen, self.keep(identify(seen).person), END, self.keep)
        self.rhythm = self.keep(rhythms(self.merged.lines, self.keep(families(self.merged, POLICY)), END))
        catalogue, policy = self.merged.catalogue, POLICY.suppression
        self.standing = self.keep(standings(self.merged.holding, catalogue, self.rhythm, policy))

    def keep(self, table: Any) -> Any:
        self.kept += 1
        return self.engine.create_table(f"kept_{self.kept}", table, temp=True)

    def pairs(self, table: Any) -> set[tuple[str, str]]:
        return set(by(rows(table.select("person_id", "family")), "person_id", "family"))


@pytest.fixture(scope="module")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> Lamps:
    """The built-in world at its end."""
    return Lamps(tmp_path_factory.mktemp("lamps"))


def test_bulbs_are_used_up_and_lamps_last(lamps: Lamps) -> None:
    """Exactly what the world replenishes is found out, with about 0.7 of its 48 days between purchases."""
    kinds, days = defaultdict(set), []
    for row in rows(lamps.rhythm):
        kinds[row["family"][:3]].add(row["kind"])
        days += [row["days"]] if row["days"] else []
    assert {line for line, found in kinds.items() if "replenishable" in found} == {"BUL", "CAR"}
    assert kinds["BUL"] == {"replenishable"} and kinds["PEN"] == {"durable"}
    assert sum(days) / len(days) == pytest.approx(0.7 * 48, abs=4)


def test_what_is_used_up_comes_back_on_its_day(lamps: Lamps) -> None:
    """Each bulb stays out until its own day, worked out from the orders by hand, and is due from that very moment."""
    learned = {row["family"]: row for row in rows(lamps.rhythm)}
    sold: dict[tuple[str, str], Counter[datetime]] = defaultdict(Counter)
    left: Counter[tuple[str, str]] = Counter()
    for line in rows(lamps.merged.lines):
        pair = line["person_id"], line["family"]
        left[pair] += int(line["quantity"])
        if line["quantity"] > 0 and learned[line["family"]]["kind"] == "replenishable":
            sold[pair][line["ordered_at"]] += int(line["quantity"])
    day_of = {}
    for pair, bought in sold.items():
        if left[pair] > 0:
            last, one = max(bought), learned[pair[1]]
            times = min(max(min(bought[last], left[pair]) / one["usual"], 1.0), 3.0)
            day_of[pair] = last + timedelta(seconds=floor(one["days"] * 86_400 * times + 0.5))
    assert len(day_of) > 500
    for probe in sorted(day_of.values())[:: len(day_of) // 5]:
        expected = {pair for pair, day in day_of.items() if day <= probe}
        assert lamps.pairs(due(lamps.standing, probe)) == expected
        just_now = {pair for pair, day in day_of.items() if day == probe}
        assert just_now <= lamps.pairs(suppressed(lamps.standing, probe - INSTANT))
        assert not just_now & lamps.pairs(suppressed(lamps.standing, probe))


def test_what_was_given_back_comes_back_after_the_cool_off(lamps: Lamps) -> None:
    """Whole returns keep their family out for thirty days, not an instant longer, and nothing else does."""
    back = [row for row in rows(lamps.standing) if row["state"] == "returned"]
    assert len(back) > 10
    for row in back:
        pair, end = {(row["person_id"], row["family"])}, row["last_return_at"] + timedelta(days=30)
        assert (row["until"], row["net_quantity"]) == (end, 0)
        if row is back[0]:
            assert pair <= lamps.pairs(suppressed(lamps.standing, end - INSTANT))
            assert not pair & lamps.pairs(suppressed(lamps.standing, end))
