"""Dana's story and its neighbours, read as a marketer reads them: who is in which list, and the sentence why."""

import json
from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from small_seen import contact, event, line, link, on, order, product, seen

from connector.audiences import load_audiences
from connector.decide import Decisions, Figures, decide, figures
from connector.decide.loyalty.rfm import CELLS
from connector.decide.membership.fitting import listed
from connector.merge import Merged, identify, merge
from connector.model import Audience
from connector.rule_words import CELLS as WORDS
from connector.schema import DERIVED, FIGURES

pytestmark = pytest.mark.slow

TODAY = on("2026-10-01")
AUDIENCES = load_audiences(None)
LAMP, RUG = "Pendant lamp Aalto", "Rug Sylt"
GOODS = [
    product("AALTO-RED", item_group_id="AALTO", title=LAMP, availability="in_stock"),
    product("AALTO-BLUE", item_group_id="AALTO", title=LAMP, availability="in_stock"),
    product("SYLT", title=RUG, availability="in_stock"),
    product("PILLS", title="Something private", availability="in_stock", sensitive=True),
    product("CHAIR", title="Chair", availability="in_stock"),
    product("TABLE", title="Table", availability="in_stock"),
    product("SOFA", title="Sofa", availability="out_of_stock"),
]
SELDOM = {"replenish", "left_out"}
"""Tables that this small shop leaves empty."""
ABOUT_ALL_BUYERS = {"champions", "loyal_customers", "at_risk", "cross_sell"}
"""Lists that depend on who else buys; the stories are about the others."""


class Story:
    """One person's contact, orders and events, written as they happen; alike persons differ by name only."""

    def __init__(self, name: str, **columns: Any) -> None:
        known = {"email": f"{name}@example.com", "user_id": name, "email_opt_out": False, "ads_consent": True}
        self.person = f"hubspot:{name}"
        self.name = name
        self.tables: dict[str, list[dict[str, Any]]] = {
            "contact": [contact(self.person, **{**known, **columns})],
            "identity_link": [link(f"anonymous_id:{name}-phone", f"user_id:{name}")],
            "order_header": [],
            "order_line": [],
            "interaction": [],
        }

    def buys(self, what: str, day: str, quantity: int = 1) -> "Story":
        """A negative quantity is a credit note."""
        number = f"O{len(self.tables['order_header'])}-{self.name}"
        status = "fulfilled" if quantity > 0 else "returned"
        self.tables["order_header"].append(order(number, self.person, day, status=status))
        self.tables["order_line"].append(line(number, what, quantity))
        return self

    def does(self, kind: str, what: str, day: str) -> "Story":
        key = f"e{len(self.tables['interaction'])}-{self.name}"
        self.tables["interaction"].append(event(key, kind, f"anonymous_id:{self.name}-phone", what, day))
        return self


def merged(stories: list[Story], as_of: datetime = TODAY, goods: list[dict[str, Any]] = GOODS) -> Merged:
    rows = {table: [row for story in stories for row in story.tables[table]] for table in stories[0].tables}
    shop = seen(product=goods, **rows)
    return merge(shop, identify(shop).person.cache(), as_of, ir.Table.cache)


def decided(
    stories: list[Story], as_of: datetime = TODAY, goods: list[dict[str, Any]] = GOODS
) -> tuple[Merged, Figures, Decisions]:
    base = merged(stories, as_of, goods)
    shop_wide = figures(base, AUDIENCES.policy, as_of, ir.Table.cache)
    return base, shop_wide, decide(base, shop_wide, AUDIENCES, as_of, ir.Table.cache)


CONSENTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "all": ({}, {"cart_abandoners", "retarget"}),
    "no-mail": ({"email_opt_out": True}, {"retarget"}),
    "mail-unknown": ({"email_opt_out": None}, {"retarget"}),
    "no-ads": ({"ads_consent": False}, {"cart_abandoners"}),
    "ads-unknown": ({"ads_consent": None}, {"cart_abandoners"}),
    "no-profile": ({"profiling_opt_out": True}, set()),
}
CROWD = [Story(f"crowd{n}").buys("CHAIR", "2026-08-01") for n in range(7)]
CAST = [
    Story("dana")
    .does("view", "AALTO-BLUE", "2026-09-10")
    .buys("AALTO-RED", "2026-09-12")
    .does("view", "AALTO-BLUE", "2026-09-20")
    .does("impression", "AALTO-BLUE", "2026-09-21"),
    Story("half").buys("AALTO-RED", "2026-09-12", 2).buys("AALTO-BLUE", "2026-09-20", -1),
    Story("whole").buys("AALTO-RED", "2026-09-12", 2).buys("AALTO-BLUE", "2026-09-20", -2),
    Story("cart")
    .does("cart", "AALTO-RED", "2026-09-10")
    .does("cart", "SYLT", "2026-09-20")
    .does("view", "SYLT", "2026-09-21"),
    Story("browser").does("view", "SYLT", "2026-09-21"),
    Story("late").does("cart", "SYLT", "2026-09-01"),
    Story("private").buys("PILLS", "2026-09-12"),
    Story("private-cart").does("cart", "PILLS", "2026-09-20"),
    *[
        Story(name, **columns).does("cart", "SYLT", "2026-09-20").buys("AALTO-RED", "2026-09-12")
        for name, (columns, _) in CONSENTS.items()
    ],
    *[story.buys("TABLE", "2026-08-02").buys("SOFA", "2026-08-02") for story in CROWD[:6]],
    CROWD[6],
    Story("chair").buys("CHAIR", "2026-08-01"),
    Story("gave-back").buys("CHAIR", "2026-08-01").buys("TABLE", "2026-07-30").buys("TABLE", "2026-07-31", -1),
]


@pytest.fixture(scope="module")
def today() -> Decisions:
    """Everybody's decisions today."""
    return decided(CAST)[2]


def reasons(decisions: Decisions, name: str) -> dict[str, str]:
    """List -> why this person is in it."""
    rows = decisions.wanted.filter(decisions.wanted.person_id == f"hubspot:{name}").to_pyarrow().to_pylist()
    return {row["audience"]: row["reason"] for row in rows if row["audience"] not in ABOUT_ALL_BUYERS}


def suppressions(decisions: Decisions, name: str) -> list[dict[str, Any]]:
    table = decisions.suppression
    found: list[dict[str, Any]] = table.filter(table.person_id == f"hubspot:{name}").to_pyarrow().to_pylist()
    return found


def test_who_bought_the_lamp_in_red_is_spared_the_blue_one(today: Decisions) -> None:
    """The family is suppressed, with the order behind it; a view after the purchase advertises nothing."""
    why = f"bought {LAMP} (order O0-dana) on 2026-09-12; suppressed until 2027-09-12"
    assert reasons(today, "dana") == {"recent_buyers": why, "bought_AALTO": why}
    (row,) = suppressions(today, "dana")
    assert (row["family"], row["reason"], row["since"]) == ("AALTO", "bought", on("2026-09-12"))
    assert row["until"] == on("2027-09-12")
    line_key = "hubspot:O0-dana-AALTO-RED"
    expected = {"line": line_key, "order_id": "O0-dana", "product_id": "AALTO-RED", "quantity": "1"}
    assert json.loads(row["evidence"]) == expected


def test_a_suppression_ends_by_itself() -> None:
    """At the very moment it was said to end; `next_change_at` names it."""
    end = on("2027-09-12")
    stories = [Story("dana").buys("AALTO-RED", "2026-09-12")]
    before, after = (decided(stories, moment)[2] for moment in (end - timedelta(microseconds=1), end))
    assert before.trait.to_pyarrow()["next_change_at"].to_pylist() == [end]
    assert len(suppressions(before, "dana")) == 1
    assert suppressions(after, "dana") == []
    assert reasons(after, "dana") == {}


def test_a_return_lifts_what_it_takes_back(today: Decisions) -> None:
    """Two lamps bought: giving back one leaves the suppression, giving back both cools off for a month."""
    (kept,) = suppressions(today, "half")
    assert (json.loads(kept["evidence"])["quantity"], kept["until"]) == ("1", on("2027-09-12"))
    (back,) = suppressions(today, "whole")
    assert (back["state"], back["since"], back["until"]) == ("returned", on("2026-09-20"), on("2026-10-20"))


def test_what_was_left_in_the_cart_is_told(today: Decisions) -> None:
    """The newest of several items and its day, for thirty days."""
    assert reasons(today, "cart") == {
        "cart_abandoners": f"left in the cart: {RUG}; {LAMP} (the last on 2026-09-20)",
        "retarget": f"touched {RUG} on 2026-09-20 and has not bought it since",
    }
    assert reasons(today, "browser") == {
        "browse_abandoners": f"looked at {RUG} on 2026-09-21 and has not bought it; to show beside it: none",
        "retarget": f"touched {RUG} on 2026-09-21 and has not bought it since",
    }
    assert reasons(today, "late") == {}


@pytest.mark.parametrize("name", CONSENTS)
def test_unknown_is_no(today: Decisions, name: str) -> None:
    """Mail needs a known absence of opt-out, ads a known consent, both no objection; exclusion needs nothing."""
    assert set(reasons(today, name)) == CONSENTS[name][1] | {"recent_buyers", "bought_AALTO"}


def test_the_strictest_contact_speaks_for_the_person() -> None:
    """One opt-out among several contacts of a person holds for all of them."""
    story = Story("ann").does("cart", "SYLT", "2026-09-20")
    other = contact("salesforce:9", email="ann@example.com", email_opt_out=True, ads_consent=None)
    story.tables["contact"].append(other)
    found = decided([story])[2]
    assert reasons(found, "ann") == {}
    (row,) = found.trait.to_pyarrow().to_pylist()
    assert (row["email_opt_out"], row["ads_consent"], row["profiling_opt_out"]) == (True, None, None)


def test_sensitive_items_are_never_named(today: Decisions) -> None:
    """They are suppressed like any other, but no reason says what they are, and no list or mail is made of them."""
    why = "bought an item (order O0-private) on 2026-09-12; suppressed until 2027-09-12"
    assert reasons(today, "private") == {"recent_buyers": why}
    assert reasons(today, "private-cart") == {}


def test_what_goes_together_is_recommended(today: Decisions) -> None:
    """The next product, with how many bought it; never what the person has or gave back, or what is sold out."""
    rows = today.recommendation.to_pyarrow().to_pylist()
    assert "SOFA" not in {row["family"] for row in rows}
    told = {row["person_id"]: row["why"] for row in rows if row["family"] == "TABLE" and row["score"] > 0}
    assert told["hubspot:chair"] == "bought with Chair by 6 of 9"
    assert set(told) == {"hubspot:chair", "hubspot:crowd6"}


def test_where_nothing_goes_together_best_sellers_are_recommended(today: Decisions) -> None:
    """With how many bought them; only to people who have something, and never what they had or what is sold out."""
    rows = today.recommendation.to_pyarrow().to_pylist()
    dana = {row["family"]: row["why"] for row in rows if row["person_id"] == "hubspot:dana"}
    assert dana == {"CHAIR": "best-seller, bought by 9", "TABLE": "best-seller, bought by 7"}
    assert not {"hubspot:cart", "hubspot:browser", "hubspot:no-profile"} & {row["person_id"] for row in rows}


def test_nothing_is_recommended_right_after_a_mail() -> None:
    """For fourteen days, where the CRM tells of mails; then `next_change_at` brings the recommendations back."""
    crowd = [Story(f"crowd{n}").buys("CHAIR", "2026-08-01").buys("TABLE", "2026-08-02") for n in range(6)]
    mailed = Story("mailed", mailed_at=on("2026-09-20")).buys("CHAIR", "2026-08-01")
    end = on("2026-10-04")
    before, after = (decided([*crowd, mailed], moment)[2] for moment in (end - timedelta(microseconds=1), end))
    told = [{row["person_id"] for row in rows.recommendation.to_pyarrow().to_pylist()} for rows in (before, after)]
    assert told == [set(), {"hubspot:mailed"}]
    (row,) = before.trait.filter(before.trait.person_id == "hubspot:mailed").to_pyarrow().to_pylist()
    assert row["next_change_at"] == end


def test_what_stands_in_for_something_held_is_not_recommended() -> None:
    """Two chairs are substitutes until a fifth of the chair buyers have several; then they are a collection."""
    goods = [
        product("STOOL", title="Stool", product_type="Seats", availability="in_stock"),
        product("BENCH", title="Bench", product_type="Seats", availability="in_stock"),
        product("LAMP", title="Lamp", product_type="Lamps", availability="in_stock"),
    ]
    both = [Story(f"both{n}").buys("STOOL", "2026-08-01").buys("BENCH", "2026-08-02") for n in range(5)]
    one = [Story(f"one{n}").buys("STOOL", "2026-08-01").buys("LAMP", "2026-08-02") for n in range(21)]
    for people, offered in ((one, {"LAMP"}), (one[:9], {"LAMP", "BENCH"})):
        shop = decided([*both, *people, Story("ann").buys("STOOL", "2026-08-01")], goods=goods)[2]
        rows = shop.recommendation.to_pyarrow().to_pylist()
        assert {row["family"] for row in rows if row["person_id"] == "hubspot:ann"} == offered


def test_families_with_a_list_of_their_own_are_listed() -> None:
    """`each_family` becomes one list a family, with its title and its own name; the others stay as they are."""
    lists = listed_by(decided(_buyers(AUDIENCES.policy.cross_sell.support))[1])
    assert [one.name for one in lists][:3] == ["recent_buyers", "bought_AALTO", "champions"]
    assert lists[1].label == f"Bought {LAMP} (AALTO)"
    assert len(lists) == len(AUDIENCES.audiences)


def listed_by(figures: Figures) -> tuple[Audience, ...]:
    return listed(AUDIENCES, figures.family, figures.left_out)


def _buyers(many: int) -> list[Story]:
    return [Story(f"buyer{number}").buys("AALTO-RED", "2026-09-12") for number in range(many)]


def test_a_family_with_few_buyers_has_no_list_of_its_own() -> None:
    """A list of two people tells who they are, and stops next to nothing; they are in the list of all buyers."""
    lists = listed_by(decided(_buyers(AUDIENCES.policy.cross_sell.support - 1))[1])
    assert not [one.name for one in lists if one.name.startswith("bought_")]


def test_tables_have_the_columns_of_the_warehouse() -> None:
    """Every table that merge and decide hand out casts to the warehouse's schema, column by column."""
    base, shop_wide, found = decided(CAST)
    tables = {**vars(base), **vars(found), **vars(shop_wide)}
    for name, schema in {**DERIVED, **FIGURES}.items():
        if name not in ("decided", "ad_group"):  # these follow from what is decided
            plain = schema.remove(schema.get_field_index("run"))
            assert set(tables[name].columns) == set(plain.names), name
            rows = tables[name].select(*plain.names).to_pyarrow().cast(plain).num_rows
            assert rows > 0 or name in SELDOM, name


def test_every_pair_of_fifths_is_in_one_cell() -> None:
    """The ten cells cover the chart without overlap, and rules know them by the same names."""
    pairs = [(r, f) for r in range(1, 6) for f in range(1, 6)]
    fits = [sum(rs[0] <= r <= rs[1] and fs[0] <= f <= fs[1] for rs, fs in CELLS.values()) for r, f in pairs]
    assert fits == [1] * 25
    assert set(CELLS) == set(WORDS)


def test_nothing_seen_decides_nothing() -> None:
    """An empty home goes through every step without an error."""
    shop = seen()
    base = merge(shop, identify(shop).person, TODAY, ir.Table.cache)
    found = decide(base, figures(base, AUDIENCES.policy, TODAY, ir.Table.cache), AUDIENCES, TODAY, ir.Table.cache)
    assert all(table.to_pyarrow().num_rows == 0 for table in vars(found).values())


def test_a_naive_time_is_refused() -> None:
    """Nobody may guess its zone."""
    shop = seen()
    with pytest.raises(ValueError, match="naive time"):
        merge(shop, ibis.memtable(identify(shop).person.to_pyarrow()), datetime(2026, 1, 1))  # noqa: DTZ001
