"""policy.cross_sell: when two families are said to go together, and how much of it a person is shown."""

from dataclasses import dataclass
from typing import Any

from connector.rule_language import Where, checked_number, keyed
from connector.yaml_text import YamlText

COUNTS = {"support": 10**6, "families_a_person": 1000, "kept_a_family": 1000, "shown": 10}
SHARES = {"confidence": 1.0, "lift": 1000.0}


@dataclass(frozen=True, kw_only=True)
class CrossSellPolicy:
    """Attributes:
    support, confidence, lift: floors under which two families are not said to go together.
    families_a_person: newest purchases of a person that count there; bounds the pairs of a wholesaler.
    kept_a_family: how many next families each family keeps.
    shown: recommendations a person.
    """

    support: int = 5
    confidence: float = 0.02
    lift: float = 1.5
    families_a_person: int = 200
    kept_a_family: int = 20
    shown: int = 3

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "CrossSellPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, (*COUNTS, *SHARES))
        found: dict[str, Any] = {}
        for name, most in COUNTS.items():
            if name in one:
                found[name] = int(checked_number(text, (*where, name), one[name], 1, most))
        for name, largest in SHARES.items():
            if name in one:
                found[name] = checked_number(text, (*where, name), one[name], 0, largest)
        return cls(**found)
