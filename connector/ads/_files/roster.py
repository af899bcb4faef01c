"""Who is in a list, kept beside the files in a form of our own: the files themselves may be taken away at any time."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from connector.ads._files.folder import Folder
from connector.ads._identifiers import key_of_hex, kind_of, raw

STATE, MANIFEST = ".lamplighter", "manifest.json"
KINDS = {b"e": "email", b"p": "phone"}
LETTERS = {kind: letter for letter, kind in KINDS.items()}
WIDE = 33
"""Bytes of a member: a letter for its kind, and the hash."""


class Rosters:
    """The lists of one folder.

    `members` are who is in; `add` and `remove` are who is in the files of differences that nobody has taken yet.
    """

    def __init__(self, path: Path) -> None:
        self._folder = Folder(path)
        self._state = Folder(path / STATE)

    def all(self) -> dict[str, Mapping[str, str]]:
        """File name -> `list`, our key, and `label`, of every list that was made. Raises SetupError where the folder
        cannot be used."""
        self._folder.require()
        found = self._state.read(MANIFEST)
        return dict(json.loads(found)) if found else {}

    def enter(self, slug: str, key: str, label: str) -> None:
        """Note that a list is made under a name."""
        self._keep({**self.all(), slug: {"list": key, "label": label}})

    def strike(self, slug: str) -> None:
        """Forget a list."""
        self._keep({name: entry for name, entry in self.all().items() if name != slug})

    def _keep(self, entries: Mapping[str, Mapping[str, str]]) -> None:
        self._state.make()
        self._state.write(MANIFEST, [json.dumps(entries, sort_keys=True, indent=1).encode()])

    def read(self, slug: str, what: str) -> set[str] | None:
        """Match keys of a list; None where nothing is kept under that name."""
        found = self._state.read(f"{slug}.{what}")
        return None if found is None else {_key(found[at : at + WIDE]) for at in range(0, len(found), WIDE)}

    def write(self, slug: str, what: str, members: Iterable[str]) -> None:
        """Keep match keys of a list."""
        self._state.make()
        self._state.write(f"{slug}.{what}", [b"".join(sorted(map(_packed, members)))])

    def has(self, slug: str, what: str) -> bool:
        """Whether anything is kept under a name."""
        return self._state.has(f"{slug}.{what}")

    def forget(self, slug: str, what: str) -> None:
        """Keep them no more."""
        self._state.remove(f"{slug}.{what}")


def _packed(member: str) -> bytes:
    return LETTERS[kind_of(member)] + raw(member)


def _key(packed: bytes) -> str:
    return key_of_hex(KINDS[packed[:1]], packed[1:].hex())
