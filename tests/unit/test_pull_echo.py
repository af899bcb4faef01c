"""Our own writes come back with the next pull: they are no news, and hide nothing that a person changed before them."""

from datetime import datetime
from pathlib import Path
from typing import Any

from small_shop import END

from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox


def passed(home: Path, **options: Any) -> Report:
    """One pass."""
    with open_home(home) as opened:
        return run(opened, Options(as_of=datetime.fromisoformat(END), **options))


def city(home: Path, contact: str) -> str | None:
    """What we hold."""
    with open_home(home) as opened:
        rows = opened.warehouse.current("contact")
        found: list[str | None] = rows.filter(rows.crm_id == contact).to_pyarrow()["city"].to_pylist()
    return found[0]


def test_our_own_writes_are_no_news_and_are_read_once(home: Path, portal: Sandbox) -> None:
    """After a first push nobody is decided anew, and once the echo was seen nothing is read again."""
    assert passed(home).status == "done"
    portal.clock.advance(5)
    assert passed(home).decided == 0
    portal.clock.advance(5)
    portal.journal.clear()
    assert passed(home).decided == 0
    asked = [each["operation"] for each in portal.journal.since(0)["requests"]]
    assert not [operation for operation in asked if "batch" in operation]


def test_what_a_person_changed_just_before_our_write_is_not_lost(home: Path, portal: Sandbox) -> None:
    """Changed after the pull and before the push: the write moves the time once more, and the change still arrives."""
    passed(home, only="pull")
    edit = {"properties": {"city": "Lampedusa"}}
    assert portal.portal.act("PATCH", "/crm/objects/2026-09/contacts/101", edit).status < 300
    passed(home, only="decide")
    portal.clock.advance(5)
    passed(home, only="push")
    assert city(home, "101") is None
    portal.clock.advance(5)
    assert passed(home).status == "done"
    assert city(home, "101") == "Lampedusa"
