"""Field-level security takes a field away, which Salesforce tells nobody: it is not taken for what people want."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from cli import Command
from salesforce_install import PROOF, SECRET, connected, install, org
from small_shop import END

from connector.cli.settings_file import append
from connector.home import open_home
from connector.store.tables import membership


def members(home: Path) -> set[tuple[str, str]]:
    """(list, member) that Salesforce has acknowledged."""
    with open_home(home) as opened:
        return {(row.audience, row.member) for row in opened.store.rows(sa.select(membership))}


@pytest.mark.slow
def test_an_opt_out_that_is_hidden_moves_nobody_until_it_is_shown_again(
    tmp_path: Path, small_shop: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run waits and names the field; given back, everything is read again and the next run goes through."""
    monkeypatch.setenv(PROOF, SECRET)
    with org(small_shop) as opened:
        home = install(tmp_path / "home", small_shop, connected(opened.url))
        append(home, "guard: {empty_records: 3}")
        assert lamplighter("run", "--as-of", END, "--home", home).code == 0
        before = members(home)
        assert "cart_abandoners" in {name for name, _ in before}
        opened.levers["hide_field"]("Contact", "HasOptedOutOfEmail")
        stopped = lamplighter("run", "--as-of", END, "--home", home)
        assert (stopped.code, members(home)) == (4, before), stopped.out
        assert "salesforce: contact.email_opt_out is filled in 0 of 4 records read" in stopped.out
        opened.levers["show_field"]("Contact", "HasOptedOutOfEmail")
        mended = lamplighter("run", "--as-of", END, "--home", home)
        assert (mended.code, members(home)) == (0, before), mended.out
