"""What a marketer reads on a contact: the lines of suppressed items, and nothing where there is nothing to say."""

from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
from small_seen import on

from connector.decide.trait.profile import NAMES, SHOWN_FAMILIES, TITLE_LENGTH, profile, says_something
from connector.schema import DERIVED

NOW = on("2026-10-01")


def profiled(*suppressed: dict[str, Any], **trait: Any) -> dict[str, Any]:
    """The texts on one person with these suppressions."""
    plain: dict[str, Any] = {"person_id": "p", "since": NOW, "until": NOW + timedelta(days=365)}
    rows = {
        "trait": [{"person_id": "p", **trait}, {"person_id": "other"}],
        "recommendation": [],
        "suppression": [{**plain, **one} for one in suppressed],
    }
    tables = [ibis.memtable(pa.Table.from_pylist(found, DERIVED[name])) for name, found in rows.items()]
    found = {row.pop("person_id"): row for row in profile(*tables).to_pyarrow().to_pylist()}
    assert set(found) == {"p", "other"}
    assert not any(found["other"].values())
    return dict(found["p"])


def lines(*suppressed: dict[str, Any]) -> list[str]:
    text: str = profiled(*suppressed)["suppressed_families"]
    return text.split("\n")


def bought(day: int, family: str, title: str | None) -> dict[str, Any]:
    since: datetime = NOW + timedelta(days=day)
    return {"family": family, "title": title, "since": since, "until": since + timedelta(days=365)}


def test_suppressed_items_are_told_newest_first() -> None:
    """A line each: title, item, last day; equally new ones by item."""
    found = lines(bought(0, "LAMP", "Lamp"), bought(3, "RUG", "Rug"), bought(0, "CHAIR", "Chair"))
    assert found == ["Rug | RUG | 2027-10-04", "Chair | CHAIR | 2027-10-01", "Lamp | LAMP | 2027-10-01"]


def test_sensitive_items_are_not_told() -> None:
    """Neither their name nor that there are any."""
    assert lines(bought(1, "PILLS", None), bought(0, "LAMP", "Lamp")) == ["Lamp | LAMP | 2027-10-01"]
    assert profiled(bought(1, "PILLS", None))["suppressed_families"] is None


def test_a_title_cannot_break_a_line() -> None:
    """Line ends and bars in a title become blanks, and a novel is cut."""
    (found,) = lines(bought(0, "A|1", "Lamp |\n brass\t" + "x" * 500))
    title, family, until = found.split(" | ")
    assert (family, until) == ("A 1", "2027-10-01")
    assert len(title) <= TITLE_LENGTH
    assert title.startswith("Lamp    brass")


def test_only_the_newest_are_told() -> None:
    """A wholesaler's thousand items would be no reading matter."""
    found = lines(*[bought(day, f"F{day}", f"Item {day}") for day in range(SHOWN_FAMILIES + 5)])
    assert [line.partition(" | ")[0] for line in found] == [f"Item {day}" for day in range(24, 4, -1)]


def test_nobody_is_written_about_without_reason() -> None:
    """Persons of whom nothing is to be said are left out; one text is enough."""
    trait = pa.Table.from_pylist([{"person_id": "p", "rfm_cell": "new"}, {"person_id": "q"}], DERIVED["trait"])
    empty = [ibis.memtable(DERIVED[name].empty_table()) for name in ("recommendation", "suppression")]
    rows = says_something(profile(ibis.memtable(trait), *empty)).to_pyarrow().to_pylist()
    assert [row["person_id"] for row in rows] == ["p"]
    assert set(rows[0]) == {"person_id", *NAMES}
