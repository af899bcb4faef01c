"""The plan: differences only, suppressions first, guards."""

from connector.model import Audience, Delivery, Guard, Purpose
from connector.push.plan import Plan, Scope, deliveries, difference, guarded

NAMES = ("loyalty_tier", "last_purchase")
AUDIENCES = {
    "recent_buyers": Audience(name="recent_buyers", label="Recent buyers", purpose=Purpose.EXCLUDE, rule={}),
    "cart": Audience(name="cart", label="Cart", purpose=Purpose.EMAIL, rule={}, guard=Guard(percent=10, at_least=2)),
}


def batches(plan: Plan) -> list[Delivery]:
    """The whole plan in the order in which it leaves."""
    first, rest = deliveries(plan, AUDIENCES, {"membership": 500, "properties": 100})
    return [*first, *rest]


def scope(**changes: object) -> Scope:
    empty = {
        "wanted": frozenset(),
        "acknowledged": {},
        "wanted_properties": {},
        "acknowledged_properties": {},
        "refused": {},
        "names": NAMES,
    }
    return Scope(**{**empty, **changes})  # type: ignore[arg-type]


def test_nothing_new_plans_nothing() -> None:
    """What is wanted and acknowledged alike costs no call."""
    same = scope(
        wanted=frozenset({("cart", "1")}),
        acknowledged={("cart", "1"): True},
        wanted_properties={"1": {"loyalty_tier": "gold"}},
        acknowledged_properties={"1": {"loyalty_tier": "gold"}},
    )
    plan = difference("crm", same)
    assert plan.size == 0
    assert batches(plan) == []


def test_only_differences_are_planned() -> None:
    """Adds are wanted minus acknowledged, removes the other way round, properties only those that differ."""
    plan = difference(
        "crm",
        scope(
            wanted=frozenset({("cart", "1"), ("cart", "2")}),
            acknowledged={("cart", "2"): True, ("cart", "3"): True},
            wanted_properties={"1": {"loyalty_tier": "gold", "last_purchase": "2026-01-01"}},
            acknowledged_properties={"1": {"loyalty_tier": "gold"}, "9": {"last_purchase": "2020-01-01"}},
        ),
    )
    assert plan.lists["cart"].add == ["1"]
    assert plan.lists["cart"].remove == ["3"]
    assert plan.properties == {"1": {"last_purchase": "2026-01-01"}, "9": {"last_purchase": None}}


def test_an_uncertain_membership_is_stated_either_way() -> None:
    """After a merge nobody knows who is in: a wish to be in is an add, no wish is a remove."""
    known = {("cart", "1"): False, ("cart", "2"): False}
    plan = difference("crm", scope(wanted=frozenset({("cart", "1")}), acknowledged=known))
    assert plan.lists["cart"].add == ["1"]
    assert plan.lists["cart"].remove == ["2"]


def test_mixed_properties_are_written_whole() -> None:
    """A survivor's unknown properties are all stated, empty ones as cleared."""
    plan = difference(
        "crm", scope(wanted_properties={"1": {"loyalty_tier": "gold"}}, acknowledged_properties={"1": None})
    )
    assert plan.properties == {"1": {"loyalty_tier": "gold", "last_purchase": None}}


def test_a_refused_wish_is_not_repeated_but_another_is() -> None:
    """The destination said no: the same wish waits for a change, a different one goes out."""
    refused = {("cart", "1"): "add", ("", "1"): '{"loyalty_tier": "gold"}'}
    again = scope(wanted=frozenset({("cart", "1")}), wanted_properties={"1": {"loyalty_tier": "gold"}}, refused=refused)
    assert difference("crm", again).size == 0
    other = scope(wanted_properties={"1": {"loyalty_tier": "silver"}}, refused=refused)
    assert difference("crm", other).properties == {"1": {"loyalty_tier": "silver"}}


def test_suppressions_leave_before_anything_that_adds_people() -> None:
    """Entering an exclusion list and leaving a mailing list come first, entering a mailing list last."""
    plan = difference(
        "crm",
        scope(
            wanted=frozenset({("cart", "1"), ("recent_buyers", "2")}),
            acknowledged={("cart", "3"): True, ("recent_buyers", "4"): True},
            wanted_properties={"1": {"loyalty_tier": "gold"}},
        ),
    )
    order = [(batch.audience, "add" if batch.add else "remove" if batch.remove else "write") for batch in batches(plan)]
    assert order == [
        ("cart", "remove"),
        ("recent_buyers", "add"),
        ("", "write"),
        ("cart", "add"),
        ("recent_buyers", "remove"),
    ]


def test_batches_carry_no_more_than_the_destination_takes() -> None:
    """Every member is in exactly one batch, no batch is larger than allowed."""
    plan = difference("crm", scope(wanted=frozenset(("cart", str(n)) for n in range(1_201))))
    sent = batches(plan)
    assert [batch.size for batch in sent] == [500, 500, 201]
    assert sorted(member for batch in sent for member in batch.add) == sorted(str(n) for n in range(1_201))


def test_a_change_beyond_its_guard_is_held_and_counted() -> None:
    """3 of 10 leave where 10 % are allowed: held, named, not delivered; approval of as many lets it pass."""
    leaving = scope(acknowledged={("cart", str(n)): True for n in range(3)})
    plan = guarded(difference("crm", leaving), AUDIENCES, {"cart": 10}, {})
    assert plan.held == {"cart"}
    assert plan.held_size == plan.size == 3
    assert batches(plan) == []
    assert guarded(plan, AUDIENCES, {"cart": 10}, {"cart": {"add": 0, "remove": 3}}).held == frozenset()
    assert guarded(plan, AUDIENCES, {"cart": 10}, {"cart": {"add": 3, "remove": 2}}).held == {"cart"}


def test_filling_an_empty_list_needs_no_approval() -> None:
    """The first run of a list is no blast."""
    filling = difference("crm", scope(wanted=frozenset(("cart", str(n)) for n in range(5_000))))
    assert guarded(filling, AUDIENCES, {}, {}).held == frozenset()


def test_whom_a_person_took_out_stays_out() -> None:
    """Vetoed: not added though wanted; where a merge carried them in again, they are taken out."""
    wanted = frozenset({("cart", "1"), ("cart", "2")})
    barred = scope(wanted=wanted, acknowledged={("cart", "2"): False}, vetoed=wanted)
    plan = difference("crm", barred)
    assert (plan.lists["cart"].add, plan.lists["cart"].remove) == ([], ["2"])


def test_saying_again_what_was_true_needs_no_approval() -> None:
    """A list whose members became uncertain is stated whole; only those who are news count against its guard."""
    known = {("cart", str(n)): False for n in range(100)}
    again = scope(wanted=frozenset(("cart", str(n)) for n in range(103)), acknowledged=known)
    plan = difference("crm", again)
    assert (plan.size, plan.lists["cart"].news) == (103, 3)
    assert guarded(plan, AUDIENCES, {"cart": 100}, {}).held == frozenset()
    gone = guarded(difference("crm", scope(acknowledged=known)), AUDIENCES, {"cart": 100}, {})
    assert gone.held == {"cart"}


def test_lists_that_are_refused_are_left_out_and_counted() -> None:
    """What no list can take is neither sent nor planned; how much that is stays known."""
    wanted = frozenset({("cart", "1"), ("cart", "2"), ("recent_buyers", "1")})
    plan = difference("crm", scope(wanted=wanted)).without({"cart"})
    assert (plan.size, dict(plan.refused)) == (1, {"cart": 2})
    assert [batch.audience for batch in batches(plan)] == ["recent_buyers"]


def test_only_the_refused_property_is_not_repeated() -> None:
    """A blocked property waits for another value; the others of the same contact go on."""
    refused = {("", "1"): '{"loyalty_tier": "gold"}'}
    wish = scope(wanted_properties={"1": {"loyalty_tier": "gold", "last_purchase": "2026-01-01"}}, refused=refused)
    assert difference("crm", wish).properties == {"1": {"last_purchase": "2026-01-01"}}
