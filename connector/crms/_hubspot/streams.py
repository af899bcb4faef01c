"""Our streams as HubSpot has them: their keys, and what their associations fill in. Which of them are read is chosen.

HubSpot numbers each object type by itself, so a deal and an order may share a number: a deal's key says that it is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.crms._hubspot.settings import HubSpotSettings
from connector.mapping import Mapping as FieldMapping

Record = Mapping[str, Any]
Ties = Mapping[str, str]
"""Column -> the key, or keys, that a record's associations put there."""

MERGED = "hs_merged_object_ids"
"""On the survivor of a merge: ids that were merged into it, by ";". (hs_calculated_merged_vids misses chains.)"""
PRODUCT = "hs_product_id"
WON, CLOSED = "hs_is_closed_won", "hs_is_closed"
"""Follow the deal's stage in every pipeline, whatever the stages are called."""

DEAL = "deal:"
"""Stands before the number in the key of a deal."""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """An association that a stream needs.

    Attributes:
        object: the type at the other end, as paths have it.
        column: where its key goes. Of several parents with one column the first that is there counts.
        prefix: of the other end's keys.
        all: every associated record counts, separated by ";"; else the oldest one.
    """

    object: str
    column: str
    prefix: str = ""
    all: bool = False

    def told(self, ids: Sequence[str]) -> str | None:
        """What stands in the column for these associated records; None where there are none."""
        ends = sorted(set(ids), key=int)
        return ";".join(key(one, self.prefix) for one in (ends if self.all else ends[:1])) or None


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One of our streams, as HubSpot has it.

    Attributes:
        prefix: stands before the id in its keys.
        parents: associations that its rows need.
        further: properties we need besides the mapped ones.
    """

    name: str
    prefix: str = ""
    parents: tuple[Parent, ...] = ()
    further: tuple[str, ...] = ()

    def key(self, record_id: str) -> str:
        """Our key of one of its records."""
        return key(record_id, self.prefix)

    def id_of(self, row_key: str) -> str | None:
        """The record's id in one of its keys; None for a key of another stream."""
        start = key("", self.prefix)
        return found if row_key.startswith(start) and (found := row_key.removeprefix(start)).isdecimal() else None

    @property
    def columns(self) -> tuple[str, ...]:
        """What its associations fill in, the record it belongs to first."""
        return tuple(dict.fromkeys(parent.column for parent in self.parents))

    @property
    def points_to(self) -> str:
        """The column with the record it belongs to; empty where it belongs to none."""
        return next(iter(self.columns), "")


BUYER = Parent(object="contacts", column="contact_key")
OF_ORDER = Parent(object="orders", column="order_key")
OF_DEAL = Parent(object="deals", column="order_key", prefix=DEAL)
REPLACES = Parent(object="deals", column="replaces", prefix=DEAL, all=True)
REPLACED = Parent(object="orders", column="replaced_by", all=True)

_STREAMS = (
    Stream(name="product"),
    Stream(name="contact", further=(MERGED,)),
    Stream(name="order_header", parents=(BUYER,)),
    Stream(name="deal", prefix=DEAL, parents=(BUYER,), further=(WON, CLOSED)),
    Stream(name="order_line", parents=(OF_ORDER,), further=(PRODUCT,)),
)

_NEEDS: dict[str, tuple[str, ...]] = {
    "product": ("product_id",),
    "contact": (),
    "order_header": ("ordered_at",),
    "deal": ("ordered_at",),
    "order_line": ("quantity",),
}

_LEFT_OUT = {"orders": ("deal",), "deals": ("order_header",), "both": ()}
_PARENTS: dict[str, dict[str, tuple[Parent, ...]]] = {
    "orders": {},
    "deals": {"order_line": (OF_DEAL,)},
    "both": {
        "order_header": (BUYER, REPLACES),
        "deal": (BUYER, REPLACED),
        "order_line": (OF_ORDER, OF_DEAL),
    },
}


def chosen(purchases: str) -> dict[str, Stream]:
    """The streams to read where purchases are `orders`, `deals` or `both`, in the order in which they are pulled."""
    kept = [stream for stream in _STREAMS if stream.name not in _LEFT_OUT[purchases]]
    return {one.name: replace(one, parents=_PARENTS[purchases].get(one.name, one.parents)) for one in kept}


def unread(purchases: str) -> dict[str, Stream]:
    """The streams that this choice leaves out. Something may be held of them from a wider one."""
    return {one.name: one for one in _STREAMS if one.name in _LEFT_OUT[purchases]}


def needs(purchases: str) -> dict[str, tuple[str, ...]]:
    """What a mapping must fill for the stages after us."""
    return {name: _NEEDS[name] for name in chosen(purchases)}


def key(record_id: str, prefix: str = "") -> str:
    """Our key of a HubSpot record."""
    return f"hubspot:{prefix}{record_id}"


def deal_status(properties: Mapping[str, Any]) -> str:
    """A deal's state in our words: won is a purchase, lost is none any more, all others are none yet."""
    if properties.get(WON) == "true":
        return "fulfilled"
    return "cancelled" if properties.get(CLOSED) == "true" else "open"


def mapped(mapping: FieldMapping, settings: HubSpotSettings) -> FieldMapping:
    """The mapping as the settings want it read: only the streams that are used, and the chosen subscription."""
    used = mapping.only(chosen(settings.purchases))
    for name, parents in _PARENTS[settings.purchases].items():
        used = used.noted(name, f"{[(one.object, one.column) for one in parents]}")
    if settings.subscription_status == "api":
        return used.noted("contact", f"subscription status {settings.subscription}")
    if settings.subscription:
        return used.with_source("contact", "subscription_opt_out", f"hs_email_optout_{settings.subscription}")
    return used
