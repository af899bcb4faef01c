"""Guards over a whole run: the first push, all lists together, columns that went empty, people who are gone in bulk."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cli import Command
from small_shop import END

from connector.cli.settings_file import append
from connector.home import open_home
from connector.sandbox.serve import Sandbox
from connector.store.tables import approval, membership, run

LATER = "2026-10-01T12:00"
CARL = ("cart_abandoners", "103")


def waiting(lamplighter: Command, home: Path) -> Any:
    """The one plan that waits, as `status` tells it."""
    (plan,) = lamplighter("status", "--json", "--home", home).json["waiting"]
    return plan


def members(home: Path) -> set[tuple[str, str]]:
    """(list, member) that HubSpot has acknowledged."""
    with open_home(home) as opened:
        return {(row.audience, row.member) for row in opened.store.rows(sa.select(membership))}


def ran(lamplighter: Command, home: Path, *words: str, code: int, as_of: str = LATER) -> str:
    """A run that ends with this exit code; what it printed."""
    done = lamplighter("run", "--as-of", as_of, *words, "--home", home)
    assert done.code == code, done.out + done.err
    return done.out


@pytest.fixture
def asking(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that asks before its first push."""
    monkeypatch.delenv("LAMPLIGHTER_GUARD__FIRST_RUN")
    append(home, "guard: {first_run_changes: 1}")
    return home


@pytest.fixture
def doubting(home: Path, lamplighter: Command) -> Path:
    """A home after its first run, of which four contacts are many."""
    append(home, "guard: {collapse_records: 0, empty_records: 3}")
    ran(lamplighter, home, code=0, as_of=END)
    return home


@pytest.mark.slow
def test_the_first_push_waits_for_a_person(asking: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Nothing is written: no list, no property. The sizes are told; approved, everything goes through in one run."""
    out = ran(lamplighter, asking, code=4)
    assert portal.journal.counts()["writes"] == 0
    plan = waiting(lamplighter, asking)
    assert plan["lists"]["recent_buyers"]["add"] == 2
    assert "recent_buyers 2" in out
    assert f"lamplighter run --approve {plan['plan']}" in out
    assert plan["plan"] in lamplighter("status", "--home", asking).out
    ran(lamplighter, asking, code=4)
    assert waiting(lamplighter, asking)["plan"] == plan["plan"]  # whoever was told of it may still answer
    ran(lamplighter, asking, "--approve", plan["plan"], code=0)
    assert CARL in members(asking)
    assert lamplighter("status", "--json", "--home", asking).json["waiting"] == []


@pytest.mark.slow
def test_an_approval_ends(asking: Path, lamplighter: Command, portal: Sandbox) -> None:
    """After some days it has to be given again, to the plan of today."""
    ran(lamplighter, asking, code=4)
    plan = waiting(lamplighter, asking)["plan"]
    with open_home(asking) as opened, opened.store.begin() as connection:
        connection.execute(sa.update(approval).values(approved_at=sa.text("'2020-01-01 00:00:00.000000'")))
    ran(lamplighter, asking, code=4)
    assert waiting(lamplighter, asking)["plan"] != plan
    assert portal.journal.counts()["writes"] == 0
    assert lamplighter("run", "--approve", plan, "--home", asking).code == 2


@pytest.mark.slow
def test_a_first_push_that_waits_keeps_nobody_in(
    home: Path, lamplighter: Command, portal: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists may be full though no run went through yet: nobody comes in, and who opted out leaves."""
    ran(lamplighter, home, code=0, as_of=END)
    with open_home(home) as opened, opened.store.begin() as connection:
        connection.execute(sa.update(run).values(status="deferred"))
    monkeypatch.delenv("LAMPLIGHTER_GUARD__FIRST_RUN")
    append(home, "guard: {first_run_changes: 0}")
    portal.portal.touch("contacts", ["103"], {"hs_email_optout": "true"})
    portal.portal.create_order("103", [("BULB", "1", "5.00")], ordered_at="2026-09-30T18:00:00Z")
    before = members(home)
    assert "the first push would fill" in ran(lamplighter, home, code=4)
    assert (CARL in before, CARL in members(home), members(home) < before) == (True, False, True)


@pytest.mark.slow
def test_many_small_changes_together_wait(home: Path, lamplighter: Command) -> None:
    """No list exceeds its own guard; together they do. Whom an exclusion must hold leaves all the same."""
    ran(lamplighter, home, code=0, as_of=END)
    append(home, "guard: {whole_percent: 0, whole_changes: 0}")
    before = members(home)
    out = ran(lamplighter, home, code=4, as_of="2026-12-30T12:00")
    assert "more than guard.whole_percent allows" in out
    assert members(home) == before
    ran(lamplighter, home, "--approve", waiting(lamplighter, home)["plan"], code=0, as_of="2026-12-30T12:00")
    assert members(home) < before


@pytest.mark.slow
def test_consents_that_vanish_are_not_believed(doubting: Path, lamplighter: Command, portal: Sandbox) -> None:
    """The permission for the opt-out is lost: nobody leaves, nobody joins; purchases are still kept out of ads. Once
    it is back, and everything was read again, the run goes through by itself."""
    portal.portal.touch("contacts", None, {"hs_email_optout": ""})
    portal.portal.create_order("103", [("BULB", "1", "5.00")], ordered_at="2026-09-30T18:00:00Z")
    out = ran(lamplighter, doubting, code=4)
    assert "contact.email_opt_out is filled in 0 of 4 records read" in out
    assert "lamplighter run --reread hubspot" in out
    assert {CARL, ("recent_buyers", "103")} <= members(doubting)
    for contact in ("101", "102", "103", "104"):
        portal.portal.touch("contacts", [contact], {"hs_email_optout": str(contact == "104").lower()})
    ran(lamplighter, doubting, "--reread", "hubspot", code=0)
    assert lamplighter("status", "--json", "--home", doubting).json["waiting"] == []


@pytest.mark.slow
def test_a_column_that_is_gone_for_good_is_approved(doubting: Path, lamplighter: Command, portal: Sandbox) -> None:
    """A quiet run does not open the guard. Approved, what is known now is what the next runs are compared with."""
    portal.portal.touch("contacts", None, {"firstname": ""})
    ran(lamplighter, doubting, code=4)
    plan = waiting(lamplighter, doubting)["plan"]
    assert "contact.first_name is filled in 0 of 4" in waiting(lamplighter, doubting)["words"]
    ran(lamplighter, doubting, code=4)
    ran(lamplighter, doubting, "--approve", plan, code=0)
    portal.portal.touch("contacts", None, {"city": "New Town"})
    ran(lamplighter, doubting, code=0)


@pytest.mark.slow
def test_people_who_are_gone_in_bulk_wait_and_who_refused_does_not(
    doubting: Path, lamplighter: Command, portal: Sandbox
) -> None:
    """Everybody opted out at once: that waits for a person, but who is known to have refused leaves their list."""
    portal.portal.touch("contacts", None, {"hs_email_optout": "true"})
    out = ran(lamplighter, doubting, code=4)
    assert "people who take e-mail: 0, they were 3" in out
    assert CARL not in members(doubting)
    ran(lamplighter, doubting, "--approve", waiting(lamplighter, doubting)["plan"], code=0)
