"""The policy all decisions share, as the shop wrote it in `audiences.yaml`: a file a section."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.policies.ads import AdsPolicy
from connector.policies.consent import ConsentPolicy
from connector.policies.cross_sell import CrossSellPolicy
from connector.policies.loyalty import LoyaltyPolicy
from connector.policies.sameness import SamenessPolicy
from connector.policies.segments import SegmentPolicy
from connector.policies.suppression import SuppressionPolicy
from connector.rule_language import checked_count, checked_duration, keyed
from connector.yaml_text import YamlText

SECTIONS: Mapping[str, Callable[[YamlText, tuple[str | int, ...], Any], object]] = {
    "sameness": SamenessPolicy.read,
    "suppression": SuppressionPolicy.read,
    "cross_sell": CrossSellPolicy.read,
    "loyalty": LoyaltyPolicy.read,
    "consent": ConsentPolicy.read,
    "segments": SegmentPolicy.read,
    "ads": AdsPolicy.read,
}
"""Word under `policy:` -> what reads it; nothing written is the default."""

MOST_LISTS = 1500
"""What the largest HubSpot account may have of static lists, others' included."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What holds for every decision.

    Attributes:
        own_lists: how many families get an exclusion list of their own.
        refresh: how often shop-wide figures are computed anew; while a source cannot be read, half as often.
        most_lists: no more lists than this, those of families included; those of the least use are left out.
    """

    sameness: SamenessPolicy = field(default_factory=SamenessPolicy)
    suppression: SuppressionPolicy = field(default_factory=SuppressionPolicy)
    cross_sell: CrossSellPolicy = field(default_factory=CrossSellPolicy)
    loyalty: LoyaltyPolicy = field(default_factory=LoyaltyPolicy)
    consent: ConsentPolicy = field(default_factory=ConsentPolicy)
    segments: SegmentPolicy = field(default_factory=SegmentPolicy)
    ads: AdsPolicy = field(default_factory=AdsPolicy)
    own_lists: int = 0
    refresh: timedelta = timedelta(days=1)
    most_lists: int = 50

    @classmethod
    def read(cls, text: YamlText, value: Any, own_lists: int) -> "Policy":
        """Raises SetupError naming line, field and the nearest valid word."""
        top = keyed(text, ("policy",), value, (*SECTIONS, "refresh", "most_lists"))
        given: dict[str, Any] = {name: read(text, ("policy", name), top.get(name)) for name, read in SECTIONS.items()}
        if "refresh" in top:
            given["refresh"] = checked_duration(text, ("policy", "refresh"), top["refresh"])
        if "most_lists" in top:
            given["most_lists"] = checked_count(text, ("policy", "most_lists"), top["most_lists"], 1, MOST_LISTS)
        return cls(**given, own_lists=own_lists)
