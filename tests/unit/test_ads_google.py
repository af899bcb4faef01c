"""What only Google has: its spelling, its credentials, its quota, requests that it works through later."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from google_account import Account, account, no_waiting
from salesforce_certificate import pair

from connector import limits
from connector.ads._google import payload, spelling
from connector.ads._identifiers import raw
from connector.errors import RetryLater, SetupError
from connector.model import Delivery, ListSpec, Purpose, Sale, SoldItem
from connector.settings import AdsPart

__all__ = ["account", "no_waiting"]

LAMPS = ListSpec(name="lamps", label="Bought: lamps", purpose=Purpose.EXCLUDE)
SHADES = ListSpec(name="shades", label="Bought: shades", purpose=Purpose.EXCLUDE)
VECTORS = {
    "dana@example.com": "07e2f1394b0ea80e2adca010ea8318df697001a005ba7452720edda4b0ce57b3",
    "DanaM@example.com": "1df6b43bc68dd38eca94e6a65b4f466ae537b796c81a526918b40ac4a7b906c7",
    "ALEXF@example.com": "19de0a9906ebee29fe82087be5ec44f3c01e40730bc808b663c71f19dd6b12f2",
    "AlexF@cymbalgroup.com": "7d2d80e240594dcee2e57f57885ee286c4b232dd142234d7a0af6d31cc86679b",
    "rosario@example.org": "83a834cc5327bc4dee7c5408988040dc5813c7662611cd93b707aff72bf7d33f",
    "cloudySanFrancisco@GMAIL.com": "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4",
    "cloudy.sanfrancisco+shopping@gmail.com": "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4",
    "user.name+NYC@Example.com": "f109a2a632fbcea5fc82049f50beed3d8621bf9034399f437fb622222acccdac",
    "alexz@example.com": "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a",
    "+1-800-555-0100": "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30",
    "+1 800-555-0101": "61d6c2976b5d92b1ad63073a12fddd26040cd980067d03a93dd1cc50f1a3ac68",
}
"""Google's guides "Send audience members" and "Format user data", and the tests of its client library."""


def kind(text: str) -> str:
    """What an identifier is."""
    return "email" if "@" in text else "phone"


@pytest.mark.parametrize("text", VECTORS)
def test_vectors(text: str) -> None:
    """Google's own examples, hexadecimal and base64."""
    key = spelling.match(kind(text), text)
    assert key and raw(key).hex() == VECTORS[text]
    assert list(payload.identifier(key).values()) == [base64.b64encode(bytes.fromhex(VECTORS[text])).decode()]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("alexz@example.com", "UJ6TMBm7KFoTSpM0uLtnnf950M4CPVKa9L10TUe0/Yo="),
        ("+1 800 555 0100", "+09zpuxf23B31WTN0iw1VLQ85JFoVQw7EsVHt4xRezA="),
    ],
)
def test_base64_vectors(text: str, told: str) -> None:
    """The base64 that Google's client library gives."""
    assert list(payload.identifier(spelling.match(kind(text), text) or "").values()) == [told]


@pytest.mark.parametrize("text", [None, "", "  ", "quinn", " @googlemail.com", " ...@gmail.com", "a@b@example.com"])
def test_no_address(text: str | None) -> None:
    """What Google's library rejects is never hashed."""
    assert spelling.match("email", text) is None


@pytest.mark.parametrize("text", [None, "", "0301234567", "+", "555-0100", "call me"])
def test_no_number(text: str | None) -> None:
    """A number without its country names nobody, or somebody else."""
    assert spelling.match("phone", text) is None


def test_mail_domains() -> None:
    """Dots and tags go at gmail.com and googlemail.com only, and these two stay two."""
    assert spelling.email("a.b+c@googlemail.com") == "ab@googlemail.com"
    assert spelling.email("a.b+c@gmail.com.example") == "a.b+c@gmail.com.example"
    assert spelling.email(" A b @ Example.com ") == "ab@example.com"


def test_hashed_already() -> None:
    """A SHA-256 that came from a site is taken as it is."""
    digest = VECTORS["dana@example.com"]
    assert spelling.match("email", digest.upper()) == spelling.match("email", "dana@example.com")
    assert spelling.match("anonymous_id", digest) is None


def test_settings() -> None:
    """One way in; accounts as Google shows them."""
    told = {"account": "123-456-7890", "service_account": "env:GOOGLE_KEY"}
    part = AdsPart(google=told).google  # type: ignore[arg-type]
    assert part and part.account == "123-456-7890" and not part.terms_accepted
    for wrong in ({}, {"account": "12"}, {"account": "1234567890"}, {**told, "oauth": {}}):
        with pytest.raises(ValueError, match=r"google|oauth"):
            AdsPart(google=wrong)  # type: ignore[arg-type]


def test_plain_http_leads_nowhere_else(account: Account) -> None:
    """Hashes leave this machine encrypted, or not at all."""
    with pytest.raises(SetupError, match=r"ads\.google\.base_url"):
        account.adapter(base_url="http://datamanager.example")


def deliver(account: Account, *add: str, id: str = "d", **settings: Any) -> Any:
    """Add made-up people by a new adapter."""
    adapter = account.adapter(**settings)
    adapter.ensure([LAMPS])
    people = [str(adapter.match("email", one)) for one in add or ("dana@example.com",)]
    return adapter.deliver(Delivery(id=id, destination="google", kind="membership", audience="lamps", add=people))


def test_service_account(account: Account) -> None:
    """A key file is enough, and its private half stays here."""
    key, certificate = pair("google")
    public = load_pem_x509_certificate(certificate.encode()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    account.google.configure({"service_key": pem})
    told = {"client_email": account.google.settings.service_email, "private_key": key, "private_key_id": "k1"}
    by_key = {"oauth": None, "service_account": lambda: json.dumps(told)}
    assert deliver(account, **by_key).added
    for wrong in ("{}", "no JSON", json.dumps({**told, "private_key": "none"}), json.dumps([])):
        with pytest.raises(SetupError, match="service_account") as error:
            deliver(account, oauth=None, service_account=lambda text=wrong: text)
        assert key[40:80] not in str(error.value)


def test_neither_key_nor_app(account: Account) -> None:
    """Without credentials nothing is built."""
    with pytest.raises(SetupError, match="not connected"):
        account.adapter(oauth=None)


def tokens(account: Account) -> int:
    """How many access tokens were asked for."""
    return int(account.sandbox.journal.counts()["operations"].get("POST /token", 0))


def test_token_is_replaced_before_it_ends(account: Account) -> None:
    """One token serves until a minute before its end."""
    adapter = account.adapter()
    adapter.ensure([LAMPS])
    adapter.check()
    assert tokens(account) == 1
    account.sleep(3_545)
    adapter.check()
    assert tokens(account) == 2
    assert account.sandbox.journal.counts()["statuses"].keys() == {"200"}


def test_token_is_renewed_once(account: Account) -> None:
    """A token that Google refuses twice is no reason to ask for ever."""
    account.fault("GET", "/userLists", times=10, status=401)
    with pytest.raises(SetupError, match="401"):
        account.adapter().ensure([LAMPS])
    assert tokens(account) == 2


@pytest.mark.parametrize("trouble", [{"status": 503}, {"empty": True}, {"drop": True}])
def test_token_endpoint_that_stumbles(account: Account, trouble: dict[str, Any]) -> None:
    """It is asked again: down, without an answer, or with a friendly one that holds no token."""
    account.fault("POST", "/token", times=2, **trouble)
    assert account.adapter().ensure([LAMPS]).ids
    assert tokens(account) == 3


def test_minute_quota(account: Account) -> None:
    """A quota of a minute is waited for."""
    account.google.configure({"limits": True, "per_minute": 3})
    adapter = account.adapter(retry=limits.Retry(attempts=40, deadline=300.0))
    adapter.ensure([LAMPS])
    for number in range(5):
        adapter.drop(f"none-{number}")
        assert adapter.check()
    assert adapter.calls.limited and account.slept > 30


def test_own_rate(account: Account) -> None:
    """We keep below Google's rate by ourselves."""
    adapter = account.adapter(calls_per_minute=2)
    adapter.ensure([LAMPS])
    adapter.check()
    assert account.slept > 50 and adapter.calls.limited == 0


def test_daily_quota(account: Account) -> None:
    """A day that is used up ends the run at once, and says when Google's day ends: at midnight in California."""
    account.google.configure({"limits": True, "per_day": 0})
    adapter = account.adapter()
    with pytest.raises(RetryLater) as error:
        adapter.ensure([LAMPS])
    resume = error.value.resume_at
    assert resume and resume.minute == 0 and resume.hour in (7, 8) and resume > account.now()
    assert adapter.calls.made == 1


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("api_enabled", False, "enable the Data Manager API"),
        ("account", "9999999999", "access to the Google Ads account"),
        ("login_account", "5555555555", "access to the Google Ads account"),
        ("terms_signed", False, "accept the Customer Match terms"),
        ("political_declared", False, "political"),
    ],
)
def test_what_an_admin_must_do(account: Account, setting: str, value: Any, words: str) -> None:
    """Google's refusals come with what to do, in `check` too."""
    account.adapter().ensure([LAMPS])
    account.google.configure({setting: value})
    with pytest.raises(SetupError) as error:
        deliver(account)
    assert words in error.value.hint
    assert any(words in one.fix for one in account.adapter().check() if not one.ok)


def test_manager_account(account: Account) -> None:
    """An account that is reached through a manager account names it."""
    account.google.configure({"login_account": "5555555555"})
    assert deliver(account, login_account="555-555-5555").added


def test_test_account(account: Account) -> None:
    """Google's test accounts take no lists, and the reason says so."""
    account.google.configure({"test_account": True})
    assert "test accounts" in account.adapter().ensure([LAMPS]).refused["lamps"]


def test_our_own_limit(account: Account) -> None:
    """No more lists than the admin allows."""
    ensured = account.adapter(max_lists=1).ensure([LAMPS, SHADES])
    assert list(ensured.ids) == ["lamps"] and "max_lists" in ensured.refused["shades"]


def test_terms_not_accepted(account: Account) -> None:
    """Nobody is uploaded before the admin has said so; nor is any call made."""
    account.adapter().ensure([LAMPS])
    account.sandbox.journal.clear()
    with pytest.raises(SetupError, match="terms"):
        deliver(account, terms_accepted=False)
    assert account.sandbox.journal.counts()["total"] == 0
    assert any("terms" in one.detail for one in account.adapter(terms_accepted=False).check() if not one.ok)


def test_what_is_sent(account: Account) -> None:
    """Each member carries both consents; the terms are accepted; the list keeps its people as long as it may."""
    deliver(account)
    (body,) = account.bodies("/v1/audienceMembers:ingest")
    (member,) = body["audienceMembers"]
    assert member["consent"] == {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    assert list(member["compositeData"]["userData"]["userIdentifiers"][0]) == ["emailAddress"]
    assert body["termsOfService"] == {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    (made,) = account.act("GET", "")["userLists"]
    assert (made["integrationCode"], made["membershipDuration"]) == ("lamplighter:lamps", f"{540 * 86_400}s")


def test_erase_from_many_lists(account: Account) -> None:
    """Ten lists a call; a list that is deleted meanwhile keeps nobody in the others."""
    adapter = account.adapter()
    dana = str(adapter.match("email", "dana@example.com"))
    lists = [account.make_list(f"Theirs {number}", [dana]) for number in range(11)]
    readonly = account.make_list("Shared with us", [dana])
    account.google.account.lists[readonly].resource["accessReason"] = "SHARED"
    assert adapter.erase([dana]) == {dana: ""}
    assert adapter.calls.writes == 2
    assert [one for one in lists if account.members(one)] == [] and account.members(readonly)


def test_erase_where_one_list_refuses(account: Account) -> None:
    """Where Google refuses a list, people leave the others, and what remains is told."""
    adapter = account.adapter()
    dana = str(adapter.match("email", "dana@example.com"))
    lists = [account.make_list(f"Theirs {number}", [dana]) for number in range(2)]
    account.fault("POST", ":remove", status=403, times=2)
    said = adapter.erase([dana])
    assert "403" in said[dana] and lists[0] in said[dana]
    assert account.members(lists[0]) and not account.members(lists[1])


def sold(order: str, quantity: str = "1", currency: str = "EUR", **more: Any) -> Sale:
    """A purchase of cable by Dana."""
    item = SoldItem(product_id="CAB-1", quantity=Decimal(quantity), unit_price=Decimal("4.00"))
    told = {"kind": "purchase", "identifiers": [("email", "dana@example.com"), ("phone", "none")], **more}
    value = Decimal(quantity) * 4
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return Sale(key=order, order_id=order, at=at, items=[item], value=value, currency=currency, **told)


def test_what_a_sale_says(account: Account) -> None:
    """The order's number, the catalogue's ids, whole pieces at the price of all of them, and the merchant."""
    account.adapter(merchant_id="42").report([sold("1001", "2.5")])
    (event,) = account.bodies("/v1/events:ingest")[0]["events"]
    assert (event["transactionId"], event["conversionValue"], event["currency"]) == ("1001", 10.0, "EUR")
    item = {"merchantProductId": "CAB-1", "quantity": "1", "unitPrice": 10.0}
    assert event["cartData"] == {"items": [item], "merchantId": "42"}
    assert len(event["userData"]["userIdentifiers"]) == 1


def test_sales_that_google_does_not_take(account: Account) -> None:
    """One bad sale never fails its neighbours; a refund corrects the order's value, if that is known."""
    sales = [sold("1001"), sold("1002", currency="euro"), sold("1003", kind="refund")]
    sales.append(sold("1004", kind="refund", left=Decimal("1.50")))
    receipt = account.adapter().report(sales)
    assert set(receipt.written) == {"1001", "1004"}
    assert "INVALID_CURRENCY_CODE" in receipt.rejected["1002"] and "not known" in receipt.rejected["1003"]
    assert account.google.account.events["1004"][0]["conversionValue"] == 1.5


def test_no_conversion_action(account: Account) -> None:
    """Without a place to count them no sales are told, and the terms say so."""
    adapter = account.adapter(conversion_action="")
    assert not adapter.terms.takes_sales
    with pytest.raises(SetupError, match="conversion action"):
        adapter.report([sold("1001")])
    wrong = account.adapter(conversion_action="1")
    assert any("conversion_action" in one.fix for one in wrong.check() if not one.ok)
