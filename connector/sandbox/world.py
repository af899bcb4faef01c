"""Reads a world: a folder of CSV files, plain or gzip, of one shop's contacts, products and orders.

Read as a stream. The columns and their meaning stand in the worlds' README; further columns are left alone.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from connector.errors import SetupError

Row = Mapping[str, str]

CONTACTS, PRODUCTS, ORDERS, LINES = "contacts.csv", "products.csv", "orders.csv", "order_lines.csv"

COLUMNS = {
    CONTACTS: "contact_id email phone first_name last_name country created_at updated_at email_opt_out ads_consent",
    PRODUCTS: "id title price",
    ORDERS: "order_id contact_id ordered_at status currency",
    LINES: "line_id order_id product_id quantity unit_price",
}
"""The columns that a CRM is filled from."""


class World:
    """One folder, read file by file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file, self._line = folder.name, 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Whatever goes wrong with a row in here becomes a SetupError that names its file and line."""
        try:
            yield
        except (ValueError, csv.Error, EOFError, zlib.error, OSError) as wrong:
            message = f"The world file {self._file} cannot be read at line {self._line}: {wrong}."
            raise SetupError(message, hint="make the world again, or name another folder") from wrong

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of one file. Raises SetupError where there is none, ValueError for a torn one."""
        path = self._path(name)
        self._file, self._line = path.name, 1
        with _opened(path) as file:
            reader = csv.DictReader(file, strict=True)
            if lacking := [column for column in COLUMNS[name].split() if column not in (reader.fieldnames or ())]:
                raise ValueError(f"the column {lacking[0]} is missing")
            for row in reader:
                self._line = reader.line_num
                if None in row.values():
                    raise ValueError("the row ends early")
                yield row

    def _path(self, name: str) -> Path:
        for path in (self.folder / name, self.folder / f"{name}.gz"):
            if path.exists():
                return path
        message = f"The world {self.folder.name} has no {name} and no {name}.gz."
        raise SetupError(message, hint="name a folder in the world format: contacts, products, orders, order_lines")


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8", newline=""))
    return path.open(encoding="utf-8", newline="")
