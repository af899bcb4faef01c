"""What an approval covers: one destination, its lists, about as many changes, some days, one push."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from connector.pipeline.ads.platform import Platform
from connector.pipeline.guards.questions import FIRST, LIST, Approvals, reach
from connector.pipeline.guards.seen import _judged
from connector.pipeline.pushing.crm import CrmPush, Order
from connector.pipeline.report import Report
from connector.settings import GuardPart
from connector.store import Store, approvals, open_store
from connector.store.clock import now


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for all tests of this file; each asks of a destination of its own."""
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('approved') / 'state.db'}")
    yield opened
    opened.close()


def approved(store: Store, destination: str, guard: str = FIRST, **lists: dict[str, int]) -> Approvals:
    """A plan for a destination that was asked for and approved."""
    plan = f"plan-{destination}"
    approvals.ask(store, plan, 1, lists, guard=guard, destination=destination)
    assert approvals.approve(store, plan)
    return load(store)


def load(store: Store) -> Approvals:
    """Every approval that is still good."""
    return Approvals(store, approvals.approved(store, now().replace(year=2000)))


def test_it_covers_a_plan_that_has_hardly_grown() -> None:
    """5 % or 10 changes, whichever is more."""
    assert [reach(approved) for approved in (1_000, 201, 100, 0)] == [1_050, 211, 110, 10]


def test_it_covers_its_own_destination_and_lists(store: Store) -> None:
    """Not the same list elsewhere, not another list, not the other direction."""
    given = approved(store, "hubspot", buyers={"add": 500, "remove": 0})
    assert given.has(FIRST, "hubspot", {"buyers": {"add": 500, "remove": 0}})
    assert not given.has(FIRST, "salesforce", {"buyers": {"add": 500, "remove": 0}})
    assert not given.has(FIRST, "hubspot", {"others": {"add": 500, "remove": 0}})
    assert not given.has(FIRST, "hubspot", {"buyers": {"add": 0, "remove": 500}})
    assert not given.has(LIST, "hubspot", {"buyers": {"add": 500, "remove": 0}})
    assert (given.lists("hubspot"), given.lists("salesforce")) == ({"buyers": {"add": 525, "remove": 10}}, {})


def test_it_is_good_for_one_push_and_for_what_that_leaves(store: Store) -> None:
    """Cut short after 300 of 500, it covers 200 more; then it is used, and cannot be given again."""
    given = approved(store, "google", buyers={"add": 500, "remove": 0}, others={"add": 50, "remove": 0})
    given.spend("google", {"buyers": {"add": 200, "remove": 9}})
    assert load(store).lists("google") == {"buyers": {"add": 210, "remove": 10}}
    load(store).spend("google", {})
    assert load(store).lists("google") == {}
    assert not approvals.approve(store, "plan-google")


def test_a_new_question_takes_the_place_of_the_old_one(store: Store) -> None:
    """Of the same guard and destination; what another guard asks stays."""
    for plan, guard in (("a", LIST), ("b", FIRST), ("c", LIST)):
        approvals.ask(store, plan, 1, {"buyers": {"add": 1}}, guard=guard, destination="meta")
    assert {row.plan for row in approvals.waiting(store) if row.destination == "meta"} == {"b", "c"}


def test_an_approval_stands_while_another_list_is_asked_about(store: Store) -> None:
    """Nobody took it yet. Asked again about its own list, it did not reach; of two words the larger counts."""
    approved(store, "tiktok", LIST, buyers={"add": 500})
    approvals.ask(store, "b", 2, {"others": {"add": 200}}, destination="tiktok")
    assert load(store).lists("tiktok") == {"buyers": {"add": 525}}
    approvals.approve(store, "b")
    assert load(store).lists("tiktok") == {"buyers": {"add": 525}, "others": {"add": 210}}
    approvals.ask(store, "c", 3, {"others": {"add": 900}}, destination="tiktok")
    assert load(store).lists("tiktok") == {"buyers": {"add": 525}}
    words = [SimpleNamespace(destination="x", guard=LIST, summary={"buyers": {"add": count}}) for count in (900, 200)]
    assert Approvals(store, words).lists("x") == {"buyers": {"add": 945}}


def test_a_push_that_had_no_plan_takes_no_approval(store: Store) -> None:
    """The destination failed before anything was planned for it: the word is good for the next push."""
    order = Order(run=1, audiences={}, approved=approved(store, "salesforce", buyers={"add": 500}), dry=False)
    report = Report(number=1, as_of=datetime(2026, 9, 30, tzinfo=UTC))
    where: Any = SimpleNamespace(store=store, name="salesforce")
    CrmPush(where, where, order, report, progress=where, told=where).spend()
    Platform(where, where, order, report, where).spend()
    assert load(store).lists("salesforce") == {"buyers": {"add": 525}}


def row(**figures: int) -> dict[str, Any]:
    """Figures of `contact.email` of records that were read."""
    return {"of": "hubspot", "new": 0, "email_had": 0, "email_kept": 0, "email_new": 0, **figures}


@pytest.mark.parametrize(
    ("figures", "share", "stops"),
    [
        (row(email_had=1_000, email_kept=2), 1.0, True),
        (row(email_had=1_000, email_kept=200), 1.0, False),  # a clean-up, not a lost permission
        (row(email_had=20, email_kept=0), 1.0, False),  # too few to say
        (row(new=1_000, email_new=0), 0.98, True),
        (row(new=1_000, email_new=0), 0.5, False),  # leads without an address are nothing strange here
        (row(new=1_000, email_new=900), 0.98, False),
        (row(new=1_000, email_new=990, email_had=30, email_kept=0), 0.98, False),  # it is still shown
    ],
)
def test_a_column_is_doubted_where_nearly_all_that_should_be_filled_is_empty(
    figures: dict[str, int], share: float, stops: bool
) -> None:
    """By what the records had before, and of new ones by what others have."""
    found = _judged(GuardPart(), "contact", "email", figures, share)
    assert (found is not None) == stops


def test_an_objection_that_is_not_told_any_more_is_doubted() -> None:
    """Opt-outs that vanish would look like everybody's consent, though the column is filled."""
    told = {"of": "hubspot", "new": 0, "email_opt_out_true_had": 40, "email_opt_out_true_kept": 1}
    found = _judged(GuardPart(), "contact", "email_opt_out_true", {**told, "email_opt_out_true_new": 0}, 0.04)
    assert found is not None
    assert "contact.email_opt_out is true in 1 of 40" in found.words
