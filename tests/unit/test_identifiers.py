"""One spelling for one identifier."""

import pytest

from connector.identifiers import NORMALISERS, email, opaque, phone, salesforce_id
from connector.sandbox.salesforce_ids import make_id
from connector.schema import SEEN

DIGEST = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Dana@Example.COM\n", "dana@example.com"),
        ("\u200bdana@example.com\ufeff", "dana@example.com"),
        ("o'neil+lamps@mail.example.org", "o'neil+lamps@mail.example.org"),
        ("jo@bücher.example", "jo@bücher.example"),
        (DIGEST.upper(), DIGEST),
    ],
)
def test_email_is_trimmed_and_lower(text: str, expected: str) -> None:
    """Blanks and case do not make another person; a SHA-256 of an address passes."""
    assert email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "dana",
        "dana@example",
        "dana@@example.com",
        "da na@example.com",
        "dana@example..com",
        "a@example.com, b@example.com",
        "Dana <dana@example.com>",
        DIGEST[:-1],
        "x" * 65 + "@example.com",
        "x@" + "long." * 60 + "com",
    ],
)
def test_what_is_no_email_is_none(text: str | None) -> None:
    """Anything that is no single address names nobody, so that nobody is joined by it."""
    assert email(text) is None


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+44 (0)20 7946 0123", None, "+442079460123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("020 7946 0123", "gb", "+442079460123"),
        ("0049 30 23125 000", "GB", "+493023125000"),
        ("+442079460123", "FR", "+442079460123"),
    ],
)
def test_phone_becomes_e164(text: str, region: str | None, expected: str) -> None:
    """However it is written, a number has one spelling."""
    assert phone(text, region) == expected


@pytest.mark.parametrize(
    ("text", "region"),
    [
        (None, None),
        ("", "GB"),
        ("020 7946 0123", None),
        ("020 7946 0123", "ZZ"),
        ("12", "GB"),
        ("call me", "GB"),
        ("+44 20 7946 0123 ext. 4", None),
    ],
)
def test_what_is_no_phone_is_none(text: str | None, region: str | None) -> None:
    """A number without a country, of a wrong length, or behind a switchboard names nobody."""
    assert phone(text, region) is None


def test_opaque_ids_keep_their_case() -> None:
    """A cookie is a cookie: only the blanks around it go."""
    assert opaque(" aB-42 ") == "aB-42"


@pytest.mark.parametrize(
    "text", [None, "", " ", "null", "Undefined", "0", "00000000-0000-0000-0000-000000000000", "-1"]
)
def test_ids_of_nobody(text: str | None) -> None:
    """What sites send for "not signed in" must not tie all their visitors together."""
    assert opaque(text) is None


def test_every_type_of_the_warehouse_has_a_normaliser() -> None:
    """The types are those that `interaction` and `identity_link` speak of."""
    assert list(NORMALISERS) == ["anonymous_id", "user_id", "email", "phone"]
    assert {"identifier_type", "identifier"} <= set(SEEN["interaction"].names)


def test_a_salesforce_id_has_one_spelling() -> None:
    """The 15 characters that people copy and the 18 of the API are one record's; anything else is none."""
    for number in (1, 61, 1_000_000, 3_844):
        whole = make_id("003", number)
        assert salesforce_id(whole[:15]) == salesforce_id(f" {whole}\n") == whole
    assert salesforce_id("0035e00000AbCdE") == "0035e00000AbCdEAAV"
    assert [salesforce_id(text) for text in (None, "", "0035e", "003-e00000AbCdE", "0035e00000AbCdE1")] == [None] * 5
