"""What a platform's upload file looks like. A further platform is one file beside this one that holds a FORMAT."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.ads._identifiers import kind_of, raw
from connector.model import AdTerms


@dataclass(frozen=True, kw_only=True)
class Format:
    """One platform's file of people.

    Attributes:
        match: the match key of an identifier (kind, value) as the platform spells it; None for what it cannot use.
        columns: kind of identifier -> header of its column.
        template: all headers in their order, where the platform wants more than those of `columns`.
        header: whether the first line holds them.
        encode: how a hash is written.
        differences: whether the platform takes files of people to add, and to remove, beside whole lists.
        apart: whether each kind of identifier needs a file of its own.
        terms: what the platform allows and needs.
        upload: where a file goes, in words for the admin.
    """

    match: Callable[[str, str], str | None]
    columns: Mapping[str, str]
    template: Sequence[str] = ()
    header: bool = True
    encode: Callable[[bytes], str] = bytes.hex
    differences: bool = False
    apart: bool = False
    terms: AdTerms
    upload: str

    def parts(self) -> Mapping[str, Sequence[str]]:
        """Ending of a file's name -> the kinds of identifier in it."""
        return {f"-{kind}": (kind,) for kind in self.columns} if self.apart else {"": tuple(self.columns)}

    def lines(self, members: Sequence[str], kinds: Sequence[str]) -> Iterator[str]:
        """The lines of a file with those of `members` that are of `kinds`, one identifier a line."""
        headers = list(self.template or [self.columns[kind] for kind in kinds])
        if self.header:
            yield ",".join(headers)
        at = {kind: headers.index(self.columns[kind]) for kind in kinds}
        blank = [""] * len(headers)
        for member in members:
            if (place := at.get(kind_of(member))) is not None:
                cells = blank.copy()
                cells[place] = self.encode(raw(member))
                yield ",".join(cells)
