"""Delta tables of immutable files: one process appends, any number read, nothing is updated in place."""

import itertools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from ibis.backends.duckdb import Backend

from connector.errors import SetupError
from connector.relations import newest
from connector.schema import DERIVED, FIGURES, TABLES

ROWS_A_WRITE = 100_000


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
        self._numbers = itertools.count(1)

    def append(self, table: str, rows: pa.Table, run: int) -> int:
        """Append seen rows as new versions; returns how many. The rows are durable when this returns."""
        if rows.num_rows:
            numbered = rows.append_column("run", pa.array([run] * rows.num_rows, pa.int64()))
            write_deltalake(str(self.root / table), numbered.cast(TABLES[table]), mode="append")
        return int(rows.num_rows)

    def write(self, table: str, expression: ir.Table, run: int) -> None:
        """Append the rows of an expression to a derived table or a figure, as this run's."""
        wanted = TABLES[table]
        columns = {name: expression[name] for name in wanted.names if name != "run"}
        typed = expression.select(**columns, run=ibis.literal(run, type="int64")).select(*wanted.names)
        # computed first, then streamed: neither step holds all rows in memory
        self.keep(typed)
        name = self._kept.pop()
        reader = self.engine.con.table(name).to_arrow_reader(ROWS_A_WRITE)
        cast = (part for batch in reader for part in pa.Table.from_batches([batch]).cast(wanted).to_batches())
        write_deltalake(str(self.root / table), pa.RecordBatchReader.from_batches(wanted, cast), mode="append")
        self.engine.drop_table(name)

    def versions(self, table: str) -> ir.Table:
        """Every row ever appended and not yet compacted away."""
        path = self.root / table
        if not DeltaTable.is_deltatable(str(path)):
            return ibis.memtable(TABLES[table].empty_table())
        delta = self._open(table)
        files = delta.file_uris()
        if not files:
            return ibis.memtable(TABLES[table].empty_table())
        return self.engine.read_parquet(files, table_name=f"{table}_{delta.version()}")

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
        rows, decided = self.versions(table), self.last_decided()
        return rows.semi_join(decided, ["person_id", "run"])

    def last_decided(self) -> ir.Table:
        """person_id -> the run that decided it last."""
        decided = self.versions("decided")
        return decided.group_by("person_id").agg(run=decided.run.max())

    def figure(self, table: str, run: int) -> ir.Table:
        """The shop-wide figures of one run."""
        rows = self.versions(table)
        return rows.filter(rows.run == run)

    def keep(self, expression: ir.Table) -> ir.Table:
        """Compute an expression once and go on with its rows (in the engine, spilled to disk where large)."""
        self._kept.append(f"kept_{next(self._numbers)}")
        return self.engine.create_table(self._kept[-1], expression, temp=True)

    def release(self) -> None:
        """Let go of what `keep` holds."""
        while self._kept:
            self.engine.drop_table(self._kept.pop())

    def drop_runs_before(self, run: int) -> None:
        """After everybody was decided by `run`, older derived rows and figures are history nobody reads."""
        for table in (*DERIVED, *FIGURES):
            if DeltaTable.is_deltatable(str(self.root / table)):
                self._open(table).delete(f"run < {int(run)}")

    def compact(self) -> dict[str, int]:
        """Merge small files and drop those no reader can need any more; returns table -> files now."""
        files = {}
        for table in TABLES:
            if not DeltaTable.is_deltatable(str(self.root / table)):
                continue
            delta = self._open(table)
            delta.optimize.compact()
            delta.vacuum(retention_hours=24, dry_run=False, enforce_retention_duration=False)
            delta.create_checkpoint()
            files[table] = len(self._open(table).file_uris())
        return files

    def close(self) -> None:
        self.engine.disconnect()

    def _open(self, table: str) -> DeltaTable:
        try:
            return DeltaTable(str(self.root / table))
        except (DeltaError, OSError, ValueError) as error:
            raise SetupError(
                f"the warehouse table {table} cannot be read: {str(error).splitlines()[0][:200]}",
                hint=f"restore {self.root / table} from a backup, then: lamplighter run",
            ) from None
