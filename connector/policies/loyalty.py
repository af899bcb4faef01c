"""policy.loyalty: who is in which tier."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.rule_language import Where, checked_duration, checked_number, keyed
from connector.yaml_text import YamlText

PERCENTS = ("gold_percent", "silver_percent")


@dataclass(frozen=True, kw_only=True)
class LoyaltyPolicy:
    """Attributes:
    window: net spend of this long decides the tier.
    gold_percent, silver_percent: of the buyers in that window; the rest are bronze.
    """

    window: timedelta = timedelta(days=365)
    gold_percent: float = 5
    silver_percent: float = 15

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "LoyaltyPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, ("window", *PERCENTS))
        found: dict[str, Any] = {
            name: checked_number(text, (*where, name), one[name], 0, 100) for name in PERCENTS if name in one
        }
        if "window" in one:
            found["window"] = checked_duration(text, (*where, "window"), one["window"])
        policy = cls(**found)
        if policy.gold_percent + policy.silver_percent > 100:
            raise text.error(where, "gold_percent and silver_percent are more than 100 together")
        return policy
