"""Every kind of source in one install: settings, check, a pass, a second pass that reads nothing."""

import itertools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli import Command
from event_files import event, ndjson, pull, write
from test_consent_signals import in_ranges, tc_string
from test_events_cm360 import COLUMNS, cm360
from test_events_events import seen
from test_events_ga4 import ga4, typed
from test_events_meta import meta
from test_events_snowplow import snowplow
from test_events_sql import insert, row

from connector import settings
from connector.events import build, build_sql
from connector.home import build_file, build_sources

BOOKS = {"read": 2, "kept": 2, "skipped": 0, "rejected": 0}
SOURCES = """
  - {name: ga4, kind: ga4, path: ga4}
  - {name: meta, kind: meta_events, path: meta.ndjson.gz}
  - {name: snowplow, kind: snowplow, path: enriched.tsv}
  - {name: cm360, kind: cm360, path: cm360}
  - {name: shop, kind: events, path: shop.ndjson}
  - {name: web, kind: sql, url: "sqlite:///shop.db", table: page events, growing: id}
  - {name: warehouse, kind: sql, url: "env:SHOP_DATABASE", table: page events, growing: id}
"""


@pytest.fixture
def many(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install with two events in each kind of source."""
    (home / "ga4").mkdir()
    (home / "cm360").mkdir()
    write(home / "ga4" / "events_20260901.ndjson", ndjson([ga4(1)]))
    pq.write_table(pa.Table.from_pylist([typed(ga4(2))]), home / "ga4" / "events_20260902.parquet")
    write(home / "meta.ndjson.gz", ndjson([meta(1), meta(2)]))
    write(home / "enriched.tsv", (snowplow(1) + snowplow(2)).encode())
    for number in (1, 2):
        write(home / "cm360" / f"{number}.csv", (",".join(COLUMNS) + "\n" + cm360(number)).encode())
    write(home / "shop.ndjson", ndjson([seen(1), seen(2)]))
    insert(home / "shop.db", row(1), row(2))
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{home}/shop.db")
    settings = home / "lamplighter.yaml"
    settings.write_text(settings.read_text("utf-8").rstrip() + SOURCES, "utf-8")
    return home


def test_every_kind_in_one_install(many: Path, lamplighter: Command) -> None:
    """`check` tries each; a pass reads two events of each; a second reads none; nothing is left of a password."""
    found = lamplighter("check", "--home", many).out
    assert found.count("ok   source ") == 10
    first = lamplighter("run", "--only", "pull", "--json", "--home", many)
    names = ["ga4", "meta", "snowplow", "cm360", "shop", "web", "warehouse"]
    assert {name: first.json["books"][name] for name in names} == dict.fromkeys(names, BOOKS)
    second = lamplighter("run", "--only", "pull", "--json", "--home", many)
    assert {name: second.json["books"][name]["read"] for name in names} == dict.fromkeys(names, 0)
    assert str(many / "shop.db") not in found + first.out + first.err


def test_vendors_that_the_settings_name(tmp_path: Path) -> None:
    """`ads.tcf_vendors` holds for files of Segment's, for what is imported, and for what the collector took in."""
    for folder in ("web", "inbox"):
        (tmp_path / folder).mkdir()
        told = [tc_string(1, 3, 4, vendors=in_ranges(vendor)) for vendor in (91, 755)]
        events = [event(at, context={"consent": {"tcfString": text}}) for at, text in enumerate(told, 1)]
        write(tmp_path / folder / "1.ndjson", ndjson(events))
    sources = "sources: [{name: web, kind: segment, path: web}]\ncollect: {}\n"
    for vendors, expected in (("", [True, True]), ("ads: {tcf_vendors: [755]}\n", [False, True])):
        (tmp_path / "lamplighter.yaml").write_text(sources + vendors)
        chosen = settings.load(tmp_path)
        imported = build_file(tmp_path, chosen, "segment", "import:web", tmp_path / "web", "")
        for source in (*build_sources(tmp_path, chosen), imported):
            assert [row["granted"] for row in pull(source).rows("consent")] == expected, source.name


def test_check_of_sources_that_are_not_there(many: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named with what to do; the others are tried all the same."""
    (many / "meta.ndjson.gz").unlink()
    (many / "shop.db").rename(many / "gone.db")
    monkeypatch.setenv("SHOP_DATABASE", "postgresql+psycopg://reader:secret@127.0.0.1:1/shop?connect_timeout=2")
    done = lamplighter("check", "--home", many)
    assert done.code == 2 and "secret" not in done.out + done.err
    for told in ("FIX  source meta: there is no file", "FIX  source web: source 'web': there is no file"):
        assert told in done.out
    assert "FIX  source warehouse: source 'warehouse': the database cannot be reached" in done.out
    assert done.out.count("ok   source ") == 7


def test_a_source_that_becomes_another(tmp_path: Path) -> None:
    """A name that stood for a file, then for a folder, then for a table: each is read from its start."""
    (tmp_path / "logs").mkdir()
    for place in (tmp_path, tmp_path / "logs"):
        write(place / "shop.ndjson", ndjson([seen(1)]))
    insert(tmp_path / "shop.db", row(1))
    sources = [
        build("events", "shop", tmp_path / "shop.ndjson", "", None),
        build("events", "shop", tmp_path / "logs", "", None),
        build_sql("shop", "sqlite:///shop.db", "page events", "id", "", tmp_path),
    ]
    for before, after in itertools.permutations(sources, 2):
        assert pull(after, pull(before).cursor).keys() == ["shop:e1"]
