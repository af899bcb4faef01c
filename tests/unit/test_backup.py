"""Backups: what is in them, who may read them, what is refused, and that a store comes back as it was."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from cli import Command
from every_table import contents, rows_for

from connector.backup import restore, take
from connector.cli.settings_file import append
from connector.errors import SetupError
from connector.schema import SEEN
from connector.settings import load
from connector.store import Store, leases, open_store, runs, stale
from connector.store.damage import BACKUPS, backups
from connector.store.dump import LEAP
from connector.store.tables import lease, metadata
from connector.warehouse import seal
from connector.warehouse.damage import find
from connector.warehouse.tables import Warehouse
from jobs.backup import EVERY, backup, due
from jobs.stop import Stop

COUNTED = ("lease", "stale_book")
"""Tables in which a restore changes something of its own."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with settings, a mapping and a store that holds two rows of every table."""
    home = tmp_path_factory.mktemp("template") / "home"
    (home / "mappings").mkdir(parents=True)
    (home / "lamplighter.yaml").write_text("hubspot: {token: 'env:SHOP_TOKEN'}\n")
    (home / "mappings" / "audiences.yaml").write_text("audiences: []\n")
    (home / "erasures.ndjson").write_text('{"salt": "s"}\n')
    fill(f"sqlite:///{home / 'state.db'}")
    return home


@pytest.fixture
def install(template: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return shutil.copytree(template, tmp_path / "home")


def fill(url: str) -> None:
    """Two rows in every table of an empty store."""
    store = open_store(url)
    with store.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.insert(), rows_for(table))
        connection.execute(lease.update().values(expires_at=datetime(2026, 1, 1, tzinfo=UTC)))
    store.close()


def told(url: str, *, but: tuple[str, ...] = ()) -> dict[str, object]:
    """Every row of a store."""
    store = open_store(url)
    with store.engine.connect() as connection:
        found = contents(connection, [table for table in metadata.sorted_tables if table.name not in but])
    store.close()
    return dict(found)


def url_of(home: Path) -> str:
    """Of the store that a home has by itself."""
    return f"sqlite:///{home / 'state.db'}"


def taken(home: Path, target: Path) -> Path:
    """A backup of a home."""
    store = open_store(load(home).store_url(home))
    path, _ = take(home, load(home), store, target)
    store.close()
    return path


def test_everything_comes_back_as_it_was(install: Path, tmp_path: Path) -> None:
    """Each row of each table, settings, mappings, and hashes of whom we forgot; the next run has the next number."""
    before = told(url_of(install), but=COUNTED)
    back = tmp_path / "back"
    restore(taken(install, tmp_path / "b.zip"), back)
    assert told(url_of(back), but=COUNTED) == before
    for name in ("lamplighter.yaml", "mappings/audiences.yaml", "erasures.ndjson"):
        assert (back / name).read_bytes() == (install / name).read_bytes()
        assert (back / name).stat().st_mode & 0o777 == 0o600
    store = open_store(url_of(back))
    assert runs.start(store, datetime.now(UTC)) == 3
    store.close()


def test_what_people_said_comes_back_without_the_warehouse(install: Path, tmp_path: Path) -> None:
    """An objection on the site is in no CRM, and its event in no source for long. A warehouse that stands stays."""
    said = {"key": "m1:ads", "version": datetime(2026, 9, 1, tzinfo=UTC), "source": "collect:inbox", "granted": False}
    warehouse = Warehouse(install / "warehouse")
    for table in ("consent", "identity_link", "interaction"):
        row = said if table == "consent" else {"key": "k", "version": said["version"]}
        warehouse.append(table, pa.Table.from_pylist([row], SEEN[table]), 1)
    warehouse.close()
    file, back = taken(install, tmp_path / "b.zip"), tmp_path / "back"
    assert not restore(file, back).with_warehouse
    assert seal.present(back / "warehouse") == ["consent", "identity_link"]
    assert (find(back / "warehouse", everything=True), seal.read(back / "warehouse").run) == ([], None)
    found = Warehouse(back / "warehouse")
    assert found.current("consent").select("key", "granted").to_pyarrow().to_pylist() == [
        {"key": "m1:ads", "granted": False}
    ]
    found.close()
    shutil.rmtree(back / "warehouse" / "identity_link")
    restore(file, back, store_only=True, replace=True)
    assert seal.present(back / "warehouse") == ["consent"]


def test_a_restored_store_knows_that_it_is_of_yesterday(install: Path, tmp_path: Path) -> None:
    """The CRM is to be read before it is told; tokens of leases are above any that was given out since."""
    restore(taken(install, tmp_path / "b.zip"), tmp_path / "back")
    store = open_store(url_of(tmp_path / "back"))
    since = stale.since(store, "hubspot")
    assert since is not None
    assert datetime.now(UTC) - since < timedelta(hours=1)
    assert {row.token for row in store.rows(sa.select(lease))} == {LEAP + 1, LEAP + 2}
    with leases.held(store, "lease 1"[:64]):
        pass
    store.close()


@pytest.mark.slow
@pytest.mark.postgres
def test_a_store_moves_between_sqlite_and_postgres(
    install: Path, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file fills either; what stood in a database that is replaced is kept as a backup."""
    before = told(url_of(install), but=COUNTED)
    file = taken(install, tmp_path / "there.zip")
    monkeypatch.setenv("LAMPLIGHTER_STORE__URL", postgres_url)
    restore(file, tmp_path / "there")
    assert told(postgres_url, but=COUNTED) == before
    store = open_store(postgres_url)
    assert runs.start(store, datetime.now(UTC)) == 3
    store.close()
    with pytest.raises(SetupError, match="a store already"):
        restore(file, tmp_path / "another")
    again = taken(tmp_path / "there", tmp_path / "again.zip")
    aside = restore(again, tmp_path / "there", replace=True).aside
    assert aside is not None
    assert len(list(aside.glob("lamplighter-*.zip"))) == 1
    monkeypatch.delenv("LAMPLIGHTER_STORE__URL")
    restore(again, tmp_path / "here")
    assert len(told(url_of(tmp_path / "here"))["run"]) == 3  # type: ignore[arg-type]


@pytest.mark.slow
def test_writers_go_on_while_one_moment_is_copied(
    install: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written during a backup is in none of its tables, or in all."""
    from connector.backup import taking

    store, other = open_store(url_of(install)), open_store(url_of(install))
    names = taking.dump.table_names()

    def between() -> list[str]:
        return [name for name in names if not runs_started(other)]

    monkeypatch.setattr(taking.dump, "table_names", between)
    path, manifest = take(install, load(install), store, tmp_path / "b.zip")
    assert manifest.run == 2
    with zipfile.ZipFile(path) as archive:
        assert len(archive.read("store/run.ndjson").splitlines()) == 2
    assert len(other.rows(sa.select(metadata.tables["run"]))) > 2
    store.close()
    other.close()


def runs_started(store: Store) -> bool:
    """Another process begins a run; never true."""
    return runs.start(store, datetime.now(UTC)) < 0


def test_a_backup_is_private_and_holds_no_password(install: Path, tmp_path: Path) -> None:
    """Its owner's alone; the password in a store's URL stays out; nothing half-written is left beside it."""
    append(install, "store:\n  url: postgresql+psycopg://lamp:s3cret@db/lamp\n")
    store = open_store(url_of(install))
    path, _ = take(install, load(install), store, tmp_path / "out")
    store.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with zipfile.ZipFile(path) as archive:
        written = archive.read("home/lamplighter.yaml").decode()
    assert "s3cret" not in written
    assert "://lamp:redacted@db" in written


@pytest.mark.parametrize("at", [0.02, 0.6])
def test_a_damaged_backup_changes_nothing(install: Path, tmp_path: Path, at: float) -> None:
    """A flipped bit in any part is noticed before the first file is touched."""
    file = taken(install, tmp_path / "b.zip")
    content = bytearray(file.read_bytes())
    content[int(len(content) * at)] ^= 0x10
    file.write_bytes(content)
    before = told(url_of(install))
    with pytest.raises(SetupError, match="is damaged"):
        restore(file, install, replace=True)
    assert told(url_of(install)) == before
    assert not list(install.glob("replaced-*"))


def test_a_home_that_is_used_is_not_overwritten_by_mistake(install: Path, tmp_path: Path, lamplighter: Command) -> None:
    """Without --replace: exit 2 and nothing changed; with it what stood there is set aside, and whom we forgot since
    the backup stays forgotten; what was collected since stays to be read."""
    file = taken(install, tmp_path / "b.zip")
    (install / "erasures.ndjson").write_text('{"salt": "s"}\n{"reference": "E1"}\n')
    (install / "mappings" / "audiences.yaml").write_text("audiences: [] # edited\n")
    (install / "inbox").mkdir()
    (install / "inbox" / "today.ndjson").write_text("{}\n")
    refused = lamplighter("restore", file, "--home", install)
    assert (refused.code, "--replace" in refused.err) == (2, True)
    done = lamplighter("restore", file, "--home", install, "--replace", "--json")
    assert done.code == 0
    aside = Path(done.json["restored"]["aside"])
    assert "edited" in (aside / "mappings" / "audiences.yaml").read_text()
    assert "edited" not in (install / "mappings" / "audiences.yaml").read_text()
    assert (aside / "state.db").exists()
    assert "E1" in (install / "erasures.ndjson").read_text()
    assert (install / "inbox" / "today.ndjson").read_text() == "{}\n"


def test_a_file_that_is_no_text_comes_back_as_it_was(install: Path, tmp_path: Path) -> None:
    """What an editor or a file manager left in mappings/ ends no backup."""
    odd = b"\x00\x00\xff\xfe\x80\r\n"
    (install / "mappings" / ".DS_Store").write_bytes(odd)
    restore(taken(install, tmp_path / "b.zip"), tmp_path / "back")
    assert (tmp_path / "back" / "mappings" / ".DS_Store").read_bytes() == odd


def test_a_store_outside_of_the_home_is_set_aside_where_it_is(install: Path, tmp_path: Path) -> None:
    """Its folder may be another file system: it is renamed there, and said."""
    there = tmp_path / "elsewhere" / "state.db"
    append(install, f"store:\n  url: sqlite:///{there}")
    fill(f"sqlite:///{there}")
    before = told(f"sqlite:///{there}", but=COUNTED)
    file = taken(install, tmp_path / "b.zip")
    store = open_store(f"sqlite:///{there}")
    runs_started(store)
    store.close()
    (kept,) = restore(file, install, replace=True).beside
    assert kept.parent == there.parent
    assert len(told(f"sqlite:///{kept}")["run"]) == 3  # type: ignore[arg-type]
    assert told(f"sqlite:///{there}", but=COUNTED) == before


def test_a_warehouse_outside_of_the_home_is_not_written_into(
    install: Path, tmp_path: Path, lamplighter: Command
) -> None:
    """Without --replace: refused; with it the warehouse is what the backup holds, and the newer one is set aside."""
    root = tmp_path / "big"
    append(install, f"warehouse:\n  path: {root}")
    keep_products(root, 1)
    file = tmp_path / "b.zip"
    assert lamplighter("backup", file, "--home", install, "--with-warehouse").code == 0
    shutil.rmtree(root / "product")  # another table of this name: its log begins anew, and goes on for longer
    for number in (2, 3, 4):
        keep_products(root, number)
    refused = lamplighter("restore", file, "--home", tmp_path / "back")
    assert (refused.code, "--replace" in refused.err, kept_products(root)) == (2, True, {"2", "3", "4"})
    done = lamplighter("restore", file, "--home", install, "--replace", "--json")
    assert (done.code, kept_products(root), find(root, everything=True)) == (0, {"1"}, [])
    (aside,) = done.json["restored"]["beside"]
    assert kept_products(Path(aside)) == {"2", "3", "4"}


def keep_products(root: Path, number: int) -> None:
    """A pass brings a product into a warehouse."""
    row = {"key": str(number), "version": datetime(2026, 1, 1, tzinfo=UTC)}
    Warehouse(root).append("product", pa.Table.from_pylist([row], schema=SEEN["product"]), run=number)
    seal.renew(root)


def kept_products(root: Path) -> set[str]:
    """The products of a warehouse."""
    return set(Warehouse(root).current("product").key.to_pyarrow().to_pylist())


def test_the_store_alone_comes_back_into_todays_settings(install: Path, tmp_path: Path, lamplighter: Command) -> None:
    """What the message about a damaged store says to type does what it should, edits of today included."""
    file = taken(install, install / BACKUPS)
    before = told(url_of(install), but=COUNTED)
    (install / "mappings" / "audiences.yaml").write_text("audiences: [] # edited\n")
    (install / "state.db").write_bytes(os.urandom(5_000))
    with pytest.raises(SetupError) as caught:
        open_store(url_of(install))
    words = caught.value.hint.partition("lamplighter ")[2].split()
    assert str(file) in words
    assert lamplighter(*words).code == 0
    assert told(url_of(install), but=COUNTED) == before
    assert "edited" in (install / "mappings" / "audiences.yaml").read_text()


@pytest.mark.slow
def test_whoever_is_at_work_is_not_replaced(install: Path, tmp_path: Path) -> None:
    """A pass or a `serve` on this home: wait or stop it first."""
    file = taken(install, tmp_path / "b.zip")
    store = open_store(url_of(install))
    with leases.held(store, "pass"), pytest.raises(Exception, match="is at work"):
        restore(file, install, replace=True)
    store.close()
    assert not list(install.glob("replaced-*"))


def edited(file: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change a backup's manifest."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"])
    change(manifest)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**parts, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(("name", "value"), [("format", 2), ("revision", "9999")])
def test_a_backup_of_a_newer_lamplighter_is_refused(install: Path, tmp_path: Path, name: str, value: object) -> None:
    """It says to upgrade."""
    file = taken(install, tmp_path / "b.zip")
    edited(file, lambda manifest: manifest.update({name: value}))
    with pytest.raises(SetupError, match="newer Lamplighter"):
        restore(file, tmp_path / "back")


@pytest.mark.slow
def test_an_archive_that_leads_elsewhere_is_refused(install: Path, tmp_path: Path) -> None:
    """No file outside of the home is written."""
    file = taken(install, tmp_path / "b.zip")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("home/../../evil", b"")
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    edited(file, lambda manifest: manifest["parts"].update({"home/../../evil": digest}))  # type: ignore[attr-defined]
    with pytest.raises(SetupError, match="outside"):
        restore(file, tmp_path / "deep" / "back")
    assert not list(tmp_path.rglob("evil"))


def test_the_daily_backup_keeps_as_many_as_it_should(install: Path) -> None:
    """The oldest go; a restart puts none off; the first comes soon after a start."""
    now = datetime.now(UTC)
    assert now < due(install, now) < now + timedelta(hours=1)
    append(install, "backup:\n  keep: 2")
    (install / BACKUPS).mkdir()
    for day in ("20260101", "20260102", "20260103"):
        shutil.copy(install / "lamplighter.yaml", install / BACKUPS / f"lamplighter-{day}T000000Z.zip")
    backup(install, Stop())
    assert backups(install)[0].name == "lamplighter-20260103T000000Z.zip"
    assert len(backups(install)) == 2
    assert abs(due(install, now) - (now + EVERY)) < timedelta(minutes=5)


def test_what_a_killed_backup_left_goes(install: Path) -> None:
    """A day later; not what another process is writing now."""
    (install / BACKUPS).mkdir()
    torn, fresh = (install / BACKUPS / f"lamplighter-2026010{day}T000000Z.zip.part" for day in (1, 2))
    torn.touch()
    fresh.touch()
    yesterday = (datetime.now(UTC) - EVERY - timedelta(minutes=1)).timestamp()
    os.utime(torn, (yesterday, yesterday))
    backup(install, Stop())
    assert list((install / BACKUPS).glob("*.part")) == [fresh]


def test_a_place_that_cannot_be_written_is_said(install: Path, lamplighter: Command) -> None:
    """Neither a file in the way nor a folder that is not there is a traceback."""
    done = lamplighter("backup", install / "lamplighter.yaml" / "b.zip", "--home", install)
    assert (done.code, "cannot be written" in done.err) == (2, True)
