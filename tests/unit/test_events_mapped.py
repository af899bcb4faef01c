"""Ad logs and product feeds: read through their mappings, in whatever shape of CSV they come."""

import csv
import gzip
import io
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from event_files import Pulled, pull, write
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import SetupError
from connector.events import build
from connector.ports import EventSource

AD_COLUMNS = "event_id,occurred_at,kind,key_type,key,product_id,campaign,cost"


def ad(number: int = 1, **other: str) -> dict[str, str]:
    """A row of an ad log."""
    usual = {
        "event_id": f"a{number}",
        "occurred_at": f"2026-09-01T10:00:{number:02}.000Z",
        "kind": "impression",
        "key_type": "anonymous_id",
        "key": f"anon-{number}",
        "product_id": f"P{number}",
        "campaign": "retargeting",
        "cost": "0.0040",
    }
    return {**usual, **other}


def text(rows: Sequence[dict[str, str]], delimiter: str = ",") -> str:
    """Rows as a CSV file with a header."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def ads(path: Path, data: str, home: Path | None = None) -> EventSource:
    return build("ad_log", "ads", write(path / "ads.csv", data.encode()), "", home)


def feed(path: Path, data: str) -> EventSource:
    return build("catalogue", "shop", write(path / "feed.csv", data.encode()), "", None)


def one(pulled: Pulled, table: str) -> dict[str, Any]:
    (row,) = pulled.rows(table)
    return row


def test_an_impression(tmp_path: Path) -> None:
    """Every column of an ad log's row; its key is the source's own."""
    assert one(pull(ads(tmp_path, text([ad()]))), "interaction") == {
        "key": "ads:a1",
        "version": datetime(2026, 9, 1, 10, 0, 1, tzinfo=UTC),
        "source": "ads",
        "kind": "impression",
        "identifier_type": "anonymous_id",
        "identifier": "anon-1",
        "product_id": "P1",
        "occurred_at": datetime(2026, 9, 1, 10, 0, 1, tzinfo=UTC),
        "received_at": None,
        "campaign": "retargeting",
        "cost": Decimal("0.0040"),
        "consent": None,
    }


@pytest.mark.parametrize(
    ("other", "column", "expected"),
    [
        ({"kind": "CLICK"}, "kind", "click"),
        ({"kind": "imp"}, "kind", "impression"),
        ({"key_type": ""}, "identifier_type", "anonymous_id"),
        ({"key_type": "cookie"}, "identifier_type", "anonymous_id"),
        ({"key_type": "email", "key": " Dana@Example.com"}, "identifier", "dana@example.com"),
        ({"occurred_at": "1756720800000"}, "occurred_at", datetime(2025, 9, 1, 10, 0, tzinfo=UTC)),
        ({"cost": ""}, "cost", None),
    ],
)
def test_values_are_translated(tmp_path: Path, other: dict[str, str], column: str, expected: Any) -> None:
    """Other words for the same thing, other cases, other ways to write a time."""
    assert one(pull(ads(tmp_path, text([ad(1, **other)]))), "interaction")[column] == expected


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"event_id": ""}, "key: is missing"),
        ({"occurred_at": "2026-09-01T10:00:00"}, "occurred_at: a time without its zone"),
        ({"kind": ""}, "kind: is missing"),
        ({"kind": "conversion"}, "kind: none of impression, click, view, cart, wish, checkout"),
        ({"key_type": "ip"}, "identifier_type: none of anonymous_id, user_id, email, phone"),
        ({"key": "null"}, "identifier: names nobody, or is not of its type"),
        ({"key_type": "email"}, "identifier: names nobody, or is not of its type"),
        ({"product_id": " "}, "product_id: is missing"),
        ({"cost": "free"}, "cost: not a number"),
    ],
)
def test_bad_rows_cost_only_themselves(tmp_path: Path, other: dict[str, str], reason: str) -> None:
    """Each is kept aside with its line, reason and columns; its neighbours are kept."""
    pulled = pull(ads(tmp_path, text([ad(2), ad(1, **other), ad(3)])))
    ((reference, found),) = pulled.complaints
    assert reference == "ads.csv:3" and found.startswith(reason) and pulled.books == (3, 2, 0, 1)
    assert pulled.rejected[0].row == ad(1, **other) and pulled.keys() == ["ads:a2", "ads:a3"]


def test_a_kind_translated_to_nothing_is_skipped(tmp_path: Path) -> None:
    """The admin's copy of the mapping may leave out kinds; an empty kind is still a bad row."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "ad_log.yaml").write_text(
        """streams:
  interaction:
    table: interaction
    fields:
      key: {from: id, required: true}
      occurred_at: {from: when, required: true}
      kind: {from: what, required: true, values: {viewable: null, shown: impression}}
      identifier_type: {default: user_id}
      identifier: {from: customer, required: true}
      product_id: {from: item, required: true}
"""
    )
    data = "id,when,what,customer,item\n" + "".join(
        f"{number},2026-09-01T00:00Z,{what},c{number},i\n" for number, what in enumerate(["shown", "viewable", ""])
    )
    pulled = pull(ads(tmp_path, data, tmp_path))
    assert pulled.books == (3, 1, 1, 1) and pulled.complaints == [("ads.csv:4", "kind: is missing")]
    assert one(pulled, "interaction")["identifier_type"] == "user_id"


@pytest.mark.parametrize("kind", ["ad_log", "catalogue"])
def test_a_missing_column_names_file_and_mapping(tmp_path: Path, kind: str) -> None:
    """A header without a column that is needed: the admin reads which, where, and which line of the mapping asks."""
    path = write(tmp_path / "other.csv", b"sku,name\n1,Lamp\n")
    with pytest.raises(SetupError) as caught:
        pull(build(kind, "it", path, "", None))
    assert str(path) in caught.value.message and f"mappings/{kind}.yaml, line " in caught.value.message
    assert "has no column" in caught.value.message and "sku" not in caught.value.message


def test_a_header_that_is_no_text(tmp_path: Path) -> None:
    """A file that does not begin with text is refused as a whole, with what to do."""
    with pytest.raises(SetupError, match="header line cannot be read: not UTF-8"):
        pull(build("ad_log", "ads", write(tmp_path / "ads.csv", b"\xff\xfeid\n"), "", None))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"ad_id,cost"])
def test_nothing_to_read_yet(tmp_path: Path, data: bytes) -> None:
    """A file that is empty, or holds no whole line yet, ends the pull without rows and without an exception."""
    assert pull(build("ad_log", "ads", write(tmp_path / "ads.csv", data), "", None)).keys() == []


@pytest.mark.parametrize("size", [4, 40])
def test_a_gzip_that_breaks_off_within_its_header(tmp_path: Path, size: int) -> None:
    """It is named, not taken for an empty file; copied again it is read whole."""
    whole = gzip.compress(text([ad(1)]).encode(), mtime=0)
    path = tmp_path / "ads.csv.gz"
    path.write_bytes(whole[:size])
    with pytest.raises(SetupError, match=r"ads\.csv\.gz breaks off within its header"):
        pull(build("ad_log", "ads", path, "", None))
    path.write_bytes(whole)
    assert pull(build("ad_log", "ads", path, "", None)).keys() == ["ads:a1"]


def test_wrong_number_of_columns(tmp_path: Path) -> None:
    """A row with fewer or more columns than the header is bad, by its line."""
    good = text([ad(1), ad(2)])
    pulled = pull(ads(tmp_path, good + "a3,2026-09-01T10:00:00Z,click\n" + good.splitlines()[1] + ",more\n"))
    assert pulled.books == (4, 2, 0, 2)
    assert pulled.complaints == [
        ("ads.csv:4", "3 columns where the header has 8"),
        ("ads.csv:5", "9 columns where the header has 8"),
    ]


def test_an_ad_log_that_grew_is_read_on(tmp_path: Path) -> None:
    """Only what was appended is read; a torn last row is rejected and read again."""
    whole = text([ad(number) for number in range(1, 6)])
    path = write(tmp_path / "ads.csv", whole[:-40].encode())
    first = pull(build("ad_log", "ads", path, "", None))
    assert first.keys() == [f"ads:a{number}" for number in range(1, 5)] and first.complaints[0][0] == "ads.csv:6"
    write(path, whole.encode())
    assert pull(build("ad_log", "ads", path, "", None), first.cursor).keys() == ["ads:a5"]


def test_cut_anywhere_nothing_is_lost(tmp_path: Path) -> None:
    """However much of a growing log is there at first, also with texts that span lines, two pulls give every row."""
    whole = text([ad(number, campaign=f'"new"\n{number}') for number in range(1, 5)]).encode()
    for cut in range(len(AD_COLUMNS), len(whole)):
        path = write(tmp_path / "ads.csv", whole[:cut])
        first = pull(build("ad_log", "ads", path, "", None))
        write(path, whole)
        rows = pull(build("ad_log", "ads", path, "", None), first.cursor).rows("interaction")
        last = {row["key"]: row["cost"] for row in [*first.rows("interaction"), *rows]}
        assert last == {f"ads:a{number}": Decimal("0.0040") for number in range(1, 5)}


def test_a_product(tmp_path: Path) -> None:
    """Every column of a feed's row; its version is when the file was written."""
    source = feed(
        tmp_path,
        "id,item_group_id,title,product_type,price,availability,brand,gtin,mpn,adult\n"
        'P1,G1,"Halo, brass",Lighting > Lamps,12.30 GBP,in stock,Halo,4006381333931,H-1,no\n',
    )
    written = datetime(2026, 9, 30, 12, tzinfo=UTC)
    os.utime(tmp_path / "feed.csv", (written.timestamp(), written.timestamp()))
    assert one(pull(source), "product") == {
        "key": "feed:P1",
        "version": written,
        "source": "feed",
        "product_id": "P1",
        "item_group_id": "G1",
        "title": "Halo, brass",
        "product_type": "Lighting > Lamps",
        "brand": "Halo",
        "gtin": "4006381333931",
        "mpn": "H-1",
        "price": Decimal("12.3000"),
        "currency": "GBP",
        "availability": "in_stock",
        "sensitive": False,
        "updated_at": written,
        "deleted_at": None,
    }


@pytest.mark.parametrize(
    "data",
    [
        "\ufeffid,title,google_product_category\nP1,Lamp,594\n",
        "id\ttitle\tgoogle product category\r\nP1\tLamp\t594\r\n",
        '"g:id","g:title","g:google_product_category"\n"P1","Lamp","594"\n',
        "ID,Title,Google Product Category\nP1,Lamp,594\n",
    ],
    ids=["byte order mark", "tabs and CRLF", "g: and quotes", "capitals"],
)
def test_shapes_of_a_feed(tmp_path: Path, data: str) -> None:
    """Feeds come with commas or tabs, prefixes, quotes, capitals and byte order marks."""
    row = one(pull(feed(tmp_path, data)), "product")
    assert (row["product_id"], row["title"], row["product_type"]) == ("P1", "Lamp", "594")


def test_a_products_own_time_of_change_counts(tmp_path: Path) -> None:
    """Where the feed has one it is the version; an unusable one, like an unusable price, is left out."""
    data = "id,updated_at,price\nP1,2026-01-02T03:04:05Z,1.00 EUR\nP2,lately,on request\n"
    first, second = pull(feed(tmp_path, data)).rows("product")
    assert first["version"] == first["updated_at"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) < second["version"]
    assert (first["currency"], second["price"]) == ("EUR", None)


def test_a_changed_feed_is_read_whole(tmp_path: Path) -> None:
    """A feed is replaced, not appended to: any change and every row counts again; the newer version wins."""
    first = pull(feed(tmp_path, "id,title\nP1,Lamp\n"))
    second = pull(feed(tmp_path, "id,title\nP1,Lamp\nP2,Shade\n"), first.cursor)
    assert second.keys("product") == ["feed:P1", "feed:P2"]
    assert second.rows("product")[0]["version"] > first.rows("product")[0]["version"]


def test_texts_that_span_lines(tmp_path: Path) -> None:
    """A quoted text may hold line breaks, delimiters and quotes; the lines after it keep their numbers."""
    data = 'id,title,price\nP1,"A ""large"" lamp,\n\nwith a shade",1 EUR\nP2,Lamp,1 EUR,?\n'
    pulled = pull(feed(tmp_path, data))
    assert one(pulled, "product")["title"] == 'A "large" lamp,\nwith a shade'
    assert pulled.complaints == [("feed.csv:5", "4 columns where the header has 3")]


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path: Path) -> None:
    """The rest of the file is not swallowed, however long it is; inch marks in plain text are no quotes."""
    lines = [f'P{number},12" lamp,1 EUR' for number in range(1, 501)]
    lines[3] = 'P4,"never closed,1 EUR'
    pulled = pull(feed(tmp_path, "\n".join(["id,title,price", *lines, ""])))
    assert pulled.complaints == [("feed.csv:5", "not CSV: ',' expected after '\"'")]
    assert len(pulled.keys("product")) == 499 and pulled.rows("product")[0]["title"] == '12" lamp'


def test_two_stray_quotes_are_not_one_text(tmp_path: Path) -> None:
    """Lines between two bad ones are rows, as they make no row of as many columns as the header has."""
    pulled = pull(feed(tmp_path, 'id,title,price\n"P1,Lamp\nP2,Lamp,1 EUR\nP3,Lamp,1 EUR\nP4",Lamp\nP5,Lamp,1 EUR\n'))
    assert pulled.keys("product") == ["feed:P2", "feed:P3", "feed:P5"]
    assert [reference for reference, _ in pulled.complaints] == ["feed.csv:2", "feed.csv:5"]


def test_a_long_quoted_text_is_given_up(tmp_path: Path) -> None:
    """Without another quote to end it, an open one costs its own line, too."""
    lines = [f"P{number},lamp" for number in range(1, 1_001)]
    pulled = pull(feed(tmp_path, "\n".join(["id,title", 'P0,"lamp', *lines, ""])))
    assert pulled.complaints == [("feed.csv:2", "a quote is opened and never closed")]
    assert len(pulled.keys("product")) == 1_000


def test_bad_bytes_within_a_quoted_text(tmp_path: Path) -> None:
    """A line that is no text ends the row it stands in; rows behind it are kept."""
    data = b'id,title\nP1,"a\n\xff\xfe\nb"\nP2,Lamp\n'
    pulled = pull(build("catalogue", "shop", write(tmp_path / "feed.csv", data), "", None))
    assert pulled.keys("product") == ["feed:P2"] and pulled.complaints[1][1].startswith("not UTF-8")


@given(
    rows=st.lists(st.lists(st.text(st.sampled_from("ab \",\t'\n\r;é"), max_size=6), min_size=2, max_size=2), max_size=8)
)
def test_what_csv_wrote_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """Whatever Python's own writer puts into a feed is read back: one product a row, no row rejected."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(
        [["id", "title"], *([f"P{at}", *row[:1]] for at, row in enumerate(rows))]
    )
    pulled = pull(feed(tmp_path_factory.mktemp("any"), file.getvalue().replace("\r", "")))
    assert pulled.keys("product") == [f"feed:P{at}" for at in range(len(rows))] and not pulled.rejected


@given(data=st.binary(max_size=200))
def test_no_bytes_can_break_the_pull(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Any bytes behind a header end as rows or as rejections, and the good row behind them is kept."""
    path = tmp_path_factory.mktemp("any") / "feed.csv"
    path.write_bytes(b"id,title\n" + data + b'\n"\n' + b"P9,Lamp\n")
    assert pull(build("catalogue", "shop", path, "", None)).keys("product")[-1] == "feed:P9"


@pytest.mark.shared
def test_taobao(worlds: Path) -> None:
    """The real world's ad log gives 56,128 impressions and 422 clicks, its feed 64,440 products."""
    shown = pull(build("ad_log", "ads", worlds / "taobao" / "ad_log.csv.gz", "", None))
    kinds = [row["kind"] for row in shown.rows("interaction")]
    assert (kinds.count("impression"), kinds.count("click")) == (56_128, 422) and shown.books == (56_550, 56_550, 0, 0)
    sold = pull(build("catalogue", "shop", worlds / "taobao" / "products.csv.gz", "", None))
    assert len(set(sold.keys("product"))) == 64_440 and sold.books == (64_440, 64_440, 0, 0)


@pytest.mark.shared
def test_online_retail_feed(worlds: Path) -> None:
    """A real catalogue with empty titles is read whole."""
    sold = pull(build("catalogue", "shop", worlds / "online-retail" / "products.csv.gz", "", None))
    assert sold.books == (4_216, 4_216, 0, 0)
