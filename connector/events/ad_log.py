"""An ad log: who was shown which ad and who clicked on it; events whose mapping names the product."""

from pathlib import Path

from connector.events.events import EVENTS, events_mapping
from connector.events.mapped import MappedFile
from connector.ports import EventSource


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """An ad log read by `mappings/MAPPING.yaml` (`ad_log` where none is named)."""
    return MappedFile(name, path, events_mapping(mapping or "ad_log", home, "product_id"), EVENTS)
