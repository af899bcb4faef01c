"""`lamplighter connect salesforce`: three ways in, where the secrets end up, what is asked, and how it ends badly."""

import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import keyring
import keyring.backends.fail
import pytest
import salesforce_install
import yaml
from admin_browser import Turns, browsing
from cli import Command, Outcome
from pocket import Pocket
from salesforce_certificate import pair
from salesforce_install import KEY, PROOF, SECRET, USER

from connector import settings
from connector.cli.my_domain import my_domain
from connector.errors import SetupError
from connector.home import build_crm
from connector.sandbox.faults import Fault
from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.settings import FILE
from connector.store import open_store


@pytest.fixture
def pocket() -> Iterator[Pocket]:
    """A machine that has a keyring."""
    mine = Pocket()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(keyring.backends.fail.Keyring())


@pytest.fixture(scope="module")
def running(small_shop: Path) -> Iterator[SalesforceSandbox]:
    """A running org that holds the small shop, with our fields."""
    with salesforce_install.org(small_shop) as opened:
        yield opened


@pytest.fixture
def org(running: SalesforceSandbox) -> Iterator[SalesforceSandbox]:
    """The same, as it was at first."""
    was = asdict(running.service.settings)
    running.journal.clear()
    yield running
    running.service.configure({name: value for name, value in was.items() if value is not None})


@pytest.fixture
def fresh(tmp_path: Path, small_shop: Path, org: SalesforceSandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install that is connected to nothing; the app's secret is in the environment."""
    monkeypatch.setenv(PROOF, SECRET)
    return salesforce_install.install(tmp_path / "home", small_shop)


@pytest.fixture(autouse=True)
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    """The browser of whoever agrees."""
    with browsing(monkeypatch) as turns:
        yield turns


class Admin:
    """Types commands."""

    def __init__(self, lamplighter: Command, home: Path, org: SalesforceSandbox, patch: pytest.MonkeyPatch) -> None:
        self.lamplighter, self.home, self.org, self.patch = lamplighter, home, org, patch
        self.before = (home / FILE).read_text()

    def connect(self, *options: object, typed: str = "") -> Outcome:
        """`lamplighter connect salesforce`; `typed` goes to stdin."""
        self.patch.setattr("sys.stdin", io.StringIO(typed))
        return self.lamplighter("connect", "salesforce", *options, "--home", self.home)

    def by_browser(self, *options: object, typed: str = "\n") -> Outcome:
        """The same by the browser."""
        told = ("--oauth", "--client-id", KEY, "--instance-url", self.org.url, "--port", 0)
        return self.connect(*told, *options, typed=typed)

    @property
    def app(self) -> Any:
        """The app as lamplighter.yaml says it."""
        part = settings.load(self.home).salesforce
        assert part is not None
        assert part.instance_url == self.org.url
        return None if part.oauth is None else part.oauth.model_dump(exclude_none=True, exclude_defaults=False)

    def unchanged(self) -> bool:
        """Whether lamplighter.yaml is as it was."""
        return (self.home / FILE).read_text() == self.before

    def seen(self) -> str:
        """All that files of the home hold, and all addresses that were asked for."""
        files = "".join(path.read_bytes().decode("latin-1") for path in self.home.rglob("*") if path.is_file())
        asked = self.org.journal.since(0)["requests"]
        return files + "".join(f"{each['path']} {each['query']}" for each in asked)


@pytest.fixture
def admin(lamplighter: Command, fresh: Path, org: SalesforceSandbox, monkeypatch: pytest.MonkeyPatch) -> Admin:
    """Somebody at the keyboard."""
    return Admin(lamplighter, fresh, org, monkeypatch)


def test_client_credentials_by_typing(admin: Admin, pocket: Pocket) -> None:
    """Address, key and secret are asked for; the secret goes to the keyring, and what comes later finds it there."""
    done = admin.connect(typed=f"{admin.org.url}/lightning/setup\n{KEY}\n{SECRET}\n")
    assert done.code == 0, done.out + done.err
    kept = "keyring:salesforce-client-secret"
    assert admin.app == {"flow": "client_credentials", "client_id": KEY, "client_secret": kept, "username": ""}
    assert pocket.kept == {("lamplighter", "salesforce-client-secret"): SECRET}
    assert SECRET not in admin.seen() + done.out + done.err
    assert "next: lamplighter run --dry-run" in done.out
    assert admin.lamplighter("check", "--home", admin.home).code == 0


def test_client_credentials_by_environment(admin: Admin) -> None:
    """Nothing is asked for and no keyring needed; what stood in the file stays, comments too."""
    partly = "\nsalesforce:  # ours\n  purchases: both  # and quotes\n"
    (admin.home / FILE).write_text(admin.before + partly)
    done = admin.connect("--instance-url", admin.org.url, "--client-id", KEY, "--client-secret-env", PROOF)
    assert done.code == 0, done.out + done.err
    assert admin.app == {
        "flow": "client_credentials",
        "client_id": KEY,
        "client_secret": f"env:{PROOF}",
        "username": "",
    }
    assert "salesforce:  # ours\n" in (admin.home / FILE).read_text()
    assert yaml.safe_load((admin.home / FILE).read_text())["salesforce"]["purchases"] == "both"


@pytest.mark.parametrize("how", ["file", "environment", "asked"])
def test_jwt(admin: Admin, pocket: Pocket, tmp_path: Path, how: str) -> None:
    """By a key in a file, which goes to the keyring, or in the environment."""
    (tmp_path / "key.pem").write_text(pair().key)
    admin.patch.setenv("SHOP_KEY", pair().key)
    told = ["--instance-url", admin.org.url, "--client-id", KEY, "--username", USER]
    more = {"file": ["--private-key-file", tmp_path / "key.pem"], "environment": ["--private-key-env", "SHOP_KEY"]}
    done = admin.connect(*told, *more.get(how, []), typed=f"{tmp_path / 'key.pem'}\n")
    assert done.code == 0, done.out + done.err
    where = "env:SHOP_KEY" if how == "environment" else "keyring:salesforce-private-key"
    assert admin.app == {"flow": "jwt", "client_id": KEY, "username": USER, "private_key": where}
    assert "PRIVATE KEY" not in admin.seen() + done.out + done.err
    assert admin.lamplighter("check", "--home", admin.home).code == 0


def test_by_browser_with_pkce_and_rotation(admin: Admin, pocket: Pocket) -> None:
    """Somebody agrees; only a digest travels with the browser; each refresh token is replaced in the keyring."""
    done = admin.by_browser()
    assert done.code == 0, done.out + done.err
    where = "keyring:salesforce-refresh-token"
    assert admin.app == {"flow": "refresh_token", "client_id": KEY, "username": "", "refresh_token": where}
    page = re.search(r"http://\S+/services/oauth2/authorize\?\S+", done.out)
    assert page
    asked = {name: values[0] for name, values in parse_qs(urlsplit(page[0]).query).items()}
    assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "api refresh_token")
    assert asked["redirect_uri"].startswith("http://localhost:")
    tokens = {pocket.kept["lamplighter", "salesforce-refresh-token"]}
    for _ in range(2):
        assert admin.lamplighter("check", "--home", admin.home).code == 0
        tokens.add(pocket.kept["lamplighter", "salesforce-refresh-token"])
    assert len(tokens) == 3
    assert not [token for token in tokens if token in admin.seen() + done.out + done.err]


def test_two_processes_never_use_one_refresh_token(admin: Admin, pocket: Pocket) -> None:
    """Whoever comes second waits and uses its successor: a token that is used twice would end the authorisation."""
    assert admin.by_browser().code == 0
    admin.org.faults.add(Fault(path_contains="/oauth2/token", delay_seconds=0.2, times=2))
    store = open_store(f"sqlite:///{admin.home / 'state.db'}")
    two = [build_crm(admin.home, settings.load(admin.home), store, "salesforce") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda crm: crm.check()[0], two))
    store.close()
    assert [one.detail for one in found] == ["OAuth, refresh token"] * 2
    assert admin.lamplighter("check", "--home", admin.home).code == 0


def test_by_browser_with_a_secret(admin: Admin, pocket: Pocket) -> None:
    """An app that wants its secret too: it is kept beside the token."""
    admin.org.service.configure({"require_pkce": False})
    assert admin.by_browser(typed=f"{SECRET}\n").code == 0
    assert admin.app["client_secret"] == "keyring:salesforce-client-secret"
    assert pocket.kept["lamplighter", "salesforce-client-secret"] == SECRET


def test_a_token_from_elsewhere(admin: Admin) -> None:
    """An access token that somebody else renews: a reference to it, and no app."""
    admin.patch.setenv("SHOP_TOKEN", admin.org.token)
    done = admin.connect("--instance-url", admin.org.url, "--token-env", "SHOP_TOKEN")
    assert (done.code, admin.app) == (0, None), done.err
    assert "token: env:SHOP_TOKEN" in (admin.home / FILE).read_text()


def test_connecting_again_asks_only_for_the_secret(admin: Admin, pocket: Pocket) -> None:
    """Address, key and flow are as before; nothing typed keeps the secret, another one replaces it."""
    assert admin.connect(typed=f"{admin.org.url}\n{KEY}\n{SECRET}\n").code == 0
    assert admin.connect(typed="\n").code == 0
    admin.org.service.configure({"consumer_secret": "another"})
    refused = admin.connect(typed="\n")
    assert (refused.code, "consumer secret" in refused.err) == (2, True)
    assert admin.connect(typed="another\n").code == 0
    assert pocket.kept == {("lamplighter", "salesforce-client-secret"): "another"}


def test_another_way_takes_the_place_of_the_first(admin: Admin, pocket: Pocket) -> None:
    """From a token to an app to the browser, and from then on the browser is used without being named."""
    admin.patch.setenv("SHOP_TOKEN", admin.org.token)
    assert admin.connect("--instance-url", admin.org.url, "--token-env", "SHOP_TOKEN").code == 0
    assert admin.connect("--client-id", KEY, "--client-secret-env", PROOF).code == 0
    assert "token:" not in (admin.home / FILE).read_text().partition("\nsalesforce:")[2]
    assert admin.by_browser().code == 0
    assert admin.connect("--port", 0).code == 0
    assert admin.app["flow"] == "refresh_token"


def test_without_a_keyring(admin: Admin) -> None:
    """A typed secret works but has no place: the way out is named. The browser is not even opened."""
    done = admin.connect(typed=f"{admin.org.url}\n{KEY}\n{SECRET}\n")
    assert (done.code, "--client-secret-env NAME" in done.err, admin.unchanged()) == (2, True, True)
    admin.org.journal.clear()
    done = admin.by_browser()
    assert (done.code, "--flow jwt" in done.err, admin.unchanged()) == (2, True, True)
    assert admin.org.journal.counts()["total"] == 0


def refusing(admin: Admin, browser: Turns, how: str) -> None:
    """Break the browser's round in one way."""
    changes: dict[str, dict[str, Any]] = {
        "no": {"refuse_authorization": True},
        "not approved": {"admin_approved": []},
        "scope": {"scopes": "id"},
    }
    turns = {"state": ("state=[^&]+", "state=another"), "code": ("code=[^&]+", "code=another")}
    if how in turns:
        browser.append(lambda back: re.sub(*turns[how], back))
    admin.org.service.configure(changes.get(how, {}))


REFUSED = {
    "no": ("the answer on Salesforce's page was no", "--no-browser"),
    "not approved": ("OAUTH_APP_ACCESS_DENIED", "permission set"),
    "scope": ("invalid_scope", "give the app the scopes api and refresh_token"),
    "state": ("another attempt", "close old windows"),
    "code": ("invalid authorization code", "used before or is too old"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_the_browser_ends_badly(admin: Admin, pocket: Pocket, browser: Turns, how: str) -> None:
    """Each way has a sentence and a fix of its own, and changes nothing."""
    refusing(admin, browser, how)
    done = admin.by_browser()
    assert (done.code, pocket.kept, admin.unchanged()) == (2, {}, True)
    assert all(words in done.err for words in REFUSED[how]), done.err


HALF = {
    "no address": (["--client-id", KEY], "\n", "My Domain"),
    "a login page": (["--instance-url", "login.salesforce.com"], "", "Setup, My Domain"),
    "no key": (["--instance-url", "{url}"], "", "consumer key"),
    "no secret": (["--instance-url", "{url}", "--client-id", KEY], "", "consumer secret"),
    "empty variable": (
        ["--instance-url", "{url}", "--client-id", KEY, "--client-secret-env", "NONE"],
        "",
        "NONE is empty",
    ),
    "no such file": (["--instance-url", "{url}", "--client-id", KEY, "--username", USER], "none.pem\n", "none.pem"),
    "wrong secret": (["--instance-url", "{url}", "--client-id", KEY], "wrong\n", "copy the consumer secret again"),
    "wrong key": (
        ["--instance-url", "{url}", "--client-id", "x", "--client-secret-env", PROOF],
        "",
        "consumer key again",
    ),
}


@pytest.mark.parametrize("how", HALF)
def test_what_lacks_or_is_wrong_changes_nothing(admin: Admin, pocket: Pocket, how: str) -> None:
    """Exit 2, the name of what is meant, no secret told or kept."""
    options, typed, told = HALF[how]
    done = admin.connect(*[one.format(url=admin.org.url) for one in options], typed=typed)
    assert (done.code, admin.unchanged(), pocket.kept) == (2, True, {}), done.out
    assert told in done.err
    assert SECRET not in done.err


@pytest.mark.parametrize(
    "words", [("hubspot", "--username", USER), ("hubspot", "--flow", "jwt"), ("salesforce", "--print-token")]
)
def test_options_of_the_other_crm_are_refused(admin: Admin, words: tuple[str, ...]) -> None:
    """Rather than left out without a word."""
    done = admin.lamplighter("connect", *words, "--home", admin.home)
    assert (done.code, admin.unchanged()) == (2, True)


def test_withdrawn(admin: Admin, pocket: Pocket) -> None:
    """An authorisation that was revoked: exit 2, what happened, and the command that puts it back."""
    assert admin.by_browser().code == 0
    token = pocket.kept["lamplighter", "salesforce-refresh-token"]
    admin.org.service.org.part(_tokens()).revoke(token)
    done = admin.lamplighter("run", "--home", admin.home)
    assert (done.code, "expired access/refresh token" in done.err) == (2, True)
    assert "lamplighter connect salesforce --oauth" in done.err
    assert admin.connect("--port", 0).code == 0


def _tokens() -> Any:
    from connector.sandbox.salesforce_tokens import Tokens

    return Tokens


SHOWN = {
    "acme.my.salesforce.com": "https://acme.my.salesforce.com",
    "https://acme.my.salesforce.com/home/home.jsp": "https://acme.my.salesforce.com",
    "https://acme.lightning.force.com/lightning/r/Contact/1/view": "https://acme.my.salesforce.com",
    "acme--uat.sandbox.lightning.force.com": "https://acme--uat.sandbox.my.salesforce.com",
    "https://acme.my.salesforce-setup.com/lightning/setup/": "https://acme.my.salesforce.com",
    "https://ACME.my.salesforce.com": "https://acme.my.salesforce.com",
    "http://127.0.0.1:8443/x": "http://127.0.0.1:8443",
}


@pytest.mark.parametrize("copied", SHOWN)
def test_any_page_of_the_org_tells_its_address(copied: str) -> None:
    """Whatever stands in the admin's browser."""
    assert my_domain(copied) == SHOWN[copied]


@pytest.mark.parametrize("copied", ["https://login.salesforce.com", "test.salesforce.com", "", "our org", "a@b"])
def test_what_is_no_org_is_refused(copied: str) -> None:
    """Login pages belong to no org."""
    with pytest.raises(SetupError):
        my_domain(copied)
