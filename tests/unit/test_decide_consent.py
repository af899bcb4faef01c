"""What keeps a person out of mail: the strictest answer of any contact, and who is counted as excluded."""

from functools import cache
from typing import Any

import ibis.expr.types as ir
import pytest
from small_seen import contact, event, link, on, seen

from connector.audiences import Audiences, read_audiences
from connector.decide import Decisions, decide, figures
from connector.decide.membership.consent import MAIL, tally
from connector.merge import identify, merge
from connector.yaml_text import parse

TODAY = on("2026-10-01")
CART = "rule: {carted: {within: 30d}}\n    reason: left {title}"
RULES = f"""
policy:
  consent: {{legal_basis: %s, marketing_only: %s}}
audiences:
  - name: mail
    label: Mail
    purpose: email
    {CART}
  - name: ads
    label: Ads
    purpose: retarget
    {CART}
  - name: all
    label: All
    purpose: insight
    {CART}
"""
BARRIERS = {
    "opted_out": {"email_opt_out": True},
    "unsubscribed": {"subscription_opt_out": True},
    "quarantined": {"quarantined": True},
    "unknown_consent": {"email_opt_out": None},
    "no_legal_basis": {"legal_basis": "Not applicable; "},
    "not_marketing": {"marketable": False},
}
HARMLESS = {
    "no-quarantine": {"quarantined": False},
    "marketing": {"marketable": True},
    "subscribed": {"subscription_opt_out": False},
    "status-untold": {"marketable": None},
}
BASES: dict[str, tuple[str | None, str | None]] = {
    "none": (None, "no_legal_basis"),
    "empty": ("", "no_legal_basis"),
    "not-applicable": ("Not applicable", "no_legal_basis"),
    "twice": ("not applicable;Not applicable", "no_legal_basis"),
    "interest": ("Legitimate interest – existing customer", None),
    "consent": ("Not applicable;Freely given consent from contact", None),
}
CONSENT = {"legal_basis": "Performance of a contract"}
CAST: dict[str, list[dict[str, Any]]] = {
    **{name: [{**CONSENT, **columns}] for name, columns in {**BARRIERS, **HARMLESS}.items()},
    **{f"basis-{name}": [{"legal_basis": words}] for name, (words, _) in BASES.items()},
    **{f"from-{name}": [CONSENT, *[BARRIERS[one] for one in list(MAIL)[at:]]] for at, name in enumerate(MAIL)},
    "no-ads": [{**CONSENT, "ads_consent": None}],
    "objecting": [{**CONSENT, "profiling_opt_out": True}],
    "visitor": [],
}
"""Name -> a person's contacts. Everybody left a lamp in the cart."""


def story(name: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of one person."""
    taker = {"email": f"{name}@x.test", "user_id": name, "email_opt_out": False, "ads_consent": True}
    return {
        "contact": [contact(f"hubspot:{name}-{n}", **{**taker, **one}) for n, one in enumerate(CAST[name])],
        "identity_link": [link(f"anonymous_id:{name}", f"user_id:{name}")],
        "interaction": [event(f"e-{name}", "cart", f"anonymous_id:{name}", "lamp", "2026-09-20")],
    }


def rules(basis: str, marketing_only: bool) -> Audiences:
    return read_audiences(parse(RULES % (basis, str(marketing_only).lower()), "audiences.yaml"))


@cache
def decided(basis: str = "ignored", marketing_only: bool = True) -> Decisions:
    """The whole cast under one policy."""
    stories = [story(name) for name in CAST]
    shop = seen(**{table: [row for one in stories for row in one[table]] for table in stories[0]})
    base, chosen = merge(shop, identify(shop).person.cache(), TODAY, ir.Table.cache), rules(basis, marketing_only)
    return decide(base, figures(base, chosen.policy, TODAY, ir.Table.cache), chosen, TODAY, ir.Table.cache)


def named(name: str) -> str:
    return f"hubspot:{name}-0" if CAST[name] else f"user_id:{name}"


def barrier(name: str, found: Decisions) -> Any:
    rows = found.trait.select("person_id", "mail_barrier").to_pyarrow().to_pylist()
    return {row["person_id"]: row["mail_barrier"] for row in rows}[named(name)]


def members(name: str, found: Decisions) -> set[str]:
    return set(found.wanted.filter(found.wanted.person_id == named(name)).to_pyarrow()["audience"].to_pylist())


def excluded(name: str, found: Decisions) -> dict[str, dict[str, int]]:
    return tally(found.excluded.filter(found.excluded.person_id == named(name)))


@pytest.mark.parametrize("name", BARRIERS)
def test_each_barrier_keeps_out_of_mail_alone(name: str) -> None:
    """It is told by its name, and neither ads nor lists that address nobody care."""
    found = decided("required")
    assert barrier(name, found) == name
    assert members(name, found) == {"ads", "all"}
    assert excluded(name, found) == {"mail": {name: 1}}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_not_said_or_denied_is_no_barrier(name: str) -> None:
    """A known absence of opt-out is enough where the CRM knows nothing against it."""
    assert barrier(name, decided("required")) is None
    assert members(name, decided("required")) == {"mail", "ads", "all"}
    assert excluded(name, decided("required")) == {}


@pytest.mark.parametrize("name", MAIL)
def test_the_strictest_of_several_contacts_is_told(name: str) -> None:
    """What somebody refused comes before what nobody knows, and that before what the CRM would not do."""
    least = {"not_marketing": "no_legal_basis"}  # the other contacts in the row say nothing of a basis
    assert barrier(f"from-{name}", decided("required")) == least.get(name, name)
    assert barrier(f"from-{name}", decided()) == {"no_legal_basis": "not_marketing"}.get(name, name)


@pytest.mark.parametrize("name", BASES)
def test_the_legal_basis_counts_where_it_is_required(name: str) -> None:
    """Empty, or nothing but HubSpot's word for none, is none."""
    assert barrier(f"basis-{name}", decided("required")) == BASES[name][1]
    assert barrier(f"basis-{name}", decided()) is None


def test_non_marketing_contacts_are_mailed_where_the_shop_says_so() -> None:
    """A shop that mails by another tool than its CRM does not care for the CRM's status."""
    assert barrier("not_marketing", decided(marketing_only=False)) is None


def test_ads_and_objections_are_counted_by_their_own_names() -> None:
    """No consent to ads, or an objection to profiling, is told as such."""
    assert excluded("no-ads", decided()) == {"ads": {"no_ads_consent": 1}}
    objection = {"profiling_opt_out": 1}
    assert excluded("objecting", decided()) == {"ads": objection, "mail": objection}


def test_who_has_no_contact_is_not_counted() -> None:
    """A visitor whom no CRM knows cannot be mailed, but not for want of consent."""
    assert barrier("visitor", decided()) == "unknown_consent"
    assert members("visitor", decided()) == {"all"}
    assert excluded("visitor", decided()) == {}
