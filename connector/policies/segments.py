"""policy.segments: when a buyer has lapsed, and how much interest is high."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.rule_language import Where, checked_count, checked_duration, keyed
from connector.yaml_text import YamlText

LENGTHS = ("lapsed", "engaged", "recent")
COUNTS = ("high", "medium")
MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class SegmentPolicy:
    """Attributes:
    lapsed: whoever has not ordered for so long has lapsed.
    engaged: interactions of this long make the level of engagement.
    recent: high engagement needs one within this long.
    high, medium: interactions in `engaged` that these levels need.
    """

    lapsed: timedelta = timedelta(days=365)
    engaged: timedelta = timedelta(days=90)
    recent: timedelta = timedelta(days=30)
    high: int = 10
    medium: int = 3

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "SegmentPolicy":
        """Raises SetupError."""
        one = keyed(text, where, value, (*LENGTHS, *COUNTS))
        found: dict[str, Any] = {
            name: checked_duration(text, (*where, name), one[name]) for name in LENGTHS if name in one
        }
        found |= {name: checked_count(text, (*where, name), one[name], 1, MOST) for name in COUNTS if name in one}
        policy = cls(**found)
        if policy.medium > policy.high:
            raise text.error((*where, "medium"), "medium needs more interactions than high")
        return policy
