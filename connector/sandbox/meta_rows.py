"""The rows of an upload to the sandbox Meta: which columns they have, and which of them can be read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from connector.sandbox.meta_account import Account, Key
from connector.sandbox.meta_errors import invalid
from connector.sandbox.meta_params import nested

HASHED = re.compile(r"[0-9a-f]{64}").fullmatch
NOTHING = sha256(b"").digest()
"""The hash of the empty text names nobody."""
NOT_HASHED = frozenset({"EXTERN_ID", "MADID"})
KEYS = ("EMAIL", "PHONE", *sorted(NOT_HASHED))
"""Columns that name somebody by themselves."""
COLUMNS = frozenset({*KEYS, "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "COUNTRY"})
OPTIONS = ("DATA_PROCESSING_OPTIONS", "DATA_PROCESSING_OPTIONS_COUNTRY", "DATA_PROCESSING_OPTIONS_STATE")
SINGLE = {"EMAIL_SHA256": "EMAIL", "PHONE_SHA256": "PHONE", "MOBILE_ADVERTISER_ID": "MADID"}
SAMPLES = 100


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What came. A row with two keys is kept under both; `limited` says that use of its data is limited."""

    received: int
    rows: Sequence[tuple[Key, bool]]
    invalid: int
    samples: Sequence[str]

    @property
    def keys(self) -> list[Key]:
        """Whom it names."""
        return [key for key, _ in self.rows]


def upload(account: Account, told: Mapping[str, Any]) -> Upload:
    """The rows of `payload`. Raises Refusal for what Meta does not take at all."""
    payload = nested(told, "payload")
    columns, data = _columns(payload.get("schema")), payload.get("data")
    if not isinstance(data, list) or not data:
        raise invalid("The parameter payload[data] is required")
    if len(data) > account.settings.rows:
        raise invalid(f"At most {account.settings.rows} users may be sent in one request.", 1_870_033)
    good: list[tuple[Key, bool]] = []
    bad: list[str] = []
    for row in data:
        cells = row if isinstance(row, list) else [row]
        found = list(_keys(columns, cells, account.refused))
        good += [(key, _limited(columns, cells)) for key in found]
        if not found:
            bad.append(next((str(cell) for cell in cells if cell), ""))
    return Upload(received=len(data), rows=good, invalid=len(bad), samples=bad[:SAMPLES])


def _columns(schema: Any) -> list[str]:
    columns = [SINGLE.get(schema, schema)] if isinstance(schema, str) else schema
    if not isinstance(columns, list) or not set(columns) & set(KEYS) or set(columns) - COLUMNS - set(OPTIONS):
        raise invalid("param payload[schema] must name columns that there are, one of which identifies somebody.")
    return columns


def _keys(columns: Sequence[str], cells: Sequence[Any], refused: set[bytes]) -> Iterator[Key]:
    """The keys of a row; none where one of its cells cannot be read."""
    found: list[Key] = []
    for column, cell in zip(columns, cells, strict=False):
        if cell == "" or column in OPTIONS:
            continue
        if not isinstance(cell, str) or not (column in NOT_HASHED or HASHED(cell)):
            return
        digest = cell.encode() if column in NOT_HASHED else bytes.fromhex(cell)
        if digest == NOTHING or digest in refused:
            return
        if column in KEYS:
            found.append((column.lower(), digest))
    yield from found


def _limited(columns: Sequence[str], cells: Sequence[Any]) -> bool:
    """Whether a row asks for Limited Data Use. Raises Refusal for an option that there is none of."""
    if OPTIONS[0] not in columns:
        return False
    told = dict(zip(columns, cells, strict=False))
    if (wanted := told.get(OPTIONS[0]) or []) not in ([], ["LDU"]):
        raise invalid('DATA_PROCESSING_OPTIONS must be [] or ["LDU"].')
    if any(not isinstance(told.get(name, 0), int) for name in OPTIONS[1:]):
        raise invalid("DATA_PROCESSING_OPTIONS_COUNTRY and _STATE must be numbers.")
    return bool(wanted)
