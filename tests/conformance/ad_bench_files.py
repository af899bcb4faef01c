"""The bench on which lists as files are tested: a folder, read as the platform would read what is uploaded from it."""

import csv
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ad_bench import Kept, Sold

from connector.ads import build
from connector.ads._files.folder import Folder
from connector.ads._files.roster import Rosters
from connector.ads._identifiers import key_of_hex, raw
from connector.ports import AdDestination

DIFFERENCES = ("-add", "-remove")


class Bench:
    """One folder and adapters on it."""

    name = "files"
    over_http = False
    answers_later = False
    refuses_rows = False
    erases_foreign = False

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory()
        self.folder = Path(self._place.name)
        self.kept = Kept()
        self._write = Folder.write

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        Folder.write = self._write  # type: ignore[method-assign]
        self._place.cleanup()

    def destination(self, **settings: Any) -> AdDestination:
        """A new adapter."""
        told = {"name": "by_hand", "platform": "meta", "folder": self.folder}
        return build("files", {**told, **settings}, self.kept)

    def audiences(self) -> Mapping[str, str]:
        """Name of a file -> label."""
        there = {path.stem: path.stem for path in self.folder.glob("*.csv") if not path.stem.endswith(DIFFERENCES)}
        rosters = Rosters(self.folder)
        ours = {name: one["label"] for name, one in rosters.all().items() if rosters.has(name, "members")}
        return {**there, **ours}

    def members(self, remote_id: str) -> set[str]:
        """Match keys of those in the file of a whole list."""
        path = self.folder / f"{remote_id}.csv"
        if not path.exists():
            return set()
        with path.open(newline="") as file:
            return {
                key_of_hex(kind, cell) for row in csv.DictReader(file) for kind, cell in row.items() if kind and cell
            }

    def make_foreign(self, label: str, members: Sequence[str] = ()) -> str:
        """Somebody else keeps a file in the folder."""
        hashes = "".join(f"{raw(one).hex()}\n" for one in members)
        (self.folder / f"{label}.csv").write_text(f"email\n{hashes}")
        return label

    def delete(self, remote_id: str) -> None:
        """The admin deletes all that is kept of a list."""
        for path in [*self.folder.glob(f"{remote_id}*.csv"), *self.folder.glob(f".lamplighter/{remote_id}.*")]:
            path.unlink()

    def fill_up(self) -> None:
        """As many lists as there may be."""
        rosters = Rosters(self.folder)
        for number in range(self.destination().terms.maximum_audiences):
            rosters.enter(f"campaign-{number}", f"campaign{number}", f"Campaign {number}")

    def settle(self) -> None:
        """Nothing is worked through later."""

    def fail_work(self) -> None:
        """Nothing is worked through later."""

    def refuse(self, members: Sequence[str]) -> None:
        """Nobody refuses a line."""

    def end_session(self) -> None:
        """There is no token."""

    def revoke(self) -> None:
        """There is no token."""

    def fault(self, at: str = "", **how: Any) -> None:
        """There are no calls."""

    def works_again(self) -> None:
        """There are no calls."""

    def watch(self, look: Callable[[], None]) -> None:
        """Call `look` after every file that is written."""
        write = self._write

        def watched(folder: Folder, name: str, chunks: Iterable[bytes]) -> None:
            write(folder, name, chunks)
            look()

        Folder.write = watched  # type: ignore[method-assign]

    def counts(self) -> Mapping[str, Any]:
        """There are no calls."""
        return {"total": 0, "reads": 0, "writes": 0}

    def forget(self) -> None:
        """There are no calls."""

    def largest(self) -> int:
        """A file has as many lines as it takes."""
        return 0

    def urls(self) -> Sequence[str]:
        """Every name in the folder."""
        return [str(path.relative_to(self.folder)) for path in self.folder.rglob("*")]

    def sold(self) -> Sequence[Sold]:
        """No sales are told."""
        return []
