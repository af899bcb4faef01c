"""Alerts: a trouble is told once, reminded of, and told to be over; a dead channel stops nothing; secrets stay."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli import Command
from notice_servers import hook, post
from salesforce_certificate import pair
from sqlalchemy import update

from connector.alerts import Notice, tell, troubles
from connector.alerts.channels import Email, Slack, Webhook
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.errors import Failed, SetupError
from connector.settings import AlertsPart, EmailPart
from connector.store import Store, alerts, approvals, open_store, runs
from connector.store.tables import run
from jobs.stop import Stop
from jobs.watch import watch

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GREEN = {"books": {}}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for all tests of this file."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('alerts') / 'state.db'}")
    yield store
    store.close()


@pytest.fixture
def store(opened: Store) -> Store:
    """The same, with nothing in it."""
    with opened.begin() as connection:
        for table in (run, alerts.alert, alerts.alert_channel, approvals.approval):
            connection.execute(table.delete())
    return opened


def ran(store: Store, status: str, at: datetime, report: dict[str, Any] | None = None, message: str = "") -> int:
    """A run that ended so, at a moment."""
    number = runs.start(store, at)
    runs.finish(store, number, status, report or GREEN, message)
    with store.begin() as connection:
        connection.execute(update(run).where(run.c.number == number).values(started_at=at, finished_at=at))
    return number


def kinds(store: Store, at: datetime, part: AlertsPart | None = None) -> set[tuple[str, str]]:
    """Kind and subject of every trouble."""
    return {(one.kind, one.subject) for one in troubles(store, part or AlertsPart(), at)}


def notice(**changed: Any) -> Notice:
    """Something to tell."""
    plain = {"state": "trouble", "kind": "failed", "subject": "", "words": "it <failed> & stopped", "command": "look"}
    return Notice(**{**plain, "install": "shop", "since": NOW, "at": NOW, **changed})


# What is told


def test_a_green_install_has_no_trouble(store: Store) -> None:
    """Neither before the first run nor after one that went through."""
    assert kinds(store, NOW) == set()
    ran(store, "done", NOW - HOUR)
    assert kinds(store, NOW) == set()


def test_a_failed_run_is_trouble_until_another_goes_through(store: Store) -> None:
    """With the run's own message."""
    ran(store, "failed", NOW - 2 * HOUR, message="the disk is full")
    (found,) = troubles(store, AlertsPart(), NOW)
    assert (found.kind, "the disk is full" in found.words) == ("failed", True)
    ran(store, "done", NOW - HOUR)
    assert kinds(store, NOW) == set()


def test_deferred_runs_are_trouble_after_some_hours(store: Store) -> None:
    """Counted from the first that did not come to its end."""
    ran(store, "done", NOW - 9 * HOUR)
    ran(store, "deferred", NOW - 5 * HOUR)
    ran(store, "deferred", NOW - HOUR)
    assert kinds(store, NOW) == set()
    assert kinds(store, NOW + HOUR) == {("deferred", "")}


def test_a_short_cadence_hides_no_lasting_trouble(store: Store) -> None:
    """A day of deferred runs every five minutes after one that went through, or with none before them."""
    first = ran(store, "done", NOW - 25 * HOUR)
    rows = [
        {"status": "deferred", "as_of": at, "started_at": at, "finished_at": at, "report": GREEN, "message": ""}
        for at in (NOW - 25 * HOUR + timedelta(minutes=5 * number) for number in range(1, 300))
    ]
    with store.begin() as connection:
        connection.execute(run.insert(), rows)
    assert kinds(store, NOW) == {("deferred", ""), ("stale", "")}
    with store.begin() as connection:
        connection.execute(run.delete().where(run.c.number == first))
    assert kinds(store, NOW) == {("deferred", ""), ("stale", "")}


def test_a_plan_ends_no_trouble(store: Store) -> None:
    """`--dry-run`, `--only pull` and `--only decide` prove nothing, and are no beginning of a trouble either."""
    ran(store, "done", NOW - 30 * HOUR)
    ran(store, "planned", NOW - 29 * HOUR)
    ran(store, "deferred", NOW - HOUR)
    ran(store, "failed", NOW, message="the token is dead")
    assert kinds(store, NOW) == {("failed", ""), ("stale", "")}
    ran(store, "planned", NOW)
    (found, _) = sorted(troubles(store, AlertsPart(), NOW), key=lambda one: one.kind)
    assert (found.kind, "the token is dead" in found.words) == ("failed", True)
    ran(store, "deferred", NOW)
    assert kinds(store, NOW) == {("stale", "")}


def test_a_pass_that_hangs_makes_an_install_stale(store: Store) -> None:
    """Told from the store alone, while a run is at work that does not end; so are passes that nobody starts."""
    ran(store, "done", NOW - 23 * HOUR)
    assert kinds(store, NOW) == set()
    runs.start(store, NOW)
    (found,) = troubles(store, AlertsPart(), NOW + 2 * HOUR)
    assert (found.kind, "one is at work" in found.words) == ("stale", True)


def test_what_waits_for_approval_is_told_with_the_command(store: Store) -> None:
    """Under a name that stays the same while the plan grows, so that it is not told again at every pass."""
    ran(store, "guarded", NOW - HOUR)
    approvals.ask(store, "abc", 1, {"buyers": {"add": 5, "remove": 900}}, destination="hubspot")
    (found,) = troubles(store, AlertsPart(), NOW)
    assert (found.kind, found.subject) == ("guarded", "list hubspot")
    assert "lamplighter run --approve abc" in found.command


@pytest.mark.parametrize(
    ("book", "expected"),
    [
        ({"read": 100, "kept": 98, "skipped": 0, "rejected": 2}, set()),
        ({"read": 100, "kept": 90, "skipped": 0, "rejected": 10}, {("rejected", "site")}),
        ({"read": 100, "kept": 98, "skipped": 0, "rejected": 1}, {("books", "site")}),
        ({"planned": 50, "acknowledged": 40, "deferred": 0, "rejected": 10}, {("rejected", "site")}),
        ({"read": 3, "kept": 0, "skipped": 0, "rejected": 3}, set()),
    ],
)
def test_books_are_looked_at(store: Store, book: dict[str, int], expected: set[tuple[str, str]]) -> None:
    """Those that do not balance, and those in which too much was rejected, of enough rows to say so."""
    ran(store, "done", NOW - HOUR, {"books": {"site": book}})
    assert kinds(store, NOW) == expected


def test_rejected_rows_stay_trouble_while_nothing_new_is_read(store: Store) -> None:
    """A quiet run after a bad file says nothing of the file."""
    ran(store, "done", NOW - 2 * HOUR, {"books": {"site": {"read": 100, "kept": 0, "skipped": 0, "rejected": 100}}})
    ran(store, "done", NOW - HOUR, {"books": {"site": {"read": 0, "kept": 0, "skipped": 0, "rejected": 0}}})
    assert kinds(store, NOW) == {("rejected", "site")}


# When it is told


def test_a_trouble_is_told_once_reminded_of_and_told_to_be_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days of looking every minute make four notices, and the same trouble begins anew when it comes back."""
    with hook() as received:
        monkeypatch.setenv("HOOK", received.url)
        part = AlertsPart(webhook="env:HOOK", stale_hours=1_000)
        ran(store, "failed", NOW, message="the disk is full")
        for minutes in range(0, 60 * 48, 96):
            tell(store, part, "shop", NOW + timedelta(minutes=minutes))
        ran(store, "done", NOW + 48 * HOUR)
        tell(store, part, "shop", NOW + 49 * HOUR)
        tell(store, part, "shop", NOW + 50 * HOUR)
        ran(store, "failed", NOW + 51 * HOUR)
        tell(store, part, "shop", NOW + 52 * HOUR)
        assert [one["state"] for one in received.bodies] == ["trouble", "reminder", "recovered", "trouble"]
        first, *_, last = received.bodies
        assert (first["kind"], first["command"], first["install"]) == ("failed", "lamplighter status", "shop")
        assert (first["since"], last["since"]) == (NOW.isoformat(), (NOW + 52 * HOUR).isoformat())


def test_a_dead_channel_stops_nothing_and_is_told_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others hear it all the same; the reason holds no part of the address; what works again is forgotten."""
    with hook() as alive, hook() as dead:
        dead.status = 410
        monkeypatch.setenv("ALIVE", alive.url)
        monkeypatch.setenv("DEAD", dead.url)
        part = AlertsPart(webhook="env:ALIVE", slack="env:DEAD")
        ran(store, "failed", NOW)
        assert len(tell(store, part, "shop", NOW)) == len(alive.bodies) == 1
        (failing,) = alerts.failing_channels(store)
        assert (failing["channel"], failing["reason"]) == ("slack", "slack answers 410")
        dead.status = 200
        tell(store, part, "shop", NOW + 24 * HOUR)
        assert alerts.failing_channels(store) == []


def test_what_nobody_heard_is_told_as_soon_as_somebody_hears(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only channel is dead: the notice is not given up."""
    with hook() as received:
        monkeypatch.setenv("HOOK", received.url)
        received.status = 500
        part = AlertsPart(webhook="env:HOOK")
        ran(store, "failed", NOW)
        assert tell(store, part, "shop", NOW) == []
        received.status = 200
        assert [one.state for one in tell(store, part, "shop", NOW + HOUR)] == ["trouble"]


def test_what_nobody_was_told_of_is_not_told_to_be_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel works again when the trouble is gone: it is closed without a word, and is news when it comes back."""
    with hook() as received:
        monkeypatch.setenv("HOOK", received.url)
        received.status = 500
        part = AlertsPart(webhook="env:HOOK")
        ran(store, "failed", NOW)
        assert tell(store, part, "shop", NOW) == []
        ran(store, "done", NOW)
        received.status = 200
        assert tell(store, part, "shop", NOW + HOUR) == []
        assert alerts.lasting(store) == {}
        ran(store, "failed", NOW + HOUR)
        assert [one.state for one in tell(store, part, "shop", NOW + 2 * HOUR)] == ["trouble"]


# How it is told


def test_slack_is_sent_text_that_means_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's control characters are written as Slack wants them."""
    with hook() as received:
        monkeypatch.setenv("HOOK", received.url)
        Slack("slack", "env:HOOK", 5).send(notice())
        assert "it &lt;failed&gt; &amp; stopped" in received.bodies[0]["text"]
        assert "\n-> look" in received.bodies[0]["text"].replace("-&gt;", "->")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hooks/T0KEN", "no address, T0KEN", "https://[T0KEN"])
def test_an_address_is_never_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds a token: errors name the channel and the kind of the fault alone."""
    monkeypatch.setenv("HOOK", url)
    with pytest.raises(Failed) as caught:
        Webhook("webhook", "env:HOOK", 2).send(notice())
    assert "T0KEN" not in str(caught.value) + repr(caught.value.__cause__)


def test_a_secret_that_is_missing_is_a_set_up_error() -> None:
    """Named with the variable that should hold it."""
    with pytest.raises(SetupError, match="NO_SUCH_HOOK"):
        Webhook("webhook", "env:NO_SUCH_HOOK", 2).send(notice())


def test_a_mail_is_sent_under_tls_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STARTTLS before AUTH; a server whose certificate nobody vouches for gets neither password nor mail."""
    key, certificate = pair("localhost")
    file = tmp_path / "server.pem"
    file.write_text(key + certificate)
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    with post(file) as received:
        known = {"host": "localhost", "port": received.port, "sender": "lamp@shop.example", "to": ("a@shop.example",)}
        email = Email(EmailPart(**known, username="lamp", password="env:MAIL_PASSWORD"), 5)
        with pytest.raises(Failed, match="SSLCertVerificationError"):
            email.send(notice())
        assert (received.logins, received.mails) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        email.send(notice())
    assert received.under_tls == [True]
    assert received.logins[0].startswith("AUTH PLAIN ")
    (mail,) = received.mails
    assert (mail["Subject"], mail["To"]) == ("Lamplighter (shop): failed", "a@shop.example")
    assert "it <failed> & stopped" in mail.get_payload()


def test_a_mail_that_is_refused_names_no_address() -> None:
    """The server's own words repeat it."""
    with post() as received:
        received.refuse = True
        known = {"host": "127.0.0.1", "port": received.port, "sender": "lamp@shop.example", "to": ("a@shop.example",)}
        with pytest.raises(Failed, match="SMTPRecipientsRefused") as caught:
            Email(EmailPart(**known, security="none"), 5).send(notice())
    assert "@" not in str(caught.value)


def test_a_password_is_not_sent_in_the_clear() -> None:
    """The settings refuse it."""
    known = {"host": "localhost", "sender": "lamp@shop.example", "to": ("a@shop.example",), "username": "lamp"}
    with pytest.raises(ValueError, match="a password needs security"):
        EmailPart(**known, password="env:MAIL_PASSWORD", security="none")


# What an admin types, and what `serve` does


@pytest.fixture
def install(tmp_path: Path) -> Path:
    """A home with one channel, the webhook in the variable HOOK."""
    create(tmp_path / "shop")
    append(tmp_path / "shop", "alerts: {webhook: env:HOOK}")
    return tmp_path / "shop"


def test_an_admin_tries_the_channels(install: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that takes nothing is exit 2 and stands in `status`; no word holds its address."""
    with hook() as received:
        monkeypatch.setenv("HOOK", received.url)
        done = lamplighter("alerts", "--test", "--home", install)
        assert (done.code, received.bodies[0]["state"]) == (0, "test"), done.err
        assert "webhook: took the test notice" in done.out
        received.status = 403
        refused = lamplighter("alerts", "--test", "--home", install)
        assert refused.code == 2
        told = lamplighter("alerts", "--home", install), lamplighter("status", "--json", "--home", install)
        assert told[1].json["failing_channels"][0]["reason"] == "webhook answers 403"
        assert "webhook takes nothing since" in told[0].out
        assert "T0KEN" not in refused.out + refused.err + told[0].out + told[1].out


def test_what_is_due_is_told_by_the_watch_and_by_cron(
    install: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second has nothing to tell."""
    with closing(open_store(f"sqlite:///{install / 'state.db'}")) as store, hook() as received:
        monkeypatch.setenv("HOOK", received.url)
        ran(store, "failed", datetime.now(UTC), message="the disk is full")
        watch(install, Stop())
        done = lamplighter("alerts", "--tell", "--json", "--home", install)
        assert [one["kind"] for one in done.json["troubles"]] == ["failed"]
        assert [one["words"] for one in received.bodies] == ["the last run failed: the disk is full"]
