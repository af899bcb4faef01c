"""policy.suppression: how long a purchase keeps its family out of ads, and a return too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.rule_language import Where, checked_duration, keyed
from connector.yaml_text import YamlText

LENGTHS = ("window", "durable", "cool_off")
LISTED = {"product_type": "windows", "family": "families"}
SHORTEST_DURABLE = timedelta(days=180)


@dataclass(frozen=True, kw_only=True)
class SuppressionPolicy:
    """Attributes:
    window: how long any purchase keeps its family out of ads; None: as long as the shop's own history says.
    durable: the same for what is seldom bought again, and where there is too little history to know.
    cool_off: how long a family stays out of ads after it was given back.
    windows: product_type -> another window, for it and the types below it (`Home > Lamps`).
    families: family -> another window.
    """

    window: timedelta | None = None
    durable: timedelta = timedelta(days=365)
    cool_off: timedelta = timedelta(days=30)
    windows: Mapping[str, timedelta] = field(default_factory=dict)
    families: Mapping[str, timedelta] = field(default_factory=dict)

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "SuppressionPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, (*LENGTHS, *LISTED))
        found: dict[str, Any] = {
            name: checked_duration(text, (*where, name), one[name]) for name in LENGTHS if name in one
        }
        if found.get("durable", SHORTEST_DURABLE) < SHORTEST_DURABLE:
            raise text.error(
                (*where, "durable"), f"must be at least {SHORTEST_DURABLE.days}d; window sets a shorter one"
            )
        found |= {name: _windows(text, (*where, word), one.get(word)) for word, name in LISTED.items()}
        return cls(**found)


def _windows(text: YamlText, where: Where, value: Any) -> dict[str, timedelta]:
    if value is not None and not isinstance(value, dict):
        raise text.error(where, "here must be names with a length of time each")
    return {str(name): checked_duration(text, (*where, name), window) for name, window in (value or {}).items()}
