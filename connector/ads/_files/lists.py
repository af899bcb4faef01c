"""The files of each list: all of it, and where the platform takes them the differences since somebody took the last."""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from connector.ads._files.folder import Folder
from connector.ads._files.format import Format
from connector.ads._files.roster import Rosters
from connector.ads._standing import NotMade, Standing
from connector.model import Ensured, ListSpec

MEMBERS, ADD, REMOVE = "members", "add", "remove"
_ODD = re.compile(r"[^a-z0-9_-]+")
CHUNK = 10_000
TRIED = 100


def slug(name: str) -> str:
    """A list's name as files carry it: letters, digits, dashes; with a digest where that left something out."""
    plain = _ODD.sub("-", name.lower()).strip("-")[:64]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".strip("-")


def _names(key: str) -> Iterator[str]:
    """What a list's files may be called: its key, and with a number after it where that name is taken."""
    yield slug(key)
    yield from (f"{slug(key)}-{number}" for number in range(2, TRIED))


class Lists:
    """Writes lists into one folder, in one platform's form."""

    def __init__(self, path: Path, form: Format, standing: Standing) -> None:
        self._folder = Folder(path)
        self._rosters = Rosters(path)
        self._form = form
        self._standing = standing

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """See `connector.ports.AdDestination.ensure`. The id of a list is what its files are called."""
        return self._standing.ensured(lists, self._stand)

    def _stand(self, wanted: ListSpec) -> str:
        """The name of a list with our key, made where none stands; never that of somebody else's file."""
        known = self._rosters.all()
        for name in _names(wanted.name):
            if name in known and known[name]["list"] == wanted.name and self._rosters.has(name, MEMBERS):
                return name
            if name not in known and not any(self._folder.has(f"{name}{part}.csv") for part in self._form.parts()):
                return self._made(name, wanted, len(known))
        raise NotMade("there are files of that name already; move them out of the folder")

    def _made(self, name: str, wanted: ListSpec, count: int) -> str:
        if count >= self._form.terms.maximum_audiences:
            raise NotMade(f"there are {count} lists in the folder already, and no more may be; have fewer groups")
        self._rosters.write(name, MEMBERS, ())
        self._rosters.enter(name, wanted.name, wanted.label)
        return name

    def members(self, audience: str) -> set[str]:
        """Who is in. Raises ListGone for a list that is not there."""
        name = self._standing.id(audience)
        self._folder.require()
        if (found := self._rosters.read(name, MEMBERS)) is None:
            raise self._standing.gone(audience)
        return found

    def change(self, audience: str, add: Collection[str], remove: Collection[str]) -> None:
        """Put people in and take people out, and write the files."""
        members = (self.members(audience) | set(add)) - set(remove)
        self._keep(self._standing.id(audience), members, add, remove)

    def replace(self, audience: str, members: Collection[str]) -> None:
        """Let these be everybody, and write the files."""
        before, wanted = self.members(audience), set(members)
        self._keep(self._standing.id(audience), wanted, wanted - before, before - wanted)

    def _keep(self, name: str, members: set[str], add: Collection[str], remove: Collection[str]) -> None:
        """First the files, then what we remember: a change that breaks off is asked for again, and an erasure must
        then still find whom it was about."""
        if self._form.differences:
            waiting = self._waiting(name, ADD) - set(remove) | set(add)
            leaving = self._waiting(name, REMOVE) - set(add) | set(remove)
            for what, those in ((ADD, waiting), (REMOVE, leaving)):
                self._write(name, those, f"-{what}")
                self._rosters.write(name, what, those)
        self._write(name, members)
        self._rosters.write(name, MEMBERS, members)

    def _waiting(self, name: str, what: str) -> set[str]:
        """Who is in a file of differences that is still there; once somebody took it away, it begins anew."""
        there = any(self._folder.has(f"{name}{part}-{what}.csv") for part in self._form.parts())
        return (self._rosters.read(name, what) or set()) if there else set()

    def _write(self, name: str, members: Collection[str], ending: str = "") -> None:
        ordered = sorted(members)
        for part, kinds in self._form.parts().items():
            self._folder.write(f"{name}{part}{ending}.csv", _chunks(self._form.lines(ordered, kinds)))

    def drop(self, audience: str) -> None:
        """Delete a list with its files, if it is there."""
        for name in [name for name, entry in self._rosters.all().items() if entry["list"] == audience]:
            for what in ("", f"-{ADD}", f"-{REMOVE}"):
                for part in self._form.parts():
                    self._folder.remove(f"{name}{part}{what}.csv")
            for what in (MEMBERS, ADD, REMOVE):
                self._rosters.forget(name, what)
            self._rosters.strike(name)
        self._standing.forget(audience)

    def erase(self, members: Collection[str]) -> None:
        """Take people out of every list; those who were in, or wait to be added in a file, are named as leaving."""
        gone = set(members)
        for name in self._rosters.all():
            if (before := self._rosters.read(name, MEMBERS)) is None:
                continue
            waiting = self._waiting(name, ADD) if self._form.differences else set()
            if leaving := (before | waiting) & gone:
                self._keep(name, before - gone, (), leaving)

    def count(self) -> int:
        """How many lists there are. Raises SetupError where the folder cannot be used."""
        return len(self._rosters.all())


def _chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Text in pieces, each line with its end."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if len(held) >= CHUNK:
            yield ("\n".join(held) + "\n").encode()
            held.clear()
    if held:
        yield ("\n".join(held) + "\n").encode()
