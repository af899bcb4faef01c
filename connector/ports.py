"""The three small interfaces between the stages and the outside world. The comments are the contract.

A new CRM, ad destination or event source is one file that keeps these words; the stages see nothing else.
`tests/conformance` checks every adapter against them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from connector.model import Batch, Calls, Cursor, Delivery, Finding, ListSpec, Receipt

Known = Callable[[Sequence[str]], Mapping[str, datetime]]
"""Given record keys (`hubspot:101`), the newest version we hold or wrote ourselves, for those we know.
A source may skip a record whose version is not newer, and counts it as skipped."""


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

    def ensure(self, lists: Sequence[ListSpec]) -> Mapping[str, str]:
        """Make sure each list exists and is ours; returns name -> remote id.

        - Idempotent: found by the id we stored (`remember`), then by label, else created. Never takes over a list
          that is not ours, never touches one we did not create.
        - A list renamed by the marketer is followed; a deleted one is created again.
        - Lists that are ensured already cost no call.
        """
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

    @property
    def calls(self) -> Calls:
        """Calls made since the adapter was built."""
        ...


@runtime_checkable
class CRM(EventSource, Destination, Protocol):
    """A CRM is read and written.

    Streams are `contact`, `product`, `order_header`, `order_line`. Keys are `name:id`.
    """

    def check(self) -> Sequence[Finding]:
        """Everything an admin should know before the first run: token, scopes, properties, quota, each with a fix.
        Never raises for what it finds; reads only."""
        ...

    def provision(self) -> None:
        """Create our property group and properties where they are missing. Idempotent."""
        ...


@runtime_checkable
class AdDestination(Destination, Protocol):
    """An ad platform: its audiences have sizes, caps and a delay the planner must know."""

    minimum_size: int
    maximum_audiences: int
    effect_delay_hours: int
