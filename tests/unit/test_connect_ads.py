"""`connect google` and `connect meta`: tried over HTTP, then written down; no file gets a secret."""

import io
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from cli import Command
from pocket import Pocket

from connector import settings
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta
from connector.settings import FILE

NUMBER = "4711"


@pytest.fixture
def pocket() -> Iterator[Pocket]:
    """A machine that has a keyring."""
    mine = Pocket()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(keyring.backends.fail.Keyring())


@pytest.fixture(scope="module")
def google() -> Iterator[SandboxGoogle]:
    """An account at Google."""
    with SandboxGoogle() as made:
        yield made


@pytest.fixture(scope="module")
def meta() -> Iterator[SandboxMeta]:
    """An account at Meta."""
    with SandboxMeta() as made:
        yield made


@pytest.fixture
def fresh(tmp_path: Path, google: SandboxGoogle, lamplighter: Command) -> Path:
    """A home whose Google is the sandbox, and which says no more of it."""
    home = tmp_path / "fresh"
    lamplighter("init", "--home", home)
    with (home / FILE).open("a") as file:
        addresses = f"{{base_url: {google.url}, token_url: {google.token_url}}}"
        file.write(f"\nads:  # where we advertise\n  google: {addresses}\n")
    return home


def test_both_from_the_environment(
    fresh: Path, google: SandboxGoogle, meta: SandboxMeta, lamplighter: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """References are written, what stood there stays, and `check` then finds both accounts; later only what changes."""
    known = google.google.settings
    secrets = {"G_SECRET": known.client_secret, "G_REFRESH": known.refresh_token, "M_TOKEN": meta.token}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    words = ("connect", "meta", "--account", NUMBER, "--token-env", "M_TOKEN", "--home", fresh)
    early = lamplighter(*words)
    assert early.code == 2 and "ads.google" in early.err  # what is said of Google is not enough yet
    app = ("--client-id", known.client_id, "--client-secret-env", "G_SECRET", "--token-env", "G_REFRESH")
    done = lamplighter("connect", "google", "--account", known.account, *app, "--accept-terms", "--home", fresh)
    assert done.code == 0, done.err
    with (fresh / FILE).open("a") as file:
        file.write(f"  meta:\n    base_url: {meta.url}\n    max_lists: 40\n")
    done = lamplighter(*words)
    assert done.code == 0, done.err
    said = settings.load(fresh).ads
    assert said.google and said.meta and said.google.oauth
    assert (said.google.oauth.refresh_token, said.google.terms_accepted) == ("env:G_REFRESH", True)
    assert (said.meta.token, said.meta.max_lists, said.meta.base_url) == ("env:M_TOKEN", 40, meta.url)
    text = (fresh / FILE).read_text()
    assert "# where we advertise" in text and not any(secret in text for secret in secrets.values())
    assert lamplighter("connect", "google", "--login-account", "111-222-3333", "--home", fresh).code == 0
    again = settings.load(fresh).ads.google
    assert again and (again.login_account, again.oauth) == ("111-222-3333", said.google.oauth)


def test_what_is_typed_goes_to_the_keyring(
    tmp_path: Path, meta: SandboxMeta, lamplighter: Command, pocket: Pocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for where nothing names it; a token that the platform does not take is kept nowhere."""
    lamplighter("init", "--home", tmp_path)
    with (tmp_path / FILE).open("a") as file:
        file.write(f"ads:\n  meta: {{base_url: {meta.url}}}\n")
    before = (tmp_path / FILE).read_text()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"not-the-token\n{NUMBER}\n"))
    refused = lamplighter("connect", "meta", "--home", tmp_path)
    assert refused.code == 2 and "meta is not connected" in refused.err
    assert (pocket.kept, (tmp_path / FILE).read_text()) == ({}, before)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{meta.token}\n{NUMBER}\n"))
    assert lamplighter("connect", "meta", "--home", tmp_path).code == 0
    assert pocket.kept == {("lamplighter", "meta-token"): meta.token}
    said = settings.load(tmp_path).ads.meta
    assert said and (said.account, said.token) == (NUMBER, "keyring:meta-token")


def test_a_key_that_is_none(tmp_path: Path, lamplighter: Command) -> None:
    """A service account's key file that is not there, and options of other systems, are said to be."""
    lamplighter("init", "--home", tmp_path)
    words = ("connect", "google", "--account", "123-456-7890", "--home", tmp_path)
    done = lamplighter(*words, "--private-key-file", tmp_path / "none.json")
    assert done.code == 2 and "--private-key-file" in done.err
    assert lamplighter("connect", "meta", "--accept-terms", "--home", tmp_path).code == 2
    assert lamplighter("connect", "hubspot", "--account", NUMBER, "--home", tmp_path).code == 2
