"""Consent as pages and tools send it: TC strings bit by bit, Consent Mode, Segment's and RudderStack's lists, GPC."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from event_files import Pulled, event, ndjson, pull, write
from hypothesis import given
from hypothesis import strategies as st

from connector.events import tcf
from connector.events.consent_signals import Said, said
from connector.events.segment import SegmentFile

LAYOUT = (6, 36, 36, 12, 12, 6, 12, 12, 6, 1, 1, 12)
"""Bits of the core's fields before the purposes, in the order of the specification: Version, Created, LastUpdated,
CmpId, CmpVersion, ConsentScreen, ConsentLanguage, VendorListVersion, TcfPolicyVersion, IsServiceSpecific,
UseNonStandardTexts, SpecialFeatureOptIns."""


def tc_string(*granted: int, version: int = 2, interests: int = 0, one_treatment: int = 0) -> str:
    """A TC string written field by field: purposes consented to, of legitimate interest, and no vendors."""
    head = "".join(f"{version if at == 0 else 0:0{bits}b}" for at, bits in enumerate(LAYOUT))
    purposes = "".join("1" if purpose in granted else "0" for purpose in range(1, 25))
    bits = head + purposes + f"{interests:024b}" + str(one_treatment) + "0" * 12 + "0" * 34
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "purposes"),
    [
        # IAB Tech Lab, iabtcf-java, TCStringV2Test: testCanConstructTCModelFromBase64String
        ("COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA", {2, 10}),
        # the same, testConstructConsentsFromBitFields, testCanParseAllParts: with three further segments, and padding
        ("COrEAV4OrXx94ACABBENAHCIAD-AAAAAAACAAxAAAAgAIAwgAgAAAAEAgQAAAAAEAYQAQAAAACAAAABAAA", set(range(3, 10))),
        (
            "COrEAV4OrXx94ACABBENAHCIAD-AAAAAAACAAxAAAAgAIAwgAgAAAAEAgQAAAAAEAYQAQAAAACAAAABAAA"
            ".IBAgAAAgAIAwgAgAAAAEAAAACA.QAagAQAgAIAwgA.cAAAAAAAITg=",
            set(range(3, 10)),
        ),
        # the example that the specification carried until 2025; decoded in the README of php-tcf2-decoder and others
        ("COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA", {1, 2, 3}),
        # the specification's example since v2.3, with disclosed vendors and publisher's segment
        ("CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA", set()),
    ],
)
def test_published_tc_strings(text: str, purposes: set[int]) -> None:
    """Strings whose meaning others have published."""
    assert tcf.purposes(text) == purposes


@given(granted=st.sets(st.integers(1, 24)), interests=st.integers(0, 2**24 - 1), treatment=st.integers(0, 1))
def test_any_tc_string(granted: set[int], interests: int, treatment: int) -> None:
    """Exactly the bits of PurposesConsent, whatever stands beside them."""
    assert tcf.purposes(tc_string(*granted, interests=interests, one_treatment=treatment)) == granted


def test_segments_are_known_by_their_type() -> None:
    """The core may stand anywhere: its first bits say that it is the core."""
    assert tcf.purposes(f"IDKQA4AAgAKAGQAygAAA.{tc_string(1, 3)}.YAAAAAAAAAAA") == {1, 3}


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "C", "nonsense!", "CO tybn4", "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "IDKQA4AAgAKAGQAygAAA"),
        *(tc_string(1, 3, 4, version=3), tc_string(1, 3, 4)[:26], f"{tc_string(1)}.{tc_string(3)}", "A" * 30_000),
    ],
)
def test_what_is_no_tc_string(text: str) -> None:
    """Another version (the one beginning with B is of version 1), half a one, two at once, anything else."""
    with pytest.raises(ValueError, match="TC string"):
        tcf.purposes(text)


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_can_break_it(text: str) -> None:
    """Anything is read or refused."""
    assert said({"context": {"consent": {"tcfString": text}}}) in (Said(False, "tcf"), Said(True, "tcf"))


GRANTED, DENIED = {"ad_user_data": "granted", "ad_personalization": "granted"}, {"ad_user_data": "denied"}
RUDDER = {"provider": "oneTrust", "allowedConsentIds": ["C0001"], "deniedConsentIds": []}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({}, None),
        ({"consent": {}}, None),
        ({"consent": "yes"}, None),
        ({"consent": {"categoryPreferences": {}}}, None),
        ({"consent": {"categoryPreferences": {"Analytics": True}}}, None),
        ({"consent": {"categoryPreferences": {"Advertising": True}}}, Said(True, "segment")),
        ({"consent": {"categoryPreferences": {"Advertising": True, "Marketing": "yes"}}}, Said(False, "segment")),
        ({"consent": {"tcfString": tc_string(1, 3, 4)}}, Said(True, "tcf")),
        ({"consent": {"tcfString": tc_string(1, 2, 3, 5, 6)}}, Said(False, "tcf")),
        ({"consent": {"tcfString": tc_string(3, 4, one_treatment=1)}}, Said(False, "tcf")),
        ({"consent": {"tcfString": tc_string(1, interests=0xFFFFFF)}}, Said(False, "tcf")),
        ({"consent": {"tcfString": 7}}, Said(False, "tcf")),
        ({"consent": {"consentMode": GRANTED}}, Said(True, "consent_mode")),
        ({"consent": {"consentMode": {**GRANTED, "ad_storage": "denied"}}}, Said(True, "consent_mode")),
        ({"consent": {"consentMode": {**GRANTED, **DENIED}}}, Said(False, "consent_mode")),
        ({"consent": {"consentMode": {"ad_user_data": "granted"}}}, Said(False, "consent_mode")),
        ({"consent": {"consentMode": {"analytics_storage": "granted"}}}, None),
        ({"consentManagement": RUDDER}, None),
        ({"consentManagement": {**RUDDER, "allowedConsentIds": ["C0004"]}}, Said(True, "segment")),
        ({"consentManagement": {**RUDDER, "deniedConsentIds": ["C0004"]}}, Said(False, "segment")),
        (
            {"consentManagement": {"allowedConsentIds": ["C0004", 4], "deniedConsentIds": "C0004"}},
            Said(True, "segment"),
        ),
        ({"consent": {"granted": True}}, Said(True, "pixel")),
        ({"consent": {"granted": "true"}}, Said(False, "pixel")),
        ({"consent": {"granted": None}}, None),
        ({"consent": {"gpc": True}}, Said(False, "gpc")),
        ({"consent": {"gpc": False}}, None),
        ({"consent": {"gpc": True, "granted": True, "consentMode": GRANTED}}, Said(False, "gpc")),
        ({"consent": {"tcfString": tc_string(1, 3, 4), "consentMode": DENIED}}, Said(False, "consent_mode")),
        ({"consent": {"tcfString": tc_string(1, 3, 4), "consentMode": GRANTED}}, Said(True, "tcf")),
    ],
)
def test_what_is_said(context: dict[str, Any], expected: Said | None) -> None:
    """Silence is silence, one no is a no, an incomplete or unreadable yes is a no, and GPC beats everything."""
    assert said({"context": context}) == expected


def read(tmp_path: Path, *events: dict[str, Any]) -> Pulled:
    return pull(SegmentFile("web", write(tmp_path / "web.ndjson", ndjson(events))))


def test_a_consent_row(tmp_path: Path) -> None:
    """Every column; an event that tells of no product is kept for its consent alone."""
    context = {"consent": {"consentMode": GRANTED}, "location": {"country": "United Kingdom"}}
    page = event(type="page", event=None, userId="7", receivedAt="2026-09-01T10:00:09Z", context=context)
    pulled = read(tmp_path, page)
    assert pulled.rows("consent") == [
        {
            "key": "m1:ads",
            "version": datetime(2026, 9, 1, 10, 0, 9, tzinfo=UTC),
            "source": "web",
            "identifier_type": "user_id",
            "identifier": "7",
            "purpose": "ads",
            "granted": True,
            "signal": "consent_mode",
            "country": "GB",
            "said_at": datetime(2026, 9, 1, 10, 0, 1, tzinfo=UTC),
        }
    ]
    assert pulled.books == (1, 1, 0, 0)


def test_who_speaks(tmp_path: Path) -> None:
    """The customer rather than the browser; nobody, where nobody is named."""
    yes = {"consent": {"granted": True}}
    pulled = read(
        tmp_path,
        event(1, type="page", context=yes),
        event(2, type="page", context={**yes, "traits": {"email": "Dana@example.com"}}),
        event(3, type="page", anonymousId=None, context=yes),
    )
    spoke = [(row["identifier_type"], row["identifier"]) for row in pulled.rows("consent")]
    assert spoke == [("anonymous_id", "anon-1"), ("email", "dana@example.com")]
    assert pulled.books == (3, 2, 1, 0)


def test_the_interaction_says_so_too(tmp_path: Path) -> None:
    """A product view that objects is kept with the objection; without any word it has none, and no row."""
    pulled = read(tmp_path, event(1, context={"consent": {"gpc": True}}), event(2))
    assert [row["consent"] for row in pulled.rows("interaction")] == [False, None]
    assert pulled.keys("consent") == ["m1:ads"]


@pytest.mark.parametrize(
    ("country", "expected"), [("de", "DE"), ("Germany", "DE"), ("UK", "GB"), ("Atlantis", None), (5, None), ("", None)]
)
def test_country(tmp_path: Path, country: Any, expected: str | None) -> None:
    """As the event says it, in one spelling; what is no country is unknown."""
    context = {"consent": {"gpc": True}, "location": {"country": country}, "timezone": "Europe/Berlin"}
    assert read(tmp_path, event(context=context)).rows("consent")[0]["country"] == expected
