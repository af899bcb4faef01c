"""policy.ads: whom ad platforms may be told of, and which audiences are kept there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import phonenumbers

from connector.rule_language import (
    Where,
    checked_count,
    checked_duration,
    checked_number,
    checked_word,
    keyed,
)
from connector.yaml_text import YamlText

GRANT, OPT_OUT = "grant", "opt_out"
NAMED, NEUTRAL = "named", "neutral"
WORDS = {"outside_eea": (GRANT, OPT_OUT), "labels": (NAMED, NEUTRAL)}
LENGTHS = ("recent", "account_window", "refresh", "grace")
LARGEST_AUDIENCE, MOST_AUDIENCES = 10**7, 10**4

_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_TERRITORIES = "AX GF GP MF MQ RE SJ YT"
"""Parts of members in which the same law holds."""
_ALIKE = "GB GG GI IM JE CH UK EL"
"""United Kingdom, its neighbours with the same law, and Switzerland; two codes that people write for ISO's."""
INSIDE = frozenset(f"{_MEMBERS} {_TERRITORIES} {_ALIKE}".split())
OUTSIDE = tuple(sorted(set(phonenumbers.SUPPORTED_REGIONS) - INSIDE))
"""ISO 3166-1 codes of countries where the law does not ask for a grant. Whatever is not named here counts as inside."""


@dataclass(frozen=True, kw_only=True)
class AdsPolicy:
    """Attributes:
    outside_eea: where somebody lives for certain outside of EEA, United Kingdom and Switzerland: whether ad
        platforms may be told of them only after a GRANT, or unless they objected (OPT_OUT).
    recent: impressions of so long ago count as what is to be expected.
    account_window: whoever bought anything within it is in the audience for the whole account.
    match_share: of the people we tell, so many a platform is expected to find.
    safety: an audience must be so many times the platform's least size.
    smallest: least size of an audience in people, instead of what the platform's own would ask for.
    reserve: share of the platform's audiences that is left free.
    most: audiences a platform at most: somebody has to attach each by hand.
    refresh: how often each audience is said again whole.
    grace: an audience that no group wants any more is deleted after it.
    labels: NAMED after what was bought, or NEUTRAL.
    """

    outside_eea: str = GRANT
    recent: timedelta = timedelta(days=30)
    account_window: timedelta = timedelta(days=14)
    match_share: float = 0.5
    safety: float = 1.2
    smallest: int | None = None
    reserve: float = 0.1
    most: int = 20
    refresh: timedelta = timedelta(days=7)
    grace: timedelta = timedelta(days=14)
    labels: str = NAMED

    @classmethod
    def read(cls, text: YamlText, where: Where, value: Any) -> "AdsPolicy":
        """Raises SetupError."""
        counts = {"smallest": LARGEST_AUDIENCE, "most": MOST_AUDIENCES}
        shares = {"match_share": (0.01, 1), "safety": (1, 10), "reserve": (0, 0.9)}
        one = keyed(text, where, value, (*WORDS, *LENGTHS, *counts, *shares))
        found: dict[str, Any] = {}
        for name, words in WORDS.items():
            if name in one:
                found[name] = checked_word(text, (*where, name), one[name], words)
        for name in LENGTHS:
            if name in one:
                found[name] = checked_duration(text, (*where, name), one[name])
        for name, most in counts.items():
            if name in one:
                found[name] = checked_count(text, (*where, name), one[name], 1, most)
        for name, (least, largest) in shares.items():
            if name in one:
                found[name] = checked_number(text, (*where, name), one[name], least, largest)
        return cls(**found)
