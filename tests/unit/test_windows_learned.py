"""What the shop's own history says of each family: by hand where it can be followed, at random against a reference."""

import random
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
import reference_suppression as reference
from random_lives import SCHEMA, START, ZONES, Lives
from random_shop import Row
from test_merge_random import by, rows

from connector.decide.suppression.rhythm import rhythms
from connector.merge.sales import counted

YEAR = START + timedelta(days=400)
FAMILIES = {"LAMP": "Lamps", "BULB": "Bulbs", "SET": "Lamps > Pendant", "RARE": "Bulbs", "NEW": "Rugs"}


def bought(family: str, person: str, days: list[float], quantity: int = 1, gift: bool = False) -> list[Row]:
    """One line a day."""
    return [
        {
            "key": f"{family}-{person}-{number}",
            "person_id": person,
            "family": family,
            "product_id": family,
            "quantity": quantity,
            "ordered_at": START + timedelta(days=at),
            "gift": gift,
        }
        for number, at in enumerate(days)
    ]


def learned(lines: list[Row], as_of: datetime = YEAR) -> dict[str, Row]:
    line = counted(ibis.memtable(pa.Table.from_pylist(lines, SCHEMA)))
    types = pa.table({"family": list(FAMILIES), "product_type": list(FAMILIES.values())})
    return {family: row for (family,), row in by(rows(rhythms(line, ibis.memtable(types), as_of)), "family").items()}


def shop() -> list[Row]:
    """Lamps once, bulbs again after 40 days or 80, sets in pieces within three weeks; one buyer of a rare bulb."""
    lines = [row for n in range(60) for row in bought("LAMP", f"a{n}", [n])]
    lines += [
        row for n in range(60) for row in bought("BULB", f"b{n}", [n, n + 40 + 40 * (n % 2)] if n < 50 else [n], 2)
    ]
    lines += [row for n in range(60) for row in bought("SET", f"c{n}", [n, n + 10, n + 21] if n < 30 else [n])]
    return lines + bought("RARE", "d", [5]) + bought("NEW", "e", [5])


def test_durable_used_up_and_in_pieces_are_told_apart() -> None:
    """Lamps stay out for long, bulbs for 0.7 of the median gap, sets for a short while; each says why."""
    found = learned(shop())
    told = {family: (row["kind"], row["days"]) for family, row in found.items()}
    assert told["LAMP"] == ("durable", None)
    assert told["BULB"] == ("replenishable", 37)
    assert told["SET"] == ("pieces", 7)
    assert (
        found["BULB"]["why"]
        == "50 of 60 buyers bought it again, 80% counted with its kind, half of them within 52 days; so 37 days"
    )
    assert (
        found["SET"]["why"]
        == "30 of 60 buyers bought more within 30 days and then no more, 47% counted with its kind; so 7 days"
    )
    assert found["LAMP"]["why"] == "0 of 60 buyers bought it again, 2% counted with its kind: out of ads for long"
    assert (found["BULB"]["usual"], found["LAMP"]["usual"]) == (2, 1)


def test_what_few_bought_is_judged_by_its_kind() -> None:
    """One buyer says nothing: a rare bulb counts as bulbs do, a first rug stays as plain as before."""
    found = learned(shop())
    assert (found["RARE"]["kind"], found["RARE"]["buyers"]) == ("replenishable", 1)
    assert found["RARE"]["share"] == pytest.approx((0 + 20 * (50 + 20 * 80 / 182) / (61 + 20)) / (1 + 20))
    assert (found["NEW"]["kind"], found["NEW"]["days"]) == ("plain", None)
    assert found["NEW"]["why"] == "fewer than 20 buyers of its kind: the plain window"


def test_a_short_history_teaches_nothing() -> None:
    """A shop that has sold for less than 90 days keeps the plain windows, and says so."""
    found = learned(shop(), START + timedelta(days=89))
    assert {row["kind"] for row in found.values()} == {"plain"}
    assert {row["why"] for row in found.values()} == {"less than 90 days of history: the plain window"}


def test_gifts_and_one_days_lines_are_no_repeat() -> None:
    """Bulbs given away, and several lines of one day, do not say that somebody used theirs up."""
    lines = [row for n in range(60) for row in bought("BULB", f"b{n}", [n, n + 0.1])]
    lines += [row for n in range(60) for row in bought("BULB", f"x{n}", [n + 50], gift=True)]
    found = learned(lines)["BULB"]
    assert (found["buyers"], found["again"], found["kind"], found["usual"]) == (60, 0, "durable", 2)


def test_nobody_bought_anything() -> None:
    """No rows, no error."""
    assert learned([]) == {}


class Lately(Lives):
    """Few people, and families that are bought once, again and again, or in pieces."""

    def moment(self, chance: random.Random, days: int) -> datetime:
        return (START + timedelta(days=chance.choice((1, 3, 29, 31, 60, days)))).astimezone(chance.choice(ZONES))


@pytest.mark.parametrize("seeds", [range(number, number + 50) for number in range(0, 500, 50)], ids=str)
def test_rhythms_equal_a_plain_count(seeds: range) -> None:
    """Counts, shrunk shares and gaps, kind and days of shops of many sizes equal counting buyer by buyer."""
    lives = Lately(seeds) if seeds.start % 100 else Lives(seeds)
    found = {row.pop("family"): row for row in _figures(lives)}
    wanted = reference.rhythms(lives.lines, lives.family_types, YEAR)
    assert found.keys() == wanted.keys()
    for family, row in found.items():
        assert row.pop("why")
        assert _rounded(row) == _rounded(wanted[family])


def _rounded(row: Row) -> Row:
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in row.items()}


def _figures(lives: Lives) -> list[dict[str, Any]]:
    return rows(rhythms(lives.line, lives.family, YEAR))
