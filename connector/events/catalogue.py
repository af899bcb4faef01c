"""The shop's product feed: a Google Merchant feed in CSV or TSV, read through a mapping file."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connector.events.files import Place, modified
from connector.events.mapped import MappedFile, Shape, filled
from connector.field_map import Record, StreamMap
from connector.mapping import load_mapping
from connector.ports import EventSource


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """A feed read by `mappings/MAPPING.yaml` (`catalogue` where none is named)."""
    needs = {"product": ("product_id",)}
    return MappedFile(name, path, load_mapping(mapping or "catalogue", home, needs), CATALOGUE)


def _record(found: Record) -> Record:
    """Attributes as Google's specification spells them: without `g:`, lower case, underscores."""
    return {name.lower().removeprefix("g:").replace(" ", "_"): value for name, value in found.items()}


def _of_no_use(rules: StreamMap, records: Sequence[Record]) -> frozenset[int]:
    return frozenset()


def _finish(rows: pa.Table, name: str, now: Place) -> tuple[pa.Table, Sequence[str]]:
    """`version` is the product's own time of change where the feed has one, else when the file was written."""
    changed = pc.coalesce(rows["updated_at"], pa.scalar(modified(now), rows.schema.field("updated_at").type))
    finished = filled(
        rows,
        key=pc.binary_join_element_wise("feed", rows["product_id"], ":"),
        version=changed,
        source=pa.repeat(pa.scalar("feed"), rows.num_rows),
        updated_at=changed,
    )
    return finished, [""] * rows.num_rows


CATALOGUE = Shape(stream="product", grows=False, record=_record, of_no_use=_of_no_use, finish=_finish)
