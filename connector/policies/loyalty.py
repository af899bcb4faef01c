"""policy.loyalty: who is in which tier, what makes a fifth, and how far ahead orders are foreseen."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.rule_language import LARGEST, Where, checked_duration, checked_number, keyed, unknown
from connector.yaml_text import YamlText

PERCENTS = ("gold_percent", "silver_percent", "keep_percent")
LENGTHS = ("window", "horizon")
LEARNED = "learned"
"""The model or the plain rule, whichever errs less on the shop's own history."""
MBG_NBD, PLAIN = "mbg_nbd", "plain"
MODELS = (LEARNED, MBG_NBD, "bg_nbd", PLAIN)
SCORES = ("recency", "frequency", "monetary")
BOUNDS = 4
"""Between five scores."""


@dataclass(frozen=True, kw_only=True)
class LoyaltyPolicy:
    """Attributes:
    window: net spend of this long decides the tier.
    gold_percent, silver_percent: of the buyers in that window; the rest are bronze.
    keep_percent: a tier once reached is kept until spend falls below so much of what reached it.
    recency, frequency, monetary: least values of the scores 2, 3, 4 and 5 (recency: the longest time since the last
        order); empty: the fifths of all buyers.
    model: what foresees orders, of MODELS.
    horizon: how far ahead.
    """

    window: timedelta = timedelta(days=365)
    gold_percent: float = 5
    silver_percent: float = 15
    keep_percent: float = 80
    recency: tuple[timedelta, ...] = ()
    frequency: tuple[float, ...] = ()
    monetary: tuple[float, ...] = ()
    model: str = LEARNED
    horizon: timedelta = timedelta(days=90)

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "LoyaltyPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, (*LENGTHS, *PERCENTS, *SCORES, "model"))
        found: dict[str, Any] = {
            name: checked_number(text, (*where, name), one[name], 0, 100) for name in PERCENTS if name in one
        }
        found |= {name: checked_duration(text, (*where, name), one[name]) for name in LENGTHS if name in one}
        found |= {name: _bounds(text, (*where, name), one[name]) for name in SCORES if name in one}
        if one.get("model", cls.model) not in MODELS:
            raise unknown(text, (*where, "model"), one["model"], MODELS)
        policy = cls(**found, model=one.get("model", cls.model))
        if policy.gold_percent + policy.silver_percent > 100:
            raise text.error(where, "gold_percent and silver_percent are more than 100 together")
        return policy


def _bounds(text: YamlText, where: Where, value: Any) -> tuple[Any, ...]:
    """Four bounds, each better than the one before it."""
    if not isinstance(value, list) or len(value) != BOUNDS:
        raise text.error(where, f"must be a list of {BOUNDS}: the least of the scores 2, 3, 4 and 5")
    longest_first = where[-1] == "recency"
    found: list[Any] = [
        checked_duration(text, (*where, index), one)
        if longest_first
        else checked_number(text, (*where, index), one, 0, LARGEST)
        for index, one in enumerate(value)
    ]
    if found != sorted(set(found), reverse=longest_first):
        raise text.error(where, "each must be better than the one before it")
    return tuple(found)
