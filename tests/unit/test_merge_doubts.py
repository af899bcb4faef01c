"""What is in doubt after merging is told in words an admin can act on, with keys and never with addresses."""

from typing import Any

import ibis.expr.types as ir
from small_seen import contact, line, on, order, product, seen

from connector.merge import identify, merge
from connector.merge.doubts import doubts


def told(**tables: list[dict[str, Any]]) -> list[str]:
    """The sentences for a small shop."""
    rows = seen(**tables)
    merged = merge(rows, identify(rows).person.cache(), on("2026-03-01"), ir.Table.cache)
    return list(doubts(merged, "GBP"))


def taker(key: str, email: str = "a@x.test") -> dict[str, Any]:
    """A contact who takes mail."""
    return contact(key, email=email, email_opt_out=False)


def test_a_clean_shop_leaves_nothing_to_say() -> None:
    """Known products, one contact a person: no sentence."""
    assert not told(
        contact=[taker("hubspot:1"), taker("salesforce:1")],
        product=[product("lamp")],
        order_header=[order("1", "hubspot:1", "2026-02-01")],
        order_line=[line("1", "lamp")],
    )


def test_a_product_that_no_catalogue_row_knows_is_named() -> None:
    """Count, an example, and what to do."""
    (sentence,) = told(
        contact=[taker("hubspot:1")],
        product=[product("lamp")],
        order_header=[order("1", "hubspot:1", "2026-02-01")],
        order_line=[line("1", "lamp"), line("1", "mystery")],
    )
    assert sentence.startswith("1 order lines name 1 products that no catalogue row knows, such as mystery")
    assert "product feed" in sentence


def test_two_contacts_with_one_mailbox_are_named_by_key() -> None:
    """They are one person here; the sentence says so and holds no address."""
    (sentence,) = told(contact=[taker("hubspot:1"), taker("hubspot:2", " A@x.test")])
    assert "hubspot:1" in sentence
    assert "treated as one" in sentence
    assert "@" not in sentence


def test_contacts_whose_consent_is_unknown_are_counted() -> None:
    """An admin who finds a mailing list empty reads why; who has no address is not missed."""
    (sentence,) = told(
        contact=[contact("hubspot:1", email="a@x.test"), contact("hubspot:2"), taker("hubspot:3", "c@x.test")]
    )
    assert sentence.startswith("1 contacts, such as hubspot:1, do not say whether they take e-mail")


def test_orders_in_another_currency_are_counted() -> None:
    """Amounts of two currencies are never added; who wonders at a spend that is too small reads why."""
    (sentence,) = told(
        contact=[taker("hubspot:1")],
        product=[product("lamp")],
        order_header=[
            order("1", "hubspot:1", "2026-02-01"),
            order("2", "hubspot:1", "2026-02-02", currency="EUR"),
            order("3", "hubspot:1", "2026-02-03", currency="EUR", status="returned"),
        ],
        order_line=[line("1", "lamp"), line("2", "lamp"), line("3", "lamp")],
    )
    assert sentence.startswith("1 orders of 1 persons are not in GBP, but in EUR")
