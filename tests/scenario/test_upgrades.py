"""Upgrades rehearsed: today's code on every older schema, and every older code's rows on today's schema."""

import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from deltalake import DeltaTable, write_deltalake
from every_table import contents, rows_for
from small_shop import END

from connector.errors import SetupError
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox
from connector.store import database, open_store
from connector.store.damage import copies
from connector.store.tables import metadata

pytestmark = pytest.mark.slow

VERSIONS = Path(database.__file__).parent / "migrations" / "versions"
REVISIONS = sorted(path.name[:4] for path in VERSIONS.glob("0*.py"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be made."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """An engine on it; no schema yet."""
    made = database.engine_of(url)
    yield made
    made.dispose()


def bring_to(engine: sa.Engine, revision: str) -> list[sa.Table]:
    """Make the schema of a revision; returns its tables as the database tells them."""
    with engine.execution_options(**database.WRITES).begin() as connection:
        command.upgrade(database.config_of(connection), revision)
    return tables_of(engine)


def tables_of(engine: sa.Engine) -> list[sa.Table]:
    """The tables that stand in a database."""
    found = sa.MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def fill(engine: sa.Engine, tables: list[sa.Table]) -> dict[str, list[dict[str, Any]]]:
    """Put two rows into every table; returns what stands there."""
    with engine.execution_options(**database.WRITES).begin() as connection:
        for table in tables:
            connection.execute(table.insert(), rows_for(table))
        return contents(connection, tables)


def test_revisions_are_one_chain_without_gaps(engine: sa.Engine) -> None:
    """Each migration follows the one before it: whoever comes from any release passes through all that came since."""
    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(database.config_of(connection))
        chain = [(script.revision, script.down_revision) for script in scripts.walk_revisions()]
    befores = [None, *REVISIONS]
    assert chain[::-1] == list(zip(REVISIONS, befores, strict=False))


@pytest.mark.parametrize("revision", REVISIONS)
def test_todays_code_takes_over_every_older_store(engine: sa.Engine, url: str, revision: str) -> None:
    """Whatever release wrote it: every row of every table is there after the upgrade, in today's schema."""
    before = bring_to(engine, revision)
    told = fill(engine, before)
    store = open_store(url)
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert contents(connection, before) == told
        for table in metadata.sorted_tables:
            assert len(connection.execute(sa.select(table)).all()) == len(told.get(table.name, ()))
    store.close()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_older_code_that_is_still_at_work_writes_on_todays_schema(engine: sa.Engine, revision: str) -> None:
    """A process that began before another one upgraded the store ends its pass: its statements still hold."""
    before = bring_to(engine, revision)
    bring_to(engine, "head")
    told = fill(engine, before)
    assert all(len(rows) == 2 for rows in told.values())
    with engine.execution_options(**database.WRITES).begin() as connection:
        for table in before:
            key = [column == rows_for(table)[0][column.name] for column in table.primary_key]
            values = {c.name: rows_for(table)[1][c.name] for c in table.columns if not c.primary_key}
            if values:
                assert connection.execute(table.update().where(*key).values(**values)).rowcount == 1
            assert connection.execute(table.delete().where(*key)).rowcount == 1


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_a_migration_only_adds(engine: sa.Engine, revision: str) -> None:
    """No table or column goes, none is renamed or narrowed, and what is new in an old table fills itself."""
    before = {table.name: table for table in bring_to(engine, REVISIONS[REVISIONS.index(revision) - 1])}
    after = {table.name: table for table in bring_to(engine, revision)}
    assert before.keys() <= after.keys()
    for name, old in before.items():
        new = after[name]
        assert old.columns.keys() == [each for each in new.columns.keys() if each in old.columns]  # noqa: SIM118
        for column in old.columns:
            assert _fits(column, new.c[column.name]), f"{name}.{column.name}"
        for column in new.columns:
            fills_itself = column.nullable or column.server_default is not None
            assert column.name in old.columns or fills_itself, f"{name}.{column.name}"


def _fits(old: sa.Column[Any], new: sa.Column[Any]) -> bool:
    """Whether whatever stood in a column may stand in it still."""
    was, now = getattr(old.type, "length", None), getattr(new.type, "length", None)
    wide = now is None or (was is not None and now >= was)
    return wide and (new.nullable or not old.nullable) and old.primary_key == new.primary_key


def test_the_store_of_before_an_upgrade_is_kept_for_the_way_back(tmp_path: Path) -> None:
    """A copy is made once, its owner's alone; older code that meets the newer store says how to put it back."""
    path = tmp_path / "state.db"
    engine = database.engine_of(f"sqlite:///{path}")
    told = fill(engine, bring_to(engine, REVISIONS[0]))
    engine.dispose()
    open_store(f"sqlite:///{path}").close()
    (copy,) = copies(tmp_path)
    assert copy.name == f"state.db.before-{REVISIONS[-1]}"
    assert copy.stat().st_mode & 0o777 == 0o600
    kept = database.engine_of(f"sqlite:///{copy}")
    with kept.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == REVISIONS[0]
        assert contents(connection, tables_of(kept)) == told
    kept.dispose()
    tomorrow = database.engine_of(f"sqlite:///{path}")
    with tomorrow.execution_options(**database.WRITES).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    tomorrow.dispose()
    with pytest.raises(SetupError, match=re.escape(f"mv {copy} {path}")):
        open_store(f"sqlite:///{path}")


def test_a_new_store_leaves_no_copy(tmp_path: Path) -> None:
    """There was nothing to keep."""
    open_store(f"sqlite:///{tmp_path / 'state.db'}").close()
    assert copies(tmp_path) == []


def test_a_home_of_an_older_release_goes_on(home: Path, portal: Sandbox) -> None:
    """Tables without today's columns, figures that are not there, no seal, yesterday's schema: the next pass is an
    ordinary one, takes nothing for damaged and writes nothing to the CRM."""
    for _ in range(2):
        assert passing(home).status == "done"
        portal.clock.advance(60)
    make_older(home)
    report = passing(home)
    assert (report.status, report.calls["hubspot"].writes) == ("done", 0)
    assert not [note for note in report.notes if "warehouse" in note]
    assert passing(home).status == "done"


def passing(home: Path) -> Report:
    """One pass."""
    with open_home(home) as opened:
        return run(opened, Options(as_of=datetime.fromisoformat(END)))


def make_older(home: Path) -> None:
    """What an older release would have left."""
    warehouse = home / "warehouse"
    (warehouse / ".seal").unlink()
    contact = DeltaTable(str(warehouse / "contact")).to_pyarrow_table()
    older = contact.drop_columns(["legal_basis", "quarantined", "mailed_at"])
    write_deltalake(str(warehouse / "contact"), older, mode="overwrite", schema_mode="overwrite")
    for table in ("model", "method", "excluded"):
        shutil.rmtree(warehouse / table)
    engine = database.engine_of(f"sqlite:///{home / 'state.db'}")
    with engine.execution_options(**database.WRITES).begin() as connection:
        command.downgrade(database.config_of(connection), "0005")
    engine.dispose()
