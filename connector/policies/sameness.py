"""policy.sameness: what counts as the same item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.policies.overrides import Overrides
from connector.rule_language import Where, keyed, unknown
from connector.yaml_text import YamlText

VARIANT, FAMILY, FUNCTION = "variant", "family", "function"
LEVELS = (VARIANT, FAMILY, FUNCTION)


@dataclass(frozen=True, kw_only=True)
class SamenessPolicy:
    """Attributes:
    level: `variant`: another colour is another item; `family`: all variants of an item_group_id are one item;
        `function`: so are all products of one product_type (who has a washing machine needs no other one).
    levels: product_type -> another level, for it and the types below it; the longest path that fits holds.
    overrides: what `mappings/same.yaml` says; wins over everything.
    """

    level: str = FAMILY
    levels: Mapping[str, str] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=Overrides)

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "SamenessPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, ("level", "product_type"))
        by_type = one.get("product_type") or {}
        if not isinstance(by_type, dict):
            raise text.error((*where, "product_type"), f"here must be product types with {', '.join(LEVELS)} each")
        levels = {str(name): _level(text, (*where, "product_type", name), level) for name, level in by_type.items()}
        return cls(level=_level(text, (*where, "level"), one.get("level", FAMILY)), levels=levels)


def _level(text: YamlText, where: Where, value: Any) -> str:
    if value not in LEVELS:
        raise unknown(text, where, value, LEVELS)
    return str(value)
