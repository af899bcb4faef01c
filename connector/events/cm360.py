"""Campaign Manager 360, Data Transfer v2: CSV files of impressions, clicks and Floodlight activities.

Columns go through `mappings/cm360.yaml`. A row has no id of its own, so it is known by what no two rows share. Many
impressions have no User ID, for privacy: they are nobody's, and skipped. Activities only tie identifiers.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from connector.events.events import EVENTS, events_mapping, translated_to_nothing
from connector.events.mapped import MappedFile
from connector.events.values import digest
from connector.field_map import Record, StreamMap
from connector.identifiers import opaque
from connector.ports import EventSource

KEY = "Event Key"
"""Name of the made-up column that names a row."""
NAMING = ("Event Type", "Event Sub-Type", "Event Time", "User ID", "Impression ID", "Ad ID", "Placement ID")
_FLOODLIGHT = re.compile(r"(?:^|;)(u\d{1,3})=([^;]*)")
"""Custom variables of a Floodlight tag, within `Other Data`."""


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """Such files read by `mappings/MAPPING.yaml` (`cm360` where none is named)."""
    return MappedFile(name, path, events_mapping(mapping or "cm360", home), CM360)


def _record(found: Record) -> Record:
    """The row with its key and, by name, the custom variables of an activity."""
    variables = dict(_FLOODLIGHT.findall(str(found.get("Other Data") or "")))
    return {**found, **variables, KEY: digest(*(found.get(column, "") for column in NAMING))}


def _of_no_use(rules: StreamMap, records: Sequence[Record]) -> frozenset[int]:
    nobodys = [at for at, each in enumerate(records) if opaque(str(each.get("User ID") or "")) is None]
    untyped = [at for at, each in enumerate(records) if not str(each.get("Event Type") or "").strip()]
    return translated_to_nothing(rules, records).union(nobodys, untyped)


CM360 = replace(EVENTS, record=_record, of_no_use=_of_no_use)
