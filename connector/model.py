"""The values that travel between the rooms: frozen, keyword-only, times aware and in UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import pyarrow as pa

Cursor = Mapping[str, Any]
"""Where a source stands, in the source's own words; JSON, opaque to everybody else."""


def aware(moment: datetime) -> datetime:
    """`moment` in UTC. Raises ValueError for a naive time: nobody may guess its zone."""
    if moment.tzinfo is None:
        raise ValueError(f"naive time {moment.isoformat()}: every time here carries its zone")
    return moment.astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """One row that could not be used, kept with its reason; or several with the same, which are only counted.

    Attributes:
        stream: what the row was meant to be (`contact`, `interaction`, `membership`...).
        reference: where to find it: a record id, or `file:line`.
        reason: why, in the source's own words where it gave any.
        row: the row as it came, for repair; stays in the store, never in a log.
        rows: how many rows it stands for.
    """

    stream: str
    reference: str
    reason: str
    row: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 1


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows on their way into the warehouse, and where the source stands once they are kept.

    Attributes:
        tables: warehouse table name -> rows in exactly the columns of `connector.schema.TABLES`
            (without `run`, which the warehouse adds).
        cursor: what to store after the rows are kept; handed back to `pull` after a crash or at the next run.
        read: how many records the source handed out for this batch.
        kept: how many of them are in `tables` (one record may make several rows).
        skipped: records that are known to be of no use (an event of another kind), or seen before.
        rejected: records that should have been of use.
        erased: warehouse table -> keys that were deleted for good at the source (a privacy deletion): everything
            held of them but the rows in `tables` must vanish.
    """

    tables: Mapping[str, pa.Table]
    cursor: Cursor
    read: int
    kept: int
    skipped: int = 0
    rejected: Sequence[Rejection] = ()
    erased: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Purpose(StrEnum):
    """What a list is for; decides which consent it needs."""

    EMAIL = "email"
    """Mail goes to these people: they must not have opted out, and we must know it."""
    RETARGET = "retarget"
    """Ads go to these people: they must have granted ads."""
    EXCLUDE = "exclude"
    """Ads stop for these people: needs no consent inside the CRM."""
    INSIGHT = "insight"
    """Nobody is addressed: for reports and filters."""


@dataclass(frozen=True, kw_only=True)
class ListSpec:
    """A list as the marketer sees it.

    Attributes:
        name: our own stable key (`cart_abandoners`).
        label: what stands in the CRM.
        purpose: see Purpose.
    """

    name: str
    label: str
    purpose: Purpose


@dataclass(frozen=True, kw_only=True)
class Ensured:
    """What became of the lists that we asked for. Every name is in exactly one of the two.

    Attributes:
        ids: name -> remote id, of the lists that stand.
        refused: name -> why this list is not there, and what to do about it.
    """

    ids: Mapping[str, str]
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """How much of a list one run may change before a person must look at it.

    Attributes:
        percent: of the acknowledged size, 0 to 100.
        at_least: changes up to this many always pass, however small the list.
    """

    percent: float = 50.0
    at_least: int = 100

    def allows(self, changes: int, size: int) -> bool:
        """True when `changes` of a list of `size` need nobody's approval. Filling an empty list does not."""
        return size == 0 or changes <= max(self.at_least, size * self.percent / 100)


@dataclass(frozen=True, kw_only=True)
class Audience:
    """One entry of `audiences.yaml`: whom we want in a list, and why.

    Attributes:
        name: our own stable key.
        label: what the marketer reads.
        rule: the checked rule as plain data; `connector.decide.membership.rules` gives it meaning.
        reason: the sentence kept with each membership; may name fields in braces.
        line: where it stands in the file, for messages.
        limit, order_by: at most so many people, those first who have most of this trait; None: everybody.
        holdout: percent of the people whom the rule holds for that are left out, always the same ones.
    """

    name: str
    label: str
    purpose: Purpose
    rule: Mapping[str, Any]
    reason: str = ""
    guard: Guard = Guard()
    limit: int | None = None
    order_by: str = ""
    holdout: float = 0
    line: int = 0

    @property
    def spec(self) -> ListSpec:
        """The part a destination needs to know."""
        return ListSpec(name=self.name, label=self.label, purpose=self.purpose)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One batch on its way out. Absolute in meaning: delivering it twice leaves the same end state.

    Attributes:
        kind: `membership` changes who is in list `audience`; `properties` sets fields of contacts.
        audience: name of the list; empty for properties.
        add, remove: CRM ids of contacts (membership only).
        values: CRM id -> our property name -> text or None, which clears it (properties only).
    """

    id: str
    destination: str
    kind: Literal["membership", "properties"]
    audience: str = ""
    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    values: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many changes it carries: people added and removed, or contacts written."""
        return len(self.add) + len(self.remove) + len(self.values)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the destination said about a Delivery, counted row by row.

    Attributes:
        added, removed: members for whom the wish now holds (also where it held before).
        written: CRM id -> the record's own modification time after our write (None where not told).
        rejected: CRM id -> the destination's own words.
        withheld: CRM id, which is also in `written` -> our property -> the destination's words: the contact was
            written without these properties.

    Every id of the Delivery is in exactly one of the first four.
    """

    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    written: Mapping[str, datetime | None] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AdTerms:
    """What an ad platform allows and needs.

    Attributes:
        identifiers: the kinds it is told (`email`, `phone`), the best known first.
        minimum_size: an audience of fewer people does nothing.
        maximum_audiences: how many of ours one account may hold.
        longest: how long it keeps a member of whom it hears nothing; None: forever.
        effect: how long until a change is in effect, at most, by its own words.
        takes_sales: whether `report` can tell it of purchases.
    """

    identifiers: Sequence[str] = ("email", "phone")
    minimum_size: int = 100
    maximum_audiences: int = 100
    longest: timedelta | None = None
    effect: timedelta = timedelta(hours=48)
    takes_sales: bool = False


@dataclass(frozen=True, kw_only=True)
class SoldItem:
    """One line of a sale: the id under which catalogue and ads know the item, how many, and the price of one."""

    product_id: str
    quantity: Decimal
    unit_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A purchase or refund that the CRM knows.

    Attributes:
        key: names it forever, so that telling it twice counts once.
        order_id: the shop's number of the order, which the platform's own tag would have sent too.
        kind: `purchase` or `refund`; quantities are positive in both.
        identifiers: (kind, value) of the buyer, raw: the adapter hashes them its own way.
        value: of all items, in `currency`.
        left: of a refund: what the whole order is still worth after it, for platforms that correct the order's value
            instead of taking refunds; None: not known.
    """

    key: str
    order_id: str
    kind: Literal["purchase", "refund"]
    at: datetime
    identifiers: Sequence[tuple[str, str]]
    items: Sequence[SoldItem]
    value: Decimal
    currency: str
    left: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of `lamplighter check`.

    Attributes:
        ok: True when nothing needs doing.
        title: what was looked at.
        detail: what was found.
        fix: what to do; empty when ok.
    """

    ok: bool
    title: str
    detail: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class DailyQuota:
    """An account's daily calls, as far as it told.

    Attributes:
        limit: calls a day, of everybody.
        left: of these, today.
        spare: of these, ours to spend: less what is kept for others.
        ours: of the limit, ours to spend on a whole day.
        resets_at: when the account's day ends, where that is known.
    """

    limit: int
    left: int
    spare: int
    ours: int
    resets_at: datetime | None = None


@dataclass(kw_only=True)
class Calls:
    """Calls to one system within a run (mutable: the transport counts as it goes).

    Attributes:
        made: requests that went out, retries included.
        retried: of these, repeated ones.
        reads, writes: made, by what they do (a search or batch read is a read although it is a POST).
        floor: fewest calls this run's work could have taken (reference formula of the system); None if unknown.
        budget_left: calls left to the account today, None if it did not say.
        limited: of those made, refused as one too many at that moment (429).
        quota: the account's daily calls; None where it did not tell.
        forecast: calls that the run was expected to take, told before it began; None where nobody could know.
        clock_ahead: how far this machine's clock is ahead of the system's, to a second; None: it never told.
        answers: of those made, how many were answered with `2xx`, `3xx`, `4xx`, `429`, `5xx`; the rest with nothing.
    """

    made: int = 0
    retried: int = 0
    reads: int = 0
    writes: int = 0
    floor: int | None = None
    budget_left: int | None = None
    forecast: int | None = None
    limited: int = 0
    quota: DailyQuota | None = None
    clock_ahead: timedelta | None = None
    answers: dict[str, int] = field(default_factory=dict)

    def answered(self, status: int) -> None:
        """Count an answer by its HTTP status."""
        bucket = "429" if status == 429 else f"{status // 100}xx"
        self.answers[bucket] = self.answers.get(bucket, 0) + 1
        self.limited += status == 429
