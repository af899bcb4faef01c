"""The policy all decisions share, as the shop wrote it in `audiences.yaml`: a file a section."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.policies.consent import ConsentPolicy
from connector.policies.cross_sell import CrossSellPolicy
from connector.policies.loyalty import LoyaltyPolicy
from connector.policies.sameness import SamenessPolicy
from connector.policies.suppression import SuppressionPolicy
from connector.rule_language import checked_duration, keyed
from connector.yaml_text import YamlText

SECTIONS: Mapping[str, Callable[[YamlText, tuple[str | int, ...], Any], object]] = {
    "sameness": SamenessPolicy.read,
    "suppression": SuppressionPolicy.read,
    "cross_sell": CrossSellPolicy.read,
    "loyalty": LoyaltyPolicy.read,
    "consent": ConsentPolicy.read,
}
"""Word under `policy:` -> what reads it; nothing written is the default."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What holds for every decision.

    Attributes:
        own_lists: how many families get an exclusion list of their own.
        refresh: how often shop-wide figures are computed anew.
    """

    sameness: SamenessPolicy = field(default_factory=SamenessPolicy)
    suppression: SuppressionPolicy = field(default_factory=SuppressionPolicy)
    cross_sell: CrossSellPolicy = field(default_factory=CrossSellPolicy)
    loyalty: LoyaltyPolicy = field(default_factory=LoyaltyPolicy)
    consent: ConsentPolicy = field(default_factory=ConsentPolicy)
    own_lists: int = 0
    refresh: timedelta = timedelta(days=1)

    @classmethod
    def read(cls, text: YamlText, value: Any, own_lists: int) -> "Policy":
        """Raises SetupError naming line, field and the nearest valid word."""
        top = keyed(text, ("policy",), value, (*SECTIONS, "refresh"))
        given: dict[str, Any] = {name: read(text, ("policy", name), top.get(name)) for name, read in SECTIONS.items()}
        if "refresh" in top:
            given["refresh"] = checked_duration(text, ("policy", "refresh"), top["refresh"])
        return cls(**given, own_lists=own_lists)
