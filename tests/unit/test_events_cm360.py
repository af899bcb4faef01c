"""Campaign Manager 360: impressions and clicks kept, nobody's skipped, activities tie, one row one key."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from event_files import Pulled, pull, write

from connector.errors import SetupError
from connector.events import build

COLUMNS = (
    "Event Time",
    "User ID",
    "Campaign ID",
    "Ad ID",
    "Placement ID",
    "Event Type",
    "Event Sub-Type",
    "Impression ID",
    "Other Data",
)

SIGN_IN = """
  sign_in:
    table: identity_link
    fields:
      a_type: {default: anonymous_id}
      a_value: {from: User ID}
      b_type: {default: user_id}
      b_value: {from: u1}
      first_seen: {from: Event Time, transform: microseconds}
"""


def cm360(number: int = 1, **other: str) -> str:
    """A row; `other` replaces columns, named with underscores."""
    usual = {
        "Event Time": str(1_788_256_800_000_000 + number),
        "User ID": f"AMsySZ{number}",
        "Campaign ID": "31",
        "Ad ID": "4711",
        "Placement ID": "5",
        "Event Type": "VIEW",
        "Event Sub-Type": "VIEW",
        "Impression ID": f"imp{number}",
    }
    row = {**usual, **{name.replace("_", " "): value for name, value in other.items()}}
    return ",".join(row.get(column, "") for column in COLUMNS) + "\n"


def read(tmp_path: Path, *rows: str, home: Path | None = None) -> Pulled:
    data = ",".join(COLUMNS) + "\n" + "".join(rows)
    return pull(build("cm360", "cm", write(tmp_path / "impression.csv.gz", data.encode()), "", home))


def own_mapping(home: Path, extra: str = "") -> Path:
    """A home whose copy of the mapping says what an ad shows."""
    shipped = (Path(__file__).parents[2] / "mappings" / "cm360.yaml").read_text("utf-8")
    (home / "mappings").mkdir()
    (home / "mappings" / "cm360.yaml").write_text(shipped.replace('{"*": null}', '{"4711": PEN-01, "*": null}') + extra)
    return home


def test_an_impression(tmp_path: Path) -> None:
    """Every column but the key; as shipped, nobody knows what an ad shows."""
    (row,) = read(tmp_path, cm360()).rows("interaction")
    at = datetime(2026, 9, 1, 10, 0, 0, 1, tzinfo=UTC)
    assert row.pop("key").startswith("cm:")
    assert row == {
        "version": at,
        "source": "cm",
        "kind": "impression",
        "identifier_type": "anonymous_id",
        "identifier": "AMsySZ1",
        "product_id": None,
        "occurred_at": at,
        "received_at": None,
        "campaign": "31",
        "cost": None,
        "consent": None,
    }


def test_what_an_ad_shows(tmp_path: Path) -> None:
    """The home's mapping names the item of an ad; other ads show none."""
    pulled = read(tmp_path, cm360(), cm360(2, Ad_ID="4712"), home=own_mapping(tmp_path))
    assert [row["product_id"] for row in pulled.rows("interaction")] == ["PEN-01", None]


@pytest.mark.parametrize(
    "other", [{"User_ID": "0"}, {"User_ID": ""}, {"Event_Type": "CONVERSION"}, {"Event_Type": "", "Ad_ID": ""}]
)
def test_rows_of_nobody_and_conversions_are_skipped(tmp_path: Path, other: dict[str, str]) -> None:
    """A zeroed User ID is no fault of the row: it is counted as skipped, not as rejected."""
    assert read(tmp_path, cm360(2), cm360(1, **other)).books == (2, 1, 1, 0)


def test_one_row_one_key(tmp_path: Path) -> None:
    """The same row in another file is the same event; a click on an impression, or a later one, is another."""
    first = read(tmp_path, cm360())
    again = read(tmp_path, cm360(), cm360(1, Event_Type="CLICK"), cm360(1, Event_Time="1788256800000009"))
    assert first.keys()[0] == again.keys()[0] and len(set(again.keys())) == 3


def test_activities_tie(tmp_path: Path) -> None:
    """A Floodlight variable that holds the shop's customer number says whose a User ID is."""
    row = cm360(1, Event_Type="CONVERSION", Other_Data="u1=9001;u2=x;ord=7")
    pulled = read(tmp_path, row, cm360(2), home=own_mapping(tmp_path, SIGN_IN))
    assert pulled.keys("identity_link") == ["anonymous_id:AMsySZ1|user_id:9001"] and pulled.books == (2, 2, 0, 0)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"Event_Time": "2026-09-01T10:00:00Z"}, "occurred_at: not a number"),
        ({"Event_Time": "9" * 40}, "occurred_at: a time before the year 1 or after 9999"),
        ({"Event_Time": ""}, "occurred_at: is missing"),
    ],
)
def test_bad_rows(tmp_path: Path, other: dict[str, str], reason: str) -> None:
    """Kept aside with file, line and reason."""
    assert read(tmp_path, cm360(2), cm360(1, **other)).complaints == [("impression.csv.gz:3", reason)]


def test_a_file_that_is_another(tmp_path: Path) -> None:
    """A match table instead of an event file is refused, with the column that it lacks."""
    with pytest.raises(SetupError, match="has no column 'Event Time'"):
        pull(build("cm360", "cm", write(tmp_path / "ads.csv", b"Ad ID,Ad\n1,Lamp\n"), "", None))
