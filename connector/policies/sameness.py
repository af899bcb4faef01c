"""policy.sameness: what counts as the same item."""

from dataclasses import dataclass
from typing import Any

from connector.rule_language import Where, keyed
from connector.yaml_text import YamlText


@dataclass(frozen=True, kw_only=True)
class SamenessPolicy:
    """Nothing can be chosen yet: a family is the item group, else the product."""

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "SamenessPolicy":
        """Raises SetupError."""
        keyed(text, where, value, ())
        return cls()
