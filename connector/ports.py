"""The three small interfaces between the stages and the outside world. The comments are the contract.

A new CRM, ad destination or event source is one file that keeps these words; the stages see nothing else.
`tests/conformance` checks every adapter against them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import pyarrow as pa

from connector.model import AdTerms, Batch, Calls, Cursor, Delivery, Ensured, Finding, Guard, ListSpec, Receipt, Sale

Known = Callable[[Sequence[str]], Mapping[str, datetime]]
"""Given record keys (`hubspot:101`), the newest version we hold, for those we know.
A source may skip a record whose version is not newer, and counts it as skipped."""

Held = Callable[[str], pa.Table]
"""Given a table of the warehouse (`contact`), what we hold of this source in it, one row a key, ordered by key:
[key, version, gone, bare, points_to, replaces]. `gone`: deleted or merged away; `bare`: nothing is held but that;
`points_to`: contact_key of an order_header, order_key of an order_line, merged_into of a contact, else None;
`replaces`: replaces or replaced_by of an order_header."""

SILENCE = Guard(percent=30, at_least=100)
"""How much of what we hold a sweep may find merely absent before a person must say that it was deleted."""


class Remembered(Protocol):
    """What an adapter keeps between runs about the things it made over there."""

    def get(self, kind: str, name: str) -> str | None:
        """The text kept under `kind` and `name`, or None."""
        ...

    def put(self, kind: str, name: str, value: str) -> None:
        """Keep a text; durable when this returns. The empty text forgets."""
        ...

    def change(self, name: str, texts: Mapping[str, str]) -> None:
        """Keep texts of several kinds (kind -> text) under one name: all of them, or none where the process dies."""
        ...

    def all(self, kind: str) -> Mapping[str, str]:
        """Name -> text, of everything kept under `kind` and not forgotten."""
        ...


@runtime_checkable
class EventSource(Protocol):
    """Something that hands out rows once, in order, and can go on where it stopped."""

    name: str

    def streams(self) -> Sequence[str]:
        """The streams in the order in which they must be pulled. Stable names: cursors are stored under them."""
        ...

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Everything after `cursor` (None: everything), oldest first, in batches that fit in memory.

        - At least once: rows at the cursor's boundary are handed out again. Replays are harmless to the reader.
        - `cursor` of a batch is stored after its rows are kept; a source that is pulled again from it misses nothing.
        - read == kept + skipped + rejected in every batch.
        - A record that cannot be used becomes a Rejection; it never ends the pull.
        - Retries are the source's business. What it raises is final for this run: SetupError or RetryLater.
        - No news: yields nothing, or a batch without rows whose cursor moves on.
        """
        ...


@runtime_checkable
class Destination(Protocol):
    """Something that keeps lists of people for us."""

    name: str

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """Make sure each list exists and is ours.

        - Idempotent: found by the id we stored (`remember`), then by label, else created. Never takes over a list
          that is not ours, never touches one we did not create.
        - A list renamed by the marketer is followed. One that was deleted is restored, or made again, once; the
          second time it stays deleted and is refused with that reason.
        - A list that cannot be made (the account's limit, our own) is refused; the others go on.
        - Lists that are ensured already cost no call.
        """
        ...

    def members(self, audience: str) -> Iterator[Sequence[str]]:
        """Who is in an ensured list now, page by page, so that drift can be told. Raises ListGone where it is gone."""
        ...

    def alive(self, members: Sequence[str]) -> frozenset[str]:
        """Those of `members` that are still contacts under that very id: neither deleted nor merged away."""
        ...

    def deliver(self, delivery: Delivery) -> Receipt:
        """Carry out one batch, of at most `batch_size(kind)` changes.

        - May be called again with the same batch after an unknown outcome: the end state is the same.
        - One bad row never fails its neighbours: it comes back in `rejected` with the destination's words.
        - An answer that accounts for fewer rows than were sent counts as nothing written for the missing ones.
        - Raises RetryLater when the outcome is unknown or nothing was done; SetupError when only the admin can help.
        """
        ...

    def read_back(self, delivery: Delivery) -> Receipt:
        """Whether the wishes of `delivery` hold now, without writing: added / removed / written name those that
        do; `rejected` those that do not. Used to settle a batch whose answer was never seen."""
        ...

    def batch_size(self, kind: str) -> int:
        """The most changes of this kind in one Delivery."""
        ...

    def close(self) -> None:
        """Let go of connections; whoever goes on makes new ones."""
        ...

    @property
    def calls(self) -> Calls:
        """Calls made since the adapter was built."""
        ...


@runtime_checkable
class CRM(EventSource, Destination, Protocol):
    """A CRM is read and written.

    Streams are `contact`, `product`, `order_header`, `order_line`, and what else the CRM needs to fill these tables.
    Keys are `name:id`.
    """

    def sweeps(self) -> Mapping[str, timedelta]:
        """Looks at what `pull` cannot see (deletions, moved associations): name -> how often one is worth its calls.
        Each has a cadence of its own in `jobs/`. Zero: it cannot wait, and the run that hears so carries it out."""
        ...

    def sweep(self, name: str, cursor: Cursor | None, held: Held, *, approved: bool = False) -> Iterator[Batch]:
        """Hold what the CRM has now against what we hold, and hand out the differences.

        - As for `pull`: cursors are stored after rows are kept, a sweep that was broken off goes on from its last
          one, and read == kept + skipped + rejected.
        - A difference becomes a row: a deletion has `deleted_at`, a merge `merged_into`, a moved order its new
          contact. Such a row is newer than the one it replaces; what a deletion leaves empty stays as it was held.
        - What is gone for good is named in `erased` too, as far as it may hold personal data.
        - Absence is taken for deletion only where the CRM confirms it, and for more than SILENCE allows only when a
          person has `approved`; else GuardStop, with nothing deleted.
        - No difference: batches without rows.
        """
        ...

    def forecast(self, cursors: Mapping[str, Cursor | None]) -> int | None:
        """How many calls `pull` will take from these cursors (stream -> cursor), at a cost of at most one call a
        stream and one to learn what is left of the quota; None where the CRM does not tell."""
        ...

    def check(self) -> Sequence[Finding]:
        """Everything an admin should know before the first run: token, scopes, properties, quota, each with a fix.
        Never raises for what it finds; reads only."""
        ...

    def provision(self) -> None:
        """Create our property group and properties where they are missing. Idempotent."""
        ...


@runtime_checkable
class AdDestination(Protocol):
    """An ad platform that keeps audiences of people whom our ads are to leave alone.

    A member is a match key: `email:` or `phone:` and the base64url SHA-256, without padding, of that identifier as
    this platform spells it. Nothing else that names a person ever reaches an adapter, but for `match` and `report`.
    Platforms do not say who is in an audience: what we believe is what they have accepted.
    """

    name: str
    terms: AdTerms

    def match(self, kind: str, value: str) -> str | None:
        """The match key of an identifier (`email`, `phone`); None where the platform's rules cannot use it."""
        ...

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """As of a Destination: found by the id we stored, then by our key or label, else created; refused with what
        to do where it cannot be. Audiences that are ensured already cost no call; a closed one is made anew."""
        ...

    def deliver(self, delivery: Delivery) -> Receipt:
        """Carry out one membership batch; as of a Destination. What the platform only accepted counts as done, and is
        asked about by `confirm`. Raises ListGone where the audience is gone. A batch whose answer was never seen is
        not repeated, since somebody in it may have withdrawn since: the next plan states its wish for them anew."""
        ...

    def refresh(self, audience: str, members: Iterable[Sequence[str]], *, sure: bool = False) -> Receipt:
        """Make `members` (in parts of at most `batch_size`) the whole audience, without a moment in which those who
        stay are out. May be repeated after any interruption. `removed` is empty: nobody knows who left. A platform
        that works later may take the others out only when it is asked (`confirm`).

        Args:
            sure: by our books nobody else is in it, so that what takes others out may be spared.
        """
        ...

    def confirm(self, note: Callable[[Mapping[str, str]], None] = lambda told: None) -> Mapping[str, str]:
        """What became of batches that were only accepted: delivery id -> the platform's words, of those that failed
        at least in part; a refresh is named `refresh:` and its audience, erasures `erase`, sales `sales`. Each is told
        once; those still at work are asked about again next time.

        Args:
            note: told the same before it is forgotten here; whoever is killed or stopped before is told again.
        """
        ...

    def drop(self, audience: str) -> None:
        """Delete an audience of ours that nobody wants any more. One that is gone already is no error."""
        ...

    def erase(self, members: Sequence[str]) -> Mapping[str, str]:
        """Take people out of every audience of the account, ours or not, as far as the platform can.

        Returns:
            match key -> "" where the platform has accepted it, else its words.
        """
        ...

    def report(self, sales: Sequence[Sale]) -> Receipt:
        """Tell the platform of purchases and refunds that its own tag may not have seen. Absolute: telling twice counts
        once (`Sale.key`). `written` and `rejected` name sales by key."""
        ...

    def check(self) -> Sequence[Finding]:
        """As of a CRM: everything an admin should know, each with a fix. Never raises for what it finds; reads only."""
        ...

    def batch_size(self, kind: str) -> int:
        """The most rows of this kind (`membership`, `sale`) in one call."""
        ...

    def close(self) -> None:
        """As of a Destination."""
        ...

    @property
    def calls(self) -> Calls:
        """Calls made since the adapter was built."""
        ...
