"""Settings: a file with line numbers in its errors, secrets only by reference."""

from pathlib import Path

import pytest

from connector import settings
from connector.addresses import keeps_secrets
from connector.errors import SetupError

SQL = "{name: web, kind: sql"
APP = "{client_id: x, client_secret: env:S, refresh_token: env:R}"


def home(tmp_path: Path, text: str) -> Path:
    (tmp_path / settings.FILE).write_text(text)
    return tmp_path


def test_a_home_without_settings_names_the_command_that_makes_one(tmp_path: Path) -> None:
    """The first message an admin may see says `lamplighter init`."""
    with pytest.raises(SetupError, match="lamplighter init"):
        settings.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hubspot:\n  tokn: env:X\n", "line 2, hubspot.tokn: there is no such setting"),
        ("hubspot:\n  token: pat-na1-123\n", "line 2, hubspot.token: write env:NAME or keyring:NAME"),
        (f"hubspot:\n  token: env:X\n  oauth: {APP}\n", "line 1, hubspot: there is both a token and oauth"),
        (f"hubspot:\n  oauth: {APP.replace('env:S', 'secret-1')}\n", "hubspot.oauth.client_secret: write env:NAME"),
        ("hubspot:\n  oauth: {client_id: x}\n", "hubspot.oauth.client_secret"),
        ("sources:\n  - name: site\n    kind: segmnt\n    path: x\n", "line 3, sources.0.kind"),
        (f"sources:\n  - {SQL}, growing: id}}\n", "line 2, sources.0: a source of kind sql needs url"),
        (f"sources:\n  - {SQL}, url: 'env:X'}}\n", "sources.0: a source of kind sql needs growing"),
        (f"sources:\n  - {SQL}, url: 'env:X', growing: id, path: x}}\n", "a source of kind sql has no path"),
        (f"sources:\n  - {SQL}, url: 'mysql://u:secret-1@h/d', growing: id}}\n", "sources.0.url: write env:NAME"),
        ("sources:\n  - {name: a, kind: ga4}\n", "a source of kind ga4 needs path"),
        ("sources:\n  - {name: a, kind: ga4, path: x, table: t, url: 'env:X'}\n", "ga4 has no url and no table"),
        ("schedule:\n  sync_minutes: 0\n", "line 2, schedule.sync_minutes"),
        ("- a\n- b\n", "expected fields"),
        ("hubspot: [\n", "not valid YAML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """The admin reads file, line and field; a pasted token is refused without being repeated."""
    with pytest.raises(SetupError) as caught:
        settings.load(home(tmp_path, text))
    assert expected in str(caught.value)
    assert "pat-na1-123" not in str(caught.value)
    assert "secret-1" not in str(caught.value)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may point the store elsewhere without editing the file."""
    monkeypatch.setenv("LAMPLIGHTER_STORE__URL", "sqlite:///elsewhere.db")
    loaded = settings.load(home(tmp_path, "store:\n  url: sqlite:///here.db\n"))
    assert loaded.store_url(tmp_path) == "sqlite:///elsewhere.db"


def test_a_secret_comes_from_the_environment_and_does_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its reference stands in the file; its value never shows."""
    monkeypatch.setenv("SHOP_TOKEN", "very-secret")
    found = settings.secret("env:SHOP_TOKEN")
    assert found.get_secret_value() == "very-secret"
    assert "very-secret" not in repr(found) + str(found)


def test_an_empty_secret_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable."""
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(SetupError, match="SHOP_TOKEN is empty"):
        settings.secret("env:SHOP_TOKEN")


@pytest.mark.parametrize(
    ("url", "keeps"),
    [
        ("https://api.hubapi.com", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost", True),
        ("http://api.hubapi.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://[", False),
        ("ftp://localhost", False),
        ("https://", False),
    ],
)
def test_a_secret_goes_over_tls_or_stays_on_this_machine(url: str, keeps: bool) -> None:
    """By the host itself, not by how the address begins."""
    assert keeps_secrets(url) is keeps
