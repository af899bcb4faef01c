"""An install that reads HubSpot's webhooks journal, run after run through the whole pipeline."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox
from connector.settings import FILE

CONTACTS = "/crm/objects/2026-09/contacts"
DAY = 86_400


@pytest.fixture
def install(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install connected by OAuth that reads the journal; it has run twice, so it is subscribed."""
    monkeypatch.setenv("SHOP_SECRET", "sandbox-secret")
    monkeypatch.setenv("SHOP_REFRESH", "sandbox-refresh")
    app = "{client_id: sandbox-client, client_secret: env:SHOP_SECRET, refresh_token: env:SHOP_REFRESH}"
    text = (home / FILE).read_text("utf-8").replace("  token: env:SHOP_TOKEN\n", f"  oauth: {app}\n  journal: true\n")
    (home / FILE).write_text(text, "utf-8")
    assert [passed(home).status for _ in range(2)] == ["done", "done"]
    return home


def passed(home: Path, days: float = 0) -> Report:
    """One pass, so many days from now."""
    with open_home(home) as opened:
        return run(opened, Options(as_of=datetime.now(UTC) + timedelta(days=days)))


def someone(portal: Sandbox) -> str:
    """A contact."""
    answer = portal.portal.act("GET", CONTACTS)
    return str(answer.content["results"][0]["id"])


def deleted(home: Path, contact: str) -> bool:
    """Whether a contact is held as deleted."""
    with open_home(home) as opened:
        rows = opened.warehouse.current("contact")
        (row,) = rows.filter(rows.crm_id == contact).to_pyarrow().to_pylist()
    return row["deleted_at"] is not None


def test_a_deletion_counts_in_the_next_run(install: Path, portal: Sandbox) -> None:
    """No sweep is needed for it, and the books balance."""
    contact = someone(portal)
    portal.portal.act("DELETE", f"{CONTACTS}/{contact}")
    report = passed(install)
    assert report.status == "done" and report.books["hubspot"].balanced
    assert deleted(install, contact)
    assert not [one for one in portal.journal.since(0)["requests"] if one["query"].get("archived") == ["true"]]


def test_after_a_gap_the_same_run_sweeps(install: Path, portal: Sandbox) -> None:
    """What happened while nobody looked for four days is found by the run that notices, once."""
    contact = someone(portal)
    portal.portal.act("DELETE", f"{CONTACTS}/{contact}")
    portal.clock.advance(4 * DAY)
    assert passed(install, days=4).status == "done"
    assert deleted(install, contact)
    portal.journal.clear()
    assert passed(install, days=4).status == "done"
    asked = portal.journal.since(0)["requests"]
    assert not [one for one in asked if one["method"] == "GET" and one["path"] == CONTACTS]
