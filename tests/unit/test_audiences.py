"""audiences.yaml: what a shop may write, and how it is told what it may not."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from connector import rule_words as words
from connector.audiences import Audiences, load_audiences, read_audiences
from connector.errors import SetupError
from connector.model import Guard, Purpose
from connector.schema import DERIVED
from connector.yaml_text import parse

PLAIN = """
policy:
  suppression: {window: 30d, product_type: {Bulbs: 4w}}
audiences:
  - name: fans
    label: Fans
    purpose: email
    rule: {trait: {rfm_cell: champions, orders: {at_least: 2}}}
    reason: "{orders} orders"
    guard: {percent: 10, at_least: 5}
"""


def read(text: str) -> Audiences:
    return read_audiences(parse(text, "audiences.yaml"))


def rule(text: str) -> str:
    """A file whose only audience has this rule, on line 6."""
    return f"""
audiences:
  - name: one
    label: One
    purpose: insight
    rule: {text}
    reason: because
"""


def test_the_packaged_file_is_read() -> None:
    """A shop that writes nothing gets the documented audiences with their purposes."""
    found = {one.name: one.purpose for one in load_audiences(None).audiences}
    assert found == {
        "recent_buyers": Purpose.EXCLUDE,
        "bought": Purpose.EXCLUDE,
        "champions": Purpose.EMAIL,
        "loyal_customers": Purpose.EMAIL,
        "at_risk": Purpose.EMAIL,
        "cross_sell": Purpose.EMAIL,
        "replenish": Purpose.EMAIL,
        "cart_abandoners": Purpose.EMAIL,
        "browse_abandoners": Purpose.EMAIL,
        "retarget": Purpose.RETARGET,
    }


def test_the_homes_copy_wins(tmp_path: Path) -> None:
    """What stands under the home's mappings replaces the packaged file as a whole."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "audiences.yaml").write_text(PLAIN)
    found = load_audiences(tmp_path)
    assert [one.name for one in found.audiences] == ["fans"]
    assert found.audiences[0].guard == Guard(percent=10, at_least=5)
    assert found.audiences[0].line == 5
    suppression = found.policy.suppression
    assert (suppression.window, dict(suppression.windows)) == (timedelta(days=30), {"Bulbs": timedelta(days=28)})


def test_a_rule_is_kept_in_one_form() -> None:
    """Single values become lists, `true` becomes no options, numbers that are names become texts."""
    written = "{all: [{bought: {family: 85048}}, {not: {suppressed: true}}, {trait: {loyalty_tier: gold}}]}"
    assert read(rule(written)).audiences[0].rule == {
        "all": [
            {"bought": {"family": ["85048"]}},
            {"not": {"suppressed": {}}},
            {"trait": {"loyalty_tier": {"in": ["gold"]}}},
        ]
    }


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{cart: true}", "line 6, audiences.0.rule.cart: 'cart' is not a word here; did you mean 'carted'?"),
        ("{carted: {witin: 30d}}", "audiences.0.rule.carted.witin: 'witin' is not a word here; did you mean 'within'?"),
        ("{carted: {within: 30}}", "rule.carted.within: '30' is not a length of time such as 12h, 30d or 4w"),
        ("{carted: {within: 99999w}}", "'99999w' is not a length of time"),
        ("{carted: {within: 0d}}", "'0d' is not a length of time"),
        ("{carted: {not_bought: 7}}", "write not_bought: true, or leave it out"),
        ("{carted: {family: []}}", "rule.carted.family: the list is empty"),
        ("{bought: {not_bought: true}}", "'not_bought' is not a word here"),
        ("{suppressed: maybe}", "not 'maybe'"),
        ("{trait: {rfm_cell: champion}}", "'champion' is not a word here; did you mean 'champions'?"),
        ("{trait: {loyalty_tier: [gold, sliver]}}", "did you mean 'silver'?"),
        ("{trait: {order: 2}}", "did you mean 'orders'?"),
        ("{trait: {orders: two}}", "'two' cannot stand here: a number is needed"),
        ("{trait: {orders: {at_least: .nan}}}", "a number is needed"),
        ("{trait: {spend: {at_least: 1e300}}}", "a number is needed"),
        ("{trait: {spend: {atleast: 3}}}", "did you mean 'at_least'?"),
        ("{trait: {country: NO}}", "False cannot stand here: a text (in quotes, if it looks like something else)"),
        ("{trait: {email_opt_out: 1}}", "true or false is needed"),
        ("{trait: {last_order_at: 2026-01-01}}", "here must be names with values (within, not_within)"),
        ("{trait: {}}", "say which trait: country"),
        ("{trait: {funnel_stage: leads}}", "did you mean 'lead'?"),
        ("{trait: {age: {at_least: [1, 2]}}}", "a number is needed"),
        ("{bought: {at_least: 0}}", "rule.bought.at_least: 0 must be a number from 1 to 10000"),
        ("{bought: {at_least: 1.5}}", "1.5 must be a whole number"),
        ("{viewed: {in_one: category}}", "in_one says within what at_least counts"),
        ("{viewed: {at_least: 2, in_one: categry}}", "did you mean 'category'?"),
        ("{viewed: {category: A, product_type: B}}", "category and product_type mean the same"),
        ("{responded: {campain: A}}", "did you mean 'campaign'?"),
        ("{replenish: true}", "did you mean 'replenish_due'?"),
        ("{all: {carted: true}}", "here must be a list of rules"),
        ("{any: []}", "here must be a list of rules"),
        ("{carted: true, viewed: true}", "a rule is exactly one of all, any"),
        ("carted", "a rule is exactly one of all, any"),
        ("{all: [{each_family: {top: 3}}]}", "'each_family' is not a word here"),
        ("{each_family: {top: many}}", "how many families, from 0 to 500"),
        ("{not: " * 60 + "{carted: true}" + "}" * 60, "more than 20 deep"),
    ],
)
def test_a_wrong_rule_is_named(written: str, message: str) -> None:
    """The message has file, line and field, and the nearest word where there is one."""
    with pytest.raises(SetupError) as caught:
        read(rule(written))
    assert "audiences.yaml, line 6, audiences.0.rule" in caught.value.message
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("name: fans", "name: My Fans", "line 5, audiences.0.name: 'My Fans' must be small letters"),
        (
            "purpose: email",
            "purpose: mail",
            "line 7, audiences.0.purpose: 'mail' is not a word here; did you mean 'email'?",
        ),
        ("    label: Fans\n", "", "line 5, audiences.0.label: is missing"),
        ("Fans", "'{title}'", "audiences.0.label: {title} has no meaning here"),
        ("{orders} orders", "{order} orders", "audiences.0.reason: 'order' is not a word here; did you mean 'orders'?"),
        ("{orders} orders", "{title} again", "'title' is not a word here"),
        ("{orders} orders", "{orders", "audiences.0.reason: "),
        ("{orders} orders", "{orders!r}", "{orders} must be a plain name"),
        ("purpose: email", "purpose: email\n    limit: 5", "audiences.0.limit: limit needs order_by beside it"),
        ("purpose: email", "purpose: email\n    limit: 5\n    order_by: spent", "did you mean 'spend'?"),
        ("purpose: email", "purpose: email\n    holdout: 95", "audiences.0.holdout: 95 must be a number from 0 to 90"),
        ("purpose: email", "purpose: email\n    enabled: no way", "'no way' must be true or false"),
        ("purpose: email", "purpose: email\n    enabled: false", "every audience here says enabled: false"),
        ("{orders} orders", "{times} orders", "'times' is not a word here"),
        ("policy:", "policy:\n  most_lists: 0", "policy.most_lists: 0 must be a number from 1 to 1500"),
        ("policy:", "policy:\n  segments: {medium: 20}", "policy.segments.medium: medium needs more"),
        ("percent: 10", "percent: 101", "line 10, audiences.0.guard.percent: 101 must be a number from 0 to 100"),
        ("window: 30d", "window: long", "line 3, policy.suppression.window: 'long' is not a length of time"),
        ("window: 30d", "durable: 30d", "policy.suppression.durable: must be at least 180d; window sets a shorter one"),
        ("window: 30d", "family: [A]", "policy.suppression.family: here must be names with a length of time each"),
        ("policy:", "polcy:", "line 2, polcy: 'polcy' is not a word here; did you mean 'policy'?"),
        ("suppression:", "loyalty: {gold_percent: 90, silver_percent: 20}\n  suppression:", "more than 100 together"),
        ("suppression:", "cross_sell: {lift: high}\n  suppression:", "policy.cross_sell.lift: 'high' must be a number"),
        ("suppression:", "consent: {legal_basis: require}\n  suppression:", "did you mean 'required'?"),
        ("suppression:", "consent: {marketing_only: maybe}\n  suppression:", "'maybe' must be true or false"),
        (
            "{trait: {rfm_cell: champions, orders: {at_least: 2}}}",
            "{each_family: {top: 3}}",
            "line 7, audiences.0.purpose: each_family makes lists that address nobody: exclude or insight",
        ),
    ],
)
def test_a_wrong_field_is_named(before: str, after: str, message: str) -> None:
    """So has the message for everything around the rule."""
    with pytest.raises(SetupError) as caught:
        read(PLAIN.replace(before, after, 1))
    assert message in caught.value.message
    assert caught.value.message.startswith("audiences.yaml, line ")


def test_names_and_labels_are_taken_once() -> None:
    """Two lists of one name would be one list in the CRM."""
    twice = PLAIN + PLAIN[PLAIN.index("  - name") :]
    with pytest.raises(SetupError, match=r"line 11, audiences.1.name: 'fans' is taken"):
        read(twice)
    with pytest.raises(SetupError, match=r"audiences.1.label: 'Fans' is taken"):
        read(twice[: len(PLAIN)] + twice[len(PLAIN) :].replace("name: fans", "name: others"))


def test_only_one_audience_is_made_for_each_family() -> None:
    """Its `top` is the number of lists a shop gets."""
    one = rule("{each_family: {top: 7}}")
    assert read(one).policy.own_lists == 7
    second = one[one.index("  - name") :].replace("one", "two").replace("One", "Two")
    with pytest.raises(SetupError, match="only one audience may be each_family"):
        read(one + second)


def test_what_is_not_enabled_is_checked_and_decides_nothing() -> None:
    """It keeps its name, may be wrong like any other, and makes neither a list nor another digest."""
    more = PLAIN + PLAIN[PLAIN.index("  - name") :].replace("fans", "more").replace("Fans", "More")
    off = more.replace("name: more", "name: more\n    enabled: false")
    found = read(off)
    assert ([one.name for one in found.audiences], [one.name for one in found.spare]) == (["fans"], ["more"])
    assert (found.digest == read(PLAIN).digest) and (read(more).digest != found.digest)
    with pytest.raises(SetupError, match="'fans' is taken"):
        read(off.replace("name: more", "name: fans"))


def test_an_empty_file_says_what_to_write() -> None:
    """Nothing at all is no set-up."""
    with pytest.raises(SetupError, match="at least one audience"):
        read("")


def test_the_digest_changes_with_what_is_decided() -> None:
    """Everybody is decided again after a change of rule, reason, purpose or policy, but not of a label or guard."""
    plain = read(PLAIN).digest
    assert read(PLAIN).digest == plain
    assert read(PLAIN.replace("label: Fans", "label: Best").replace("percent: 10", "percent: 20")).digest == plain
    limited = read(PLAIN.replace("    guard", "    limit: 5\n    order_by: spend\n    guard"))
    assert len({plain, limited.digest, read(PLAIN.replace("    guard", "    holdout: 5\n    guard")).digest}) == 3
    for before, after in (("30d", "31d"), ("email", "insight"), ("at_least: 2}", "at_least: 3}"), ('orders"', '"')):
        assert read(PLAIN.replace(before, after)).digest != plain


def test_consent_is_part_of_the_policy() -> None:
    """What counts as leave to mail is the shop's choice, and everybody is decided again when it changes."""
    plain = read(PLAIN)
    assert (plain.policy.consent.legal_basis_required, plain.policy.consent.marketing_only) == (False, True)
    strict = read(PLAIN.replace("policy:", "policy:\n  consent: {legal_basis: required, marketing_only: false}"))
    assert (strict.policy.consent.legal_basis_required, strict.policy.consent.marketing_only) == (True, False)
    assert strict.digest != plain.digest


def test_the_words_are_columns_of_trait() -> None:
    """Every trait a rule may ask for is a column of that kind."""
    kinds = {"text": pa.types.is_string, "time": pa.types.is_timestamp, "flag": pa.types.is_boolean}
    for name, kind in words.TRAITS.items():
        found = DERIVED["trait"].field(name).type
        assert kinds[kind](found) if kind in kinds else pa.types.is_integer(found) or pa.types.is_decimal(found)
