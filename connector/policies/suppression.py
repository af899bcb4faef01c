"""policy.suppression: how long a purchase keeps its family out of ads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.rule_language import Where, checked_duration, keyed
from connector.yaml_text import YamlText


@dataclass(frozen=True, kw_only=True)
class SuppressionPolicy:
    """Attributes:
    window: how long a purchase keeps its family out of ads.
    windows: product_type -> another window, for it and the types below it (`Home > Lamps`).
    """

    window: timedelta = timedelta(days=365)
    windows: Mapping[str, timedelta] = field(default_factory=dict)

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "SuppressionPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, ("window", "product_type"))
        found: dict[str, Any] = {}
        if "window" in one:
            found["window"] = checked_duration(text, (*where, "window"), one["window"])
        by_type = one.get("product_type") or {}
        if not isinstance(by_type, dict):
            raise text.error((*where, "product_type"), "here must be product types with a length of time each")
        found["windows"] = {
            str(name): checked_duration(text, (*where, "product_type", name), window)
            for name, window in by_type.items()
        }
        return cls(**found)
