"""Consent as pages and tools send it: TC strings bit by bit, Consent Mode, Segment's and RudderStack's lists, GPC."""

import base64
from collections.abc import Callable, Collection, Mapping
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


def tc_string(
    *granted: int,
    version: int = 2,
    interests: int = 0,
    one_treatment: int = 0,
    vendors: str = "0" * 17,
    interested: str = "0" * 17,
    restrictions: Mapping[tuple[int, int], Collection[int]] | None = None,
) -> str:
    """A TC string written field by field: purposes consented to and of legitimate interest, vendors likewise, and
    (purpose, kind of restriction) -> vendors."""
    head = "".join(f"{version if at == 0 else 0:0{bits}b}" for at, bits in enumerate(LAYOUT))
    purposes = "".join("1" if purpose in granted else "0" for purpose in range(1, 25))
    told = restrictions or {}
    kept = "".join(f"{purpose:06b}{kind:02b}{entries(named)}" for (purpose, kind), named in told.items())
    bits = head + purposes + f"{interests:024b}" + str(one_treatment) + "0" * 12
    return encoded(f"{bits}{vendors}{interested}{len(told):012b}{kept}")


def encoded(bits: str) -> str:
    """Bits as a segment."""
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def entries(named: Collection[int]) -> str:
    """Vendors as entries of a range: the smallest and the largest as one, where there are just these or all between."""
    first, last = min(named), max(named)
    whole = set(range(first, last + 1)) == {*named}
    ranges = [(first, last)] if whole else [(one, one) for one in sorted(named)]
    told = (f"1{start:016b}{end:016b}" if start < end else f"0{start:016b}" for start, end in ranges)
    return f"{len(ranges):012b}" + "".join(told)


def in_ranges(*named: int) -> str:
    """A list of vendors, by ranges."""
    return f"{max(named):016b}1{entries(named)}"


def by_bits(*named: int) -> str:
    """A list of vendors, a bit for each."""
    return f"{max(named):016b}0" + "".join("1" if one in named else "0" for one in range(1, max(named) + 1))


JAVA = "COrEAV4OrXx94ACABBENAHCIAD-AAAAAAACAAxAAAAgAIAwgAgAAAAEAgQAAAAAEAYQAQAAAACAAAABAAA"


@pytest.mark.parametrize(
    ("text", "purposes"),
    [
        # IAB Tech Lab, iabtcf-java, TCStringV2Test: testCanConstructTCModelFromBase64String
        ("COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA", {2, 10}),
        # the same, testConstructConsentsFromBitFields, testCanParseAllParts: with three further segments, and padding
        (JAVA, set(range(3, 10))),
        (f"{JAVA}.IBAgAAAgAIAwgAgAAAAEAAAACA.QAagAQAgAIAwgA.cAAAAAAAITg=", set(range(3, 10))),
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


@pytest.mark.parametrize(
    ("text", "vendors"),
    [
        ("COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA", set()),
        *((text, {23, 37, 47, 48, 53, 65, 98}) for text in (JAVA, f"{JAVA}.IBAgAAAgAIAwgAgAAAAEAAAACA.QAagAQAgAIAwgA")),
        ("COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA", {2, 6, 8}),
        ("CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA", {1, 2, 3, 4}),
    ],
)
def test_vendors_of_published_tc_strings(text: str, vendors: set[int]) -> None:
    """The same sources say which vendors were consented to."""
    assert tcf.vendors(text, set(range(1, 1_000)), {1, 3, 4}) == vendors


SOME = st.sets(st.integers(1, 40), min_size=1)
FORM = st.sampled_from((in_ranges, by_bits))


@given(granted=SOME, interested=SOME, asked=SOME, form=FORM, other=FORM)
def test_vendors_of_any_tc_string(
    granted: set[int], interested: set[int], asked: set[int], form: Callable[..., str], other: Callable[..., str]
) -> None:
    """Exactly those consented to, in either form; a legitimate interest is none."""
    text = tc_string(1, 3, 4, vendors=form(*granted), interested=other(*interested))
    assert tcf.vendors(text, asked, {1, 3, 4}) == granted & asked


@pytest.mark.parametrize(
    ("restrictions", "expected"),
    [
        ({(3, 0): {755}}, False),  # not allowed
        ({(4, 2): {700, 755}}, False),  # by legitimate interest only
        ({(1, 3): range(700, 800)}, False),  # unknown
        ({(3, 1): {755}, (4, 1): range(2, 900)}, True),  # by consent only
        ({(2, 0): {755}, (3, 0): {21, 91}}, True),  # another purpose, other vendors
    ],
)
def test_what_a_publisher_forbids_a_vendor(
    restrictions: Mapping[tuple[int, int], Collection[int]], expected: bool
) -> None:
    """A vendor with consent, but kept from one of the purposes, is none that may be told."""
    text = tc_string(1, 3, 4, vendors=in_ranges(21, 755), restrictions=restrictions)
    assert (755 in tcf.vendors(text, {755}, {1, 3, 4})) is expected


def test_a_vendor_whom_nobody_was_told_of() -> None:
    """Consent to whom the banner did not show is none, where the string says whom it showed."""
    text = tc_string(1, 3, 4, vendors=by_bits(21, 755))
    assert tcf.vendors(f"{text}.{encoded('001' + in_ranges(21))}", {21, 755}, {1}) == {21}
    assert tcf.vendors(f"{encoded('001' + by_bits(21, 755))}.{text}", {21, 755}, {1}) == {21, 755}


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
    """Anything is read or refused; with bits added, too, so that it is a TC string up to its vendors."""
    context = {"consent": {"tcfString": text}}
    assert said({"context": context}) in (Said(False, "tcf"), Said(True, "tcf"))
    for begun in (tc_string(1, 3, 4), tc_string(1, 3, 4)[:35]):
        words = said({"context": {"consent": {"tcfString": begun + text}}}, {755})
        assert words == Said(False, "tcf")


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


@pytest.mark.parametrize(
    ("text", "vendors", "granted"),
    [
        (tc_string(1, 3, 4, vendors=in_ranges(91, 755)), {755}, True),
        (tc_string(1, 3, 4, vendors=in_ranges(91, 755)), {91, 755}, True),
        (tc_string(1, 3, 4, vendors=by_bits(91)), {91, 755}, False),
        (tc_string(1, 3, 4, interested=in_ranges(755)), {755}, False),
        (tc_string(1, 3, vendors=in_ranges(755)), {755}, False),
        (tc_string(1, 3, 4)[:-4], {755}, False),
        (tc_string(1, 3, 4), set(), True),
    ],
)
def test_vendors_that_must_be_granted(text: str, vendors: set[int], granted: bool) -> None:
    """Each of them, beside the purposes; a string that ends before it tells is a no; where none is named, none is."""
    assert said({"context": {"consent": {"tcfString": text}}}, vendors) == Said(granted, "tcf")


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
