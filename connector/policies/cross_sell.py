"""policy.cross_sell: when families are said to go together, and how much of it a person is shown."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.rule_language import Where, checked_duration, checked_number, checked_word, keyed
from connector.yaml_text import YamlText

COUNTS = {
    "support": 10**6,
    "families_a_person": 1000,
    "kept_a_family": 1000,
    "linear_families": 8000,
    "same_type": 10,
    "shown": 10,
}
SHARES = {"confidence": 1.0, "lift": 1000.0, "collected": 1.0}
LEARNED = "learned"
LINEAR, COSINE, LIFT, CO_OCCURRENCE = "linear", "cosine", "lift", "co_occurrence"
IN_CATEGORY, BEST_SELLERS = "best_sellers_in_category", "best_sellers"
METHODS = (LINEAR, COSINE, LIFT, CO_OCCURRENCE, IN_CATEGORY, BEST_SELLERS)
"""Ways to find the next family. The last three are plain rules."""


@dataclass(frozen=True, kw_only=True)
class CrossSellPolicy:
    """Attributes:
    method: one of METHODS, or LEARNED: that which foretold the end of the shop's own history best.
    support, confidence, lift: floors under which two families are not said to go together; a linear model has
        the first of them only, for the purchase that is told as the reason.
    families_a_person: newest purchases of a person that count there; bounds the pairs of a wholesaler.
    kept_a_family: how many families' purchases speak for, or against, each family: the weightiest.
    linear_families: how many families, the most bought, a linear model is fitted to; its memory grows with the
        square (8 bytes each, twice), its time with the cube. The others go by cosine.
    collected: share of a product type's buyers who hold several of its families from which on these are offered to
        each other's owners; below it they stand in for each other, and who has one is not offered another.
    same_type: recommendations of one product type a person.
    shown: recommendations a person.
    cool_down: how long after a mail nothing is recommended.
    """

    method: str = LEARNED
    support: int = 5
    confidence: float = 0.02
    lift: float = 1.5
    families_a_person: int = 200
    kept_a_family: int = 30
    linear_families: int = 2000
    collected: float = 0.2
    same_type: int = 2
    shown: int = 3
    cool_down: timedelta = timedelta(days=14)

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "CrossSellPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, ("method", *COUNTS, *SHARES, "cool_down"))
        found: dict[str, Any] = {}
        for name, most in COUNTS.items():
            if name in one:
                found[name] = int(checked_number(text, (*where, name), one[name], 1, most))
        for name, largest in SHARES.items():
            if name in one:
                found[name] = checked_number(text, (*where, name), one[name], 0, largest)
        if "method" in one:
            found["method"] = checked_word(text, (*where, "method"), one["method"], (LEARNED, *METHODS))
        if "cool_down" in one:
            found["cool_down"] = checked_duration(text, (*where, "cool_down"), one["cool_down"])
        return cls(**found)
