"""Connecting by OAuth: the browser's round, where the secrets end up, and tokens that end or are withdrawn."""

import re
import socket
import urllib.request
import webbrowser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import keyring
import keyring.backends.fail
import pytest
import yaml
from admin_browser import Stay, Turns, browsing
from cli import Command
from pocket import Pocket
from remembering import Kept

from connector import settings
from connector.cli.connect_oauth import REFRESH, REFRESH_ENV, SECRET, Wish, authorise
from connector.crms import OAuthClient, hubspot
from connector.crms._hubspot.transport import Transport
from connector.crms.hubspot import HubSpotSettings
from connector.errors import SetupError
from connector.limits import Clock
from connector.sandbox.serve import Sandbox
from connector.settings import FILE

TOKEN = "POST /oauth/{version}/token"
DETAILS = "/account-info/2026-09/details"
CLIENT = ("--client-id", "sandbox-client", "--client-secret-env", "SHOP_SECRET", "--port", "0")


@pytest.fixture
def pocket() -> Iterator[Pocket]:
    """A machine that has a keyring."""
    mine = Pocket()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(keyring.backends.fail.Keyring())


@pytest.fixture
def install(home: Path, portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install on the sandbox that is not connected yet; the app's secret is in the environment."""
    monkeypatch.setenv("SHOP_SECRET", "sandbox-secret")
    text = (home / FILE).read_text().replace("  token: env:SHOP_TOKEN\n", f"  authorize_url: {portal.url}\n")
    (home / FILE).write_text(text)
    return home


@pytest.fixture(autouse=True)
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    """The admin's browser. What the list holds changes where it is sent to."""
    with browsing(monkeypatch) as turns:
        yield turns


def asked(portal: Sandbox, operation: str = TOKEN) -> int:
    """How often an operation was asked for."""
    found: int = portal.journal.counts()["operations"].get(operation, 0)
    return found


def connected(lamplighter: Command, home: Path, *more: str) -> Any:
    """`lamplighter connect hubspot --oauth` with the sandbox's app."""
    return lamplighter("connect", "hubspot", "--oauth", *CLIENT, *more, "--home", home)


def test_connect_and_run(install: Path, lamplighter: Command, portal: Sandbox, pocket: Pocket) -> None:
    """The admin agrees, the refresh token goes to the keyring, and a pass runs on tokens made from it."""
    done = connected(lamplighter, install)
    assert done.code == 0, done.out + done.err
    assert f"{portal.url}/oauth/authorize?" in done.out
    chosen = settings.load(install).hubspot
    assert chosen is not None
    assert chosen.oauth == settings.OAuthPart(
        client_id="sandbox-client", client_secret="env:SHOP_SECRET", refresh_token=f"keyring:{REFRESH}"
    )
    assert set(pocket.kept) == {("lamplighter", REFRESH)}
    assert lamplighter("run", "--as-of", "2026-09-30T12:00:00Z", "--home", install).code == 0


def test_no_browser_where_there_is_no_screen(install: Path, pocket: Pocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server the page is only printed."""
    opened: list[str] = []
    told: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    wish = Wish(client_id="sandbox-client", client_secret_env="SHOP_SECRET", port=0, wait=0.05)
    with pytest.raises(SetupError, match="nobody came back"):
        authorise(install, wish, lambda what: "", told.append)
    assert (opened, "/oauth/authorize?" in told[-1]) == ([], True)


def test_no_secret_anywhere_else(install: Path, lamplighter: Command, portal: Sandbox, pocket: Pocket) -> None:
    """Secrets stand in no file, no output and no URL."""
    done = connected(lamplighter, install)
    secrets = [*pocket.kept.values(), "sandbox-secret"]
    files = "".join(path.read_bytes().decode("latin-1") for path in install.rglob("*") if path.is_file())
    urls = "".join(f"{each['path']} {each['query']}" for each in portal.journal.since(0)["requests"])
    assert not [secret for secret in secrets if secret in files + done.out + done.err + urls]


def test_scopes_are_those_that_are_needed(install: Path, lamplighter: Command, pocket: Pocket) -> None:
    """The page asks for what check asks for, and for no more."""
    page = re.search(r"http://\S+/oauth/authorize\?\S+", connected(lamplighter, install).out)
    assert page
    scopes = parse_qs(urlsplit(page[0]).query)["scope"][0].split()
    assert scopes == ["oauth", *hubspot.scopes(HubSpotSettings(), None)]


def test_pasted_secret(install: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch, pocket: Pocket) -> None:
    """A client secret that is pasted goes to the keyring too."""
    monkeypatch.setattr("connector.cli.connect.ask", lambda what: "sandbox-secret")
    done = lamplighter(
        "connect", "hubspot", "--oauth", "--client-id", "sandbox-client", "--port", "0", "--home", install
    )
    assert done.code == 0, done.err
    assert pocket.kept[("lamplighter", SECRET)] == "sandbox-secret"


def test_without_a_keyring(install: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Said before the browser is opened: nothing was asked of HubSpot, and the way out is named."""
    before = (install / FILE).read_text()
    done = connected(lamplighter, install)
    assert (done.code, "--print-token" in done.err, REFRESH_ENV in done.err) == (2, True, True)
    assert portal.journal.counts()["total"] == 0
    assert (install / FILE).read_text() == before


def test_print_token(install: Path, lamplighter: Command, portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a keyring the refresh token is written to stdout alone, once, for a secret manager."""
    monkeypatch.setenv(REFRESH_ENV, "none yet")
    done = connected(lamplighter, install, "--print-token")
    assert done.code == 0, done.err
    (token,) = done.out.splitlines()
    monkeypatch.setenv(REFRESH_ENV, token)
    assert token not in done.err
    assert lamplighter("check", "--home", install).code == 0


def refusing(portal: Sandbox, browser: Turns, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Break the round in one way."""
    if how == "no":
        portal.portal.configure({"refuse_authorization": True})
    elif how == "state":
        browser.append(lambda back: re.sub("state=[^&]+", "state=another", back))
    elif how == "secret":
        monkeypatch.setenv("SHOP_SECRET", "wrong")
    elif how == "code":
        browser.append(lambda back: re.sub("code=[^&]+", "code=another", back))
    else:
        browser.append(lambda back: re.sub("code=[^&]+", "x=y", back))


REFUSED = {
    "no": ("the answer on HubSpot's page was no", "super admin"),
    "state": ("another attempt", "close old windows"),
    "secret": ("client id and client secret", "copy both again"),
    "code": ("does not take the code", "connect hubspot --oauth"),
    "nothing": ("sent no code back", "connect hubspot --oauth"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_refusals(
    how: str,
    install: Path,
    lamplighter: Command,
    portal: Sandbox,
    pocket: Pocket,
    browser: Turns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each way in which it ends badly has a sentence and a fix of its own, and changes nothing."""
    before = (install / FILE).read_text()
    refusing(portal, browser, monkeypatch, how)
    done = connected(lamplighter, install)
    assert (done.code, pocket.kept, (install / FILE).read_text()) == (2, {}, before)
    assert all(words in done.err for words in REFUSED[how]), done.err


def test_other_redirect_url(portal: Sandbox) -> None:
    """A code that began with another redirect URL is refused with a sentence of its own."""
    told = HubSpotSettings(base_url=portal.url, authorize_url=portal.url)
    page = hubspot.authorize_url(told, "sandbox-client", "http://localhost:1/callback", ["oauth"], "s")
    with urllib.request.build_opener(Stay).open(page) as answer:
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    with pytest.raises(SetupError, match="another redirect URL"):
        hubspot.exchange(told, "sandbox-client", "sandbox-secret", "http://localhost:2/callback", code)


def test_nobody_comes(install: Path, pocket: Pocket) -> None:
    """After a while it gives up, and says what may be wrong with the app."""
    wish = Wish(client_id="sandbox-client", client_secret_env="SHOP_SECRET", port=0, browser=False, wait=0.1)
    with pytest.raises(SetupError, match="nobody came back") as caught:
        authorise(install, wish, lambda what: "", lambda line: None)
    assert "redirect" in caught.value.hint or "localhost" in caught.value.hint


def test_port_taken(install: Path, lamplighter: Command, pocket: Pocket) -> None:
    """Another program on the port is named before anything is asked."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = connected(lamplighter, install, "--port", str(other.getsockname()[1]))
    assert (done.code, "--port" in done.err) == (2, True)


def test_strangers_do_not_disturb(install: Path, lamplighter: Command, pocket: Pocket, browser: Turns) -> None:
    """A request for another path is not found, and the wait goes on."""

    def stray(back: str) -> str:
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://{urlsplit(back).netloc}/favicon.ico")
        return back

    browser.append(stray)
    assert connected(lamplighter, install).code == 0


def test_a_token_afterwards(
    install: Path, lamplighter: Command, portal: Sandbox, pocket: Pocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting in the other way takes the place of the first, both ways round."""
    monkeypatch.setenv("SHOP_TOKEN", portal.token)
    for _ in range(2):
        assert connected(lamplighter, install).code == 0
        assert "token" not in yaml.safe_load((install / FILE).read_text())["hubspot"]
        assert lamplighter("connect", "hubspot", "--token-env", "SHOP_TOKEN", "--home", install).code == 0
        assert "oauth" not in yaml.safe_load((install / FILE).read_text())["hubspot"]


def test_withdrawn(install: Path, lamplighter: Command, portal: Sandbox, pocket: Pocket) -> None:
    """An app that was taken out of the account: exit 2, what happened, and the command that puts it back."""
    connected(lamplighter, install)
    portal.portal.act("DELETE", "/appinstalls/2026-09/external-install")
    done = lamplighter("run", "--home", install)
    assert (done.code, "was withdrawn" in done.err) == (2, True)
    assert "lamplighter connect hubspot --oauth" in done.err


class App:
    """An authorised app, its transport, and what it was told to keep."""

    def __init__(self, portal: Sandbox) -> None:
        self.kept: list[str] = []
        self.portal = portal
        self.passed = 0.0
        self.told = HubSpotSettings(
            base_url=portal.url,
            oauth=OAuthClient(
                client_id="sandbox-client",
                client_secret=lambda: "sandbox-secret",
                refresh_token=lambda: "sandbox-refresh",
                keep_refresh_token=self.keep,
            ),
        )
        self.transport = Transport(self.told, Clock(monotonic=lambda: self.passed), Kept())

    def keep(self, token: str) -> bool:
        """Take note."""
        self.kept.append(token)
        return True

    def ask(self, times: int = 1, threads: int = 1) -> None:
        """So many calls."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: self.transport.request("GET", DETAILS), range(times)))


@pytest.fixture
def app(portal: Sandbox) -> App:
    """An authorised app on the small shop's portal."""
    return App(portal)


def test_one_token_for_all_threads(app: App, portal: Sandbox) -> None:
    """Eight threads that start without a token ask for it once."""
    app.ask(times=40, threads=8)
    assert asked(portal) == 1


def test_renewed_before_its_end(app: App, portal: Sandbox) -> None:
    """A token is not used in its last two minutes: no call is refused for it."""
    app.ask()
    app.passed = 30 * 60 - 121
    app.ask()
    assert asked(portal) == 1
    app.passed += 2
    app.ask()
    assert (asked(portal), portal.journal.counts()["statuses"]) == (2, {"200": 5})


def test_refused_token_is_renewed_once(app: App, portal: Sandbox) -> None:
    """Where HubSpot ends tokens early, all threads together ask for one new token, and no call is lost."""
    app.ask()
    portal.clock.advance(31 * 60)
    app.ask(times=8, threads=8)
    assert asked(portal) == 2
    assert portal.journal.counts()["statuses"]["401"] <= 8


def test_refused_for_good(app: App, portal: Sandbox) -> None:
    """A token that is refused although it is new ends the call: one further attempt, not a circle."""
    portal.faults.add(_unauthorised(times=10))
    with pytest.raises(SetupError, match="refused the token") as caught:
        app.ask()
    assert (asked(portal), "--oauth" in caught.value.hint) == (2, True)


def test_forbidden_is_not_renewed(app: App, portal: Sandbox) -> None:
    """A missing scope is not cured by another token; the fix for an app is to authorise it again."""
    portal.faults.add(_unauthorised(status=403))
    with pytest.raises(SetupError) as caught:
        app.ask()
    assert (asked(portal), "connect hubspot --oauth" in caught.value.hint) == (1, True)


def _unauthorised(**how: Any) -> Any:
    from connector.sandbox.faults import Fault

    return Fault(path_contains="/account-info/", **{"status": 401, **how})


def test_replaced_refresh_token_is_kept(app: App, portal: Sandbox) -> None:
    """Where HubSpot replaces the refresh token, the new one is kept and used."""
    portal.portal.configure({"rotate_refresh": True})
    app.ask()
    app.passed += 3_600
    app.ask()
    assert (len(app.kept), len(set(app.kept)), asked(portal)) == (2, 2, 2)


def test_token_endpoint_down(app: App, portal: Sandbox) -> None:
    """Trouble at the token endpoint is repeated like any other."""
    from connector.sandbox.faults import Fault

    portal.faults.add(Fault(path_contains="/oauth/", status=503, times=2))
    app.ask()
    assert (asked(portal), app.transport.calls.retried) == (3, 2)


@pytest.mark.parametrize("trouble", [{"status": 503}, {"empty": True}, {"drop": True}])
def test_the_first_token_of_all(app: App, portal: Sandbox, trouble: dict[str, Any]) -> None:
    """It is asked for again where nothing was called yet, and where the answer is friendly and holds no token."""
    from connector.sandbox.faults import Fault

    portal.faults.add(Fault(path_contains="/oauth/", times=2, **trouble))
    assert app.transport.token()
    assert (asked(portal), app.transport.calls.retried) == (3, 2)


def test_secrets_do_not_print(app: App) -> None:
    """Neither settings nor tokens show a secret."""
    app.ask()
    text = repr(app.told) + repr(app.transport.tokens.granted) + repr(vars(app.transport.tokens))
    assert "sandbox-secret" not in text
    assert "sandbox-refresh" not in text
    assert app.transport.tokens.token() not in text
