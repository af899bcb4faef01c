"""Lists as files in a platform's own upload form, for platforms that are fed by hand or by SFTP.

The forms: `connector/ads/_files`, one small file a platform.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.ads import _files
from connector.ads._files.format import Format
from connector.ads._files.lists import Lists
from connector.ads._identifiers import readable
from connector.ads._standing import Standing
from connector.errors import LamplighterError, SetupError
from connector.model import Calls, Delivery, Ensured, Finding, ListSpec, Receipt, Sale
from connector.ports import Remembered

__all__ = ["Files", "build", "platforms"]

ROWS = 100_000
"""Changes of one delivery; each writes the whole list anew."""
NO_SALES = "this platform is told of lists by file, and of no sales"


def platforms() -> Mapping[str, Format]:
    """Platform -> its form, of those that there are."""
    modules = (
        importlib.import_module(f"{_files.__name__}.{one.name}") for one in pkgutil.iter_modules(_files.__path__)
    )
    return {one.__name__.rpartition(".")[2]: one.FORMAT for one in modules if hasattr(one, "FORMAT")}


def build(settings: Mapping[str, Any], remembered: Remembered) -> "Files":
    """The adapter.

    Args:
        settings: `name`, which books and ledgers call it; `platform`; `folder`, which is there and absolute.

    Raises:
        SetupError: there is no such platform.
    """
    known = platforms()
    if (platform := settings["platform"]) not in known:
        raise SetupError(f"no files are written for {platform!r}", hint=f"known: {', '.join(sorted(known))}")
    return Files(settings["name"], Path(settings["folder"]), known[platform], remembered)


class Files:
    """One folder behind the port of ad destinations, whose comments say what each method promises."""

    def __init__(self, name: str, folder: Path, form: Format, remembered: Remembered) -> None:
        self.name = name
        self.terms = form.terms
        self._folder = folder
        self._form = form
        self._lists = Lists(folder, form, Standing(str(folder), remembered))
        self._calls = Calls()

    def match(self, kind: str, value: str) -> str | None:
        """The match key of an identifier as the platform spells it."""
        return self._form.match(kind, value)

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """Our lists; their ids are what their files are called."""
        return self._lists.ensure(lists)

    def deliver(self, delivery: Delivery) -> Receipt:
        """Write the files with this change. Delivered again, they are written again just so."""
        add, bad = readable(delivery.add)
        remove, worse = readable(delivery.remove)
        if delivery.size:
            self._lists.change(delivery.audience, add, remove)
        return Receipt(added=add, removed=remove, rejected=bad | worse)

    def refresh(self, audience: str, members: Iterable[Sequence[str]], *, sure: bool = False) -> Receipt:
        """Write the files with just these people."""
        wanted, bad = readable([member for part in members for member in part])
        self._lists.replace(audience, wanted)
        return Receipt(added=wanted, rejected=bad)

    def confirm(self, note: Callable[[Mapping[str, str]], None] = lambda told: None) -> Mapping[str, str]:
        """A file is written or it is not: there is nothing to ask about."""
        return {}

    def drop(self, audience: str) -> None:
        """Delete a list's files. What was uploaded is for the admin to delete over there."""
        self._lists.drop(audience)

    def erase(self, members: Sequence[str]) -> Mapping[str, str]:
        """Take people out of every list, and name them in the files of those who leave."""
        good, bad = readable(members)
        self._lists.erase(good)
        return dict.fromkeys(good, "") | bad

    def report(self, sales: Sequence[Sale]) -> Receipt:
        """None is told."""
        return Receipt(rejected={sale.key: NO_SALES for sale in sales})

    def check(self) -> Sequence[Finding]:
        """Whether the folder can be written, and where its files go."""
        title = f"files for {self.name}"
        try:
            count = self._lists.count()
        except LamplighterError as error:
            return [Finding(ok=False, title=title, detail=error.message, fix=error.hint)]
        detail = f"{self._folder}, {count} lists; upload them at: {self._form.upload}"
        return [Finding(ok=True, title=title, detail=detail)]

    def batch_size(self, kind: str) -> int:
        """Changes of one delivery."""
        return ROWS

    def close(self) -> None:
        """Files are closed when they are written."""

    @property
    def calls(self) -> Calls:
        """None, ever."""
        return self._calls
