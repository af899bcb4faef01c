"""What an event says about consent to ads, in whichever of the usual forms, as rows of `consent`.

An event without any of them says nothing: no row, and not a yes. Several forms in one event count together: one no is
a no. What is there and cannot be read grants nothing.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.events import tcf
from connector.events.values import several, text, within
from connector.schema import SEEN
from connector.transforms import TRANSFORMS

ADS = "ads"
"""The purpose that these signals are about: to be told to ad platforms."""
_TCF_PURPOSES = frozenset({1, 3, 4})
"""Store on the device, make a profile for ads, choose ads by it: consent is their only basis since TCF 2.2."""
_CONSENT_MODE = ("ad_user_data", "ad_personalization")
"""Of Google's consent types (Consent Mode v2) those about people's data; the others are about cookies."""
_ADVERTISING = re.compile(r"advert|marketing|targeting|\bads?\b|^ad_|^c0004$", re.IGNORECASE)
"""Names of consent categories that cover ads; C0004 is OneTrust's number for targeting."""
AD_STORAGE = "ad_storage"
"""Signal of a word about cookies for ads alone: its no is a no to ads; its yes takes that back, and grants nothing."""
_SPEAKERS = ("user_id", "email", "phone", "anonymous_id")
"""Whose word it is, the surest first: a browser that several people use speaks for none of them."""


@dataclass(frozen=True)
class Said:
    """What one event says about ads.

    Attributes:
        granted: yes or no.
        signal: the form in which it was said, as in the table `consent`; of several the first that says no.
        country: where they were, as far as the event itself says; a language or a time zone is no place.
    """

    granted: bool
    signal: str
    country: str | None = None


def said(event: Mapping[str, Any], tcf_vendors: Set[int] = frozenset()) -> Said | None:
    """What an event in Segment's spec says about ads; None where it says nothing.

    Read are, of `context`: `consent.gpc` and `consent.granted` (what our own pixel writes), `consent.tcfString`,
    `consent.consentMode`, `consent.categoryPreferences` (Segment) and `consentManagement` (RudderStack).

    Args:
        tcf_vendors: numbers of the Global Vendor List; without consent to all of them a TC string is a no.
    """
    context = within(event, "context")
    consent, managed = within(context, "consent"), within(context, "consentManagement")
    if not consent and not managed:
        return None
    answers = {  # an objection by law comes first
        "gpc": _gpc(consent),
        "pixel": _pixel(consent),
        "tcf": _tcf(consent, tcf_vendors),
        "consent_mode": _consent_mode(consent),
        "segment": _categories(consent, managed),
    }
    found = {signal: granted for signal, granted in answers.items() if granted is not None}
    decisive = next((signal for signal, granted in found.items() if not granted), next(iter(found), ""))
    return Said(found[decisive], decisive, _country(context)) if found else None


def _gpc(consent: Mapping[str, Any]) -> bool | None:
    """Global Privacy Control is an objection or nothing: it never grants."""
    return False if consent.get("gpc") is True else None


def _pixel(consent: Mapping[str, Any]) -> bool | None:
    return consent["granted"] is True if consent.get("granted") is not None else None


def _tcf(consent: Mapping[str, Any], vendors: Set[int]) -> bool | None:
    given = consent.get("tcfString")
    if given is None:
        return None
    try:
        return isinstance(given, str) and _grants(given, vendors)
    except ValueError:
        return False


def _grants(given: str, vendors: Set[int]) -> bool:
    if not tcf.purposes(given) >= _TCF_PURPOSES:
        return False
    return not vendors or tcf.vendors(given, vendors, _TCF_PURPOSES) >= vendors


def _consent_mode(consent: Mapping[str, Any]) -> bool | None:
    types = within(consent, "consentMode")
    answers = [types.get(name) == "granted" for name in _CONSENT_MODE]
    return all(answers) if any(name in types for name in _CONSENT_MODE) else None


def _categories(consent: Mapping[str, Any], managed: Mapping[str, Any]) -> bool | None:
    """False where any category of advertising is not granted, True where all are, None where none is named."""
    preferences = {**within(consent, "categoryPreferences"), **dict(_of_rudderstack(managed))}
    answers = [answer is True for category, answer in preferences.items() if _ADVERTISING.search(category)]
    return all(answers) if answers else None


def _of_rudderstack(managed: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Its two lists of categories as answers; what stands in both is denied, as the later one counts."""
    for field, answer in (("allowedConsentIds", True), ("deniedConsentIds", False)):
        yield from ((category, answer) for category in several(managed, field) if isinstance(category, str))


class Consents:
    """The consent rows of one batch: of each speaker the newest yes and the newest no of a day by each signal."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def add(self, words: Said, key: str, who: Mapping[str, str], at: datetime, received: datetime | None) -> None:
        """Note what was said in an event.

        Args:
            key: the event's id.
            who: identifier type -> normalised value, of at least one.
        """
        speaker = next((kind, who[kind]) for kind in _SPEAKERS if kind in who)
        word = (*speaker, ADS, words.granted, words.signal, words.country)
        row = (f"{key}:{ADS}", received or at, self._source, *word, at)
        before = self._rows.get((*word, at.date()))
        if before is None or before[-1] <= at:
            self._rows[*word, at.date()] = row

    def table(self) -> pa.Table:
        """The rows, one an event."""
        schema = SEEN["consent"]
        columns = zip(*self._rows.values(), strict=True) if self._rows else [()] * len(schema)
        return pa.table([pa.array(c, each.type) for c, each in zip(columns, schema, strict=True)], schema=schema)


def _country(context: Mapping[str, Any]) -> str | None:
    told = text(within(context, "location").get("country"))
    try:
        return str(TRANSFORMS["country"].one(told)) if told else None
    except ValueError:
        return None
