"""`lamplighter check` on broken Salesforce set-ups (`broken_orgs.py`): each has a fix of its own, and it works."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import salesforce_install
import small_shop as small_shop_files
from broken_orgs import TROUBLES, Setup
from cli import Command
from salesforce_install import PROOF, SECRET

from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.sandbox.serve import Sandbox
from connector.settings import FILE


@pytest.fixture(scope="module")
def org(small_shop: Path) -> Iterator[SalesforceSandbox]:
    """A running org that holds the small shop, with our fields; whoever breaks it mends it."""
    with salesforce_install.org(small_shop) as opened:
        yield opened


Sound = Callable[[SalesforceSandbox], Setup]


@pytest.fixture
def sound(tmp_path: Path, small_shop: Path, monkeypatch: pytest.MonkeyPatch, lamplighter: Command) -> Sound:
    """Makes a sound install on an org."""

    def make(org: SalesforceSandbox) -> Setup:
        monkeypatch.setenv(PROOF, SECRET)
        home = salesforce_install.install(tmp_path / "home", small_shop, salesforce_install.connected(org.url))
        return Setup(home, org, monkeypatch, lamplighter)

    return make


@pytest.fixture
def setup(sound: Sound, org: SalesforceSandbox) -> Setup:
    """A sound install on the org of all."""
    return sound(org)


@pytest.fixture
def own(sound: Sound, small_shop: Path) -> Iterator[Setup]:
    """A sound install on an org of its own."""
    with salesforce_install.org(small_shop) as opened:
        yield sound(opened)


def checked(setup: Setup, *options: str) -> list[dict[str, Any]]:
    """What check finds; its exit code says whether anything needs doing."""
    done = setup.lamplighter("check", *options, "--json", "--home", setup.home)
    found: list[dict[str, Any]] = done.json["findings"]
    assert done.code == (0 if all(one["ok"] for one in found) else 2), done.err
    return found


def wrong(setup: Setup, *options: str) -> list[dict[str, Any]]:
    """What check complains of."""
    return [one for one in checked(setup, *options) if not one["ok"]]


@pytest.fixture(scope="module")
def fixes() -> dict[str, str]:
    """Trouble -> the fix that was printed for it, as the tests go along."""
    return {}


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_a_fix_that_works(setup: Setup, fixes: dict[str, str], name: str) -> None:
    """What is wrong is the first thing told, of Salesforce and with the fix; once that is done, check is green."""
    trouble = TROUBLES[name]
    trouble.broken(setup)
    first = wrong(setup)[0]
    assert trouble.told in first["detail"]
    assert trouble.fix in first["fix"]
    assert first["title"].startswith("salesforce: ")
    fixes[name] = first["fix"]
    trouble.cure(setup)
    assert wrong(setup) == []


def test_all_fixes_differ(fixes: dict[str, str]) -> None:
    """No two troubles are told to be cured in the same way."""
    if len(fixes) < len(TROUBLES):
        pytest.skip("the tests before this one were not all run")
    assert len(TROUBLES) >= 20
    assert len(set(fixes.values())) == len(fixes)


def test_check_only_reads(setup: Setup) -> None:
    """And tells what an admin wants to know of an org."""
    told = {one["title"]: one["detail"] for one in checked(setup)}
    assert told["salesforce: Salesforce session"] == "OAuth, client credentials"
    assert "Enterprise" in told["salesforce: Salesforce org"]
    assert "calls of the last 24 hours are left" in told["salesforce: Salesforce API calls"]
    assert "all records of Contact, Order are seen" in told["salesforce: Salesforce sharing"]
    assert setup.org.service.state()["campaigns"] == {}


def test_fix_makes_campaigns_and_says_what_a_person_must_do(own: Setup) -> None:
    """Campaigns are made although our fields are missing, which only an admin can deploy; a second time nothing is."""
    own.without_fields()
    done = own.lamplighter("check", "--fix", "--home", own.home)
    assert done.code == 2
    assert "salesforce: done: Salesforce lists: 2 of ours" in done.out
    assert "FIX  salesforce: Salesforce fields: " in done.out
    assert set(own.org.service.state()["campaigns"]) == {
        "Lamplighter: Recent buyers",
        "Lamplighter: Left in the cart",
    }
    before = own.org.service.state()
    assert ": done:" not in own.lamplighter("check", "--fix", "--home", own.home).out
    assert own.org.service.state() == before


@pytest.mark.slow
def test_the_run_names_salesforce(own: Setup) -> None:
    """Books, calls against their floor, status and explain speak of the CRM that there is."""
    done = own.lamplighter("run", "--as-of", small_shop_files.END, "--home", own.home)
    assert (done.code, "hubspot" in done.out.lower()) == (0, False), done.out
    assert "salesforce:push: planned" in done.out
    assert "floor" in done.out.partition("\nsalesforce: ")[2]
    for words in (("status",), ("explain", "dana@example.com"), ("audiences",)):
        told = own.lamplighter(*words, "--home", own.home)
        assert (told.code, "hubspot" in (told.out + told.err).lower()) == (0, False), told.out + told.err
    assert "salesforce acknowledged" in own.lamplighter("explain", "dana@example.com", "--home", own.home).out


def test_a_run_by_a_secret_that_stopped_working(setup: Setup) -> None:
    """Exit 2, no secret told, and the way out is Salesforce's."""
    setup.environment.setenv(PROOF, "stolen-and-changed")
    done = setup.lamplighter("run", "--home", setup.home)
    assert (done.code, "lamplighter connect salesforce" in done.err) == (2, True)
    assert "stolen" not in done.out + done.err


def test_both_crms_are_looked_at(own: Setup, portal: Sandbox) -> None:
    """Each finding says whose it is; one that cannot be built hides nothing of the other, nor stops its --fix."""
    text = (own.home / FILE).read_text()
    (own.home / FILE).write_text(f"hubspot:\n  base_url: {portal.url}\n  token: env:SHOP_TOKEN\n{text}")
    own.environment.setenv("SHOP_TOKEN", portal.token)
    titles = [one["title"].partition(":")[0] for one in checked(own)]
    assert {"hubspot", "salesforce"} <= set(titles)
    (own.home / "mappings" / "hubspot.yaml").write_text("streams: {}\n")
    found = {one["title"]: one["ok"] for one in checked(own, "--fix")}
    assert found["hubspot: settings or mapping"] is False
    assert found["salesforce: Salesforce session"] is True
    assert len(own.org.service.state()["campaigns"]) == 2
