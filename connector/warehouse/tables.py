"""Delta tables of immutable files: one process appends, any number read, nothing is updated in place."""

import itertools
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from ibis.backends.duckdb import Backend

from connector import turn
from connector.errors import SetupError
from connector.relations import newest
from connector.schema import DERIVED, FIGURES, SEEN, TABLES
from connector.warehouse import prepared

ROWS_A_WRITE = 20_000
"""Several such batches wait before the writer of files: with five times as many rows they take 140 MB more."""
LOG = {"delta.dataSkippingStatsColumns": "run", "delta.logRetentionDuration": "interval 1 days"}
"""What Delta's log tells of each file: without this the least and the greatest e-mail, which no deletion reaches. And
how long it keeps an entry that a later checkpoint holds: nobody reads an older version than the last."""
READING_HOURS = 1
"""A file that no version needs any more stays so long, for readers who opened an older one."""
KEYS_A_DELETION = 5_000
SAYS_GONE = ("key", "version", "crm", "crm_id", "source", "merged_into", "deleted_at")
"""All that is left of an erased row."""


class Warehouse:
    """Everything seen and derived, in a folder.

    Args:
        root: folder of the tables; made where missing.
        memory_limit: what DuckDB may use before it spills to disk (`1GB`).
        threads: worker threads of DuckDB.
    """

    def __init__(self, root: Path, *, memory_limit: str = "1GB", threads: int = 2) -> None:
        self.root = root
        spill = root / ".spill"
        try:
            spill.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"the warehouse {root} cannot be written: {error.strerror}",
                hint="give --home a folder you may write to",
            ) from None
        self.engine: Backend = ibis.duckdb.connect(
            memory_limit=memory_limit, threads=threads, temp_directory=str(spill), preserve_insertion_order=False
        )
        self.engine.raw_sql("SET TimeZone = 'UTC'")
        self.engine.raw_sql("SET enable_progress_bar = false")  # it would write between our JSON
        self._kept: list[str] = []
        self._prepared: set[str] = set()
        self._numbers = itertools.count(1)

    def append(self, table: str, rows: pa.Table, run: int) -> int:
        """Append seen rows as new versions; returns how many. The rows are durable when this returns."""
        if rows.num_rows:
            self._add(table, _numbered(rows, run).cast(TABLES[table]))
        return int(rows.num_rows)

    def _add(self, table: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Append rows in today's columns; a table that an older version made gains those it lacks.

        Whoever is stopped between the question and the commit, and loses the lease meanwhile, leaves what a killed
        process leaves: rows of a run that no later one counts on.
        """
        turn.check()
        write_deltalake(str(self.root / table), rows, mode="append", schema_mode="merge", configuration=LOG)

    def write(self, table: str, expression: ir.Table, run: int) -> None:
        """Append the rows of an expression to a derived table or a figure, as this run's."""
        # computed first, then streamed: neither step holds all rows in memory
        self.append_kept(table, self.keep(typed(table, expression)), run)
        self.engine.drop_table(self._kept.pop())

    def append_kept(self, table: str, rows: ir.Table, run: int) -> None:
        """Append to a derived table or a figure, as this run's, the rows of a table that is computed and `typed`."""
        wanted = TABLES[table]
        reader = self.engine.con.table(rows.get_name()).to_arrow_reader(ROWS_A_WRITE)

        def numbered(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
            part = _numbered(pa.Table.from_batches([batch]), run)
            return list(part.select(wanted.names).cast(wanted).to_batches())

        parts = (part for batch in reader for part in numbered(batch))
        self._add(table, pa.RecordBatchReader.from_batches(wanted, parts))

    def versions(self, table: str) -> ir.Table:
        """Every row ever appended and not yet compacted away."""
        path = self.root / table
        if not DeltaTable.is_deltatable(str(path)):
            return ibis.memtable(TABLES[table].empty_table())
        delta = self._open(table)
        files = delta.file_uris()
        if not files:
            return ibis.memtable(TABLES[table].empty_table())
        return prepared.parquet(self.engine, f"{table}_{delta.version()}", files, TABLES[table])

    def current(self, table: str) -> ir.Table:
        """The newest version of each key of a seen table, without `run`."""
        return newest(self.versions(table)).drop("run")

    def newest_versions(self, table: str, keys: Sequence[str]) -> dict[str, datetime]:
        """The newest version held of each of some keys; keys never seen are left out."""
        rows = self.versions(table)
        held = rows.filter(rows.key.isin(list(keys))).group_by("key").agg(version=rows.version.max())
        found = held.to_pyarrow()
        return dict(zip(found["key"].to_pylist(), found["version"].to_pylist(), strict=True))

    def derived(self, table: str) -> ir.Table:
        """The rows that hold now: of each person, those of the run that decided it last."""
        return holding_now(self.versions(table), self.versions("decided"))

    def last_decided(self) -> ir.Table:
        """person_id -> the run that decided it last."""
        return _last(self.versions("decided"))

    def figure(self, table: str, run: int) -> ir.Table:
        """The shop-wide figures of one run."""
        rows = self.versions(table)
        return rows.filter(rows.run == run)

    def keep(self, expression: ir.Table) -> ir.Table:
        """Compute an expression once and go on with its rows (in the engine, spilled to disk where large)."""
        self._kept.append(f"kept_{next(self._numbers)}")
        return prepared.kept(self.engine, self._kept[-1], expression)

    def prepared(
        self,
        name: str,
        about: Hashable,
        inputs: Mapping[str, ir.Table],
        work: prepared.Work,
        lazy: Sequence[str] = (),
    ) -> dict[str, ir.Table]:
        """The results of `work` on `inputs`; see `prepared.prepared`. They hold until the same `name` is prepared
        again, or `release`."""
        self._prepared.add(name)
        return prepared.prepared(self.engine, name, about, inputs, work, lazy)

    def moment(self, name: str, value: datetime) -> ir.TimestampScalar:
        """An aware time that stands for itself in what is prepared, and may be another the next time."""
        return prepared.moment(self.engine, name, value)

    def number(self, name: str, value: int) -> ir.IntegerScalar:
        """The same of a whole number."""
        return prepared.number(self.engine, name, value)

    def release(self) -> None:
        """Let go of what `keep` and `prepared` hold."""
        while self._kept:
            self.engine.drop_table(self._kept.pop())
        while self._prepared:
            prepared.forget(self.engine, self._prepared.pop())

    def drop_runs_before(self, run: int) -> None:
        """After everybody was decided by `run`, older derived rows and figures are history nobody reads."""
        for table in self._present(*DERIVED, *FIGURES):
            turn.check()
            self._open(table).delete(f"run < {int(run)}")

    def erase(self, table: str, keys: Sequence[str], run: int) -> list[str]:
        """Reduce what is held of keys that are gone to the fact that they are; returns the keys that had more.

        A key whose newest row is neither deleted nor merged away is left alone. The rows are out of what readers open
        from now on; their files go with `tidy`, once nobody can be reading them.
        """
        rows = self.keep(self.versions(table).filter(lambda each: each.key.isin(list(keys))))
        last = newest(rows)
        gone = last.filter(is_gone(last))
        telling = rows.filter(_tells_more(rows)).semi_join(gone, "key").select("key").distinct()
        erased: list[str] = telling.to_pyarrow()["key"].to_pylist()
        if erased:
            left = self.keep(gone.filter(_tells_more(gone)))
            self.append(table, _bare(left.drop("run").to_pyarrow()), run)
            more = " OR ".join(f"{name} IS NOT NULL" for name in SEEN[table].names if name not in SAYS_GONE)
            self._delete(table, "key", erased, f"({more})")
        return erased

    def erase_superseded(self, persons: Sequence[str]) -> None:
        """Drop the derived rows of some persons that a later run has decided anew."""
        decided = self.last_decided()
        rows = decided.filter(decided.person_id.isin(list(persons))).to_pyarrow().to_pylist()
        for run in {row["run"] for row in rows}:
            named = [row["person_id"] for row in rows if row["run"] == run]
            for table in self._present(*DERIVED):
                self._delete(table, "person_id", named, f"run < {int(run)}")

    def _delete(self, table: str, column: str, values: Sequence[str], where: str) -> None:
        for start in range(0, len(values), KEYS_A_DELETION):
            quoted = [value.replace("'", "''") for value in values[start : start + KEYS_A_DELETION]]
            named = ", ".join(f"'{value}'" for value in quoted)
            turn.check()
            self._open(table).delete(f"{column} IN ({named}) AND {where}")

    def tidy(self) -> None:
        """Remove the files that no version needs any more and no reader can have open."""
        for table in self._present(*TABLES):
            turn.check()
            self._open(table).vacuum(retention_hours=READING_HOURS, dry_run=False, enforce_retention_duration=False)

    def compact(self) -> dict[str, int]:
        """Merge small files and drop those no reader can need any more; returns table -> files now."""
        for table in self._present(*TABLES):
            turn.check()
            self._open(table).optimize.compact()
        self.tidy()
        for table in self._present(*TABLES):
            delta = self._open(table)
            delta.create_checkpoint()
            delta.cleanup_metadata()  # a checkpoint alone leaves every entry where it is
        return {table: len(self._open(table).file_uris()) for table in self._present(*TABLES)}

    def _present(self, *tables: str) -> list[str]:
        return [table for table in tables if DeltaTable.is_deltatable(str(self.root / table))]

    def close(self) -> None:
        self.engine.disconnect()

    def _open(self, table: str) -> DeltaTable:
        try:
            return DeltaTable(str(self.root / table))
        except (DeltaError, OSError, ValueError) as error:
            raise SetupError(
                f"the warehouse table {table} cannot be read: {str(error).splitlines()[0][:200]}",
                hint="lamplighter run builds it again",
            ) from None


def _numbered(rows: pa.Table, run: int) -> pa.Table:
    return rows.append_column("run", pa.repeat(pa.scalar(run, pa.int64()), rows.num_rows))


def holding_now(rows: ir.Table, decided: ir.Table) -> ir.Table:
    """Of all versions of a derived table those that hold: of each person the rows of the run that decided it last."""
    return rows.semi_join(_last(decided), ["person_id", "run"])


def _last(decided: ir.Table) -> ir.Table:
    return decided.group_by("person_id").agg(run=decided.run.max())


def typed(table: str, expression: ir.Table) -> ir.Table:
    """An expression in the columns of a derived table or figure, but `run`."""
    wanted = ibis.Schema.from_pyarrow(TABLES[table])
    return expression.select(**{name: expression[name].cast(kind) for name, kind in wanted.items() if name != "run"})


def is_gone(rows: ir.Table) -> ir.BooleanColumn:
    """Which rows of a seen table say that their record was deleted or merged away."""
    deleted = rows.deleted_at.notnull()
    return deleted | rows.merged_into.notnull() if "merged_into" in rows.columns else deleted


def is_bare(rows: ir.Table) -> ir.BooleanColumn:
    """Which rows say nothing else than that."""
    return ~_tells_more(rows)


def _tells_more(rows: ir.Table) -> ir.BooleanColumn:
    return ibis.or_(*(rows[name].notnull() for name in rows.columns if name not in (*SAYS_GONE, "run")))


def _bare(rows: pa.Table) -> pa.Table:
    """Rows that replace those given, with nothing left but that they are gone."""
    empty = {name: pa.nulls(rows.num_rows, rows.schema.field(name).type) for name in rows.schema.names}
    kept = {name: rows[name] for name in SAYS_GONE if name in empty}
    return pa.table({**empty, **kept, "version": just_after(rows["version"])}, schema=rows.schema)


def just_after(versions: pa.ChunkedArray) -> pa.ChunkedArray:
    """The least versions above some: a microsecond later, where sources count in milliseconds."""
    return pc.add(versions, pa.scalar(timedelta(microseconds=1), pa.duration("us")))
