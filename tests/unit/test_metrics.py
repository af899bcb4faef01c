"""Metrics: what the store tells Prometheus, the same after a restart, and never of a person."""

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
import urllib3
from cli import Command
from prometheus_client.parser import text_string_to_metric_families as parsed

from connector import settings
from connector.model import Delivery
from connector.observe.endpoint import MetricsEndpoint
from connector.observe.metrics import Figures, exposition
from connector.pipeline.counted import counted
from connector.settings import MetricsPart
from connector.store import Store, breakers, cursors, database, leases, open_store, outbox, runs, totals
from connector.store.acknowledged import put_members
from jobs.measuring import measuring

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
CALLS = {"made": 9, "reads": 6, "writes": 3, "retried": 1, "answers": {"2xx": 7, "429": 1}}
REPORT: dict[str, Any] = {
    "run": {"seconds": {"pull": 1.5, "push": 0.25}},
    "books": {
        "web": {"read": 10, "kept": 7, "skipped": 2, "rejected": 1},
        "google": {"planned": 5, "acknowledged": 4, "deferred": 1, "rejected": 0},
    },
    "calls": {"hubspot": {**CALLS, "budget_left": 900, "budget_limit": 1_000}, "memory": {**CALLS, "answers": {}}},
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store."""
    made = open_store(url)
    yield made
    made.close()


def ended(store: Store, status: str = "done") -> None:
    """One run more."""
    number = runs.start(store, datetime.now(UTC))
    runs.finish(store, number, status, REPORT, counts=counted(status, REPORT))


def samples(text: bytes) -> dict[tuple[str, str], float]:
    """(name without our prefix, label values in order of the labels' names) -> value."""
    found = [one for family in parsed(text.decode()) for one in family.samples]
    return {
        (one.name.removeprefix("lamplighter_"), "/".join(one.labels[name] for name in sorted(one.labels))): one.value
        for one in found
    }


def test_runs_calls_and_books_add_up(store: Store) -> None:
    """Over all runs; what was answered by nothing is what went out and came back by no status."""
    ended(store)
    ended(store, "deferred")
    told = samples(exposition(store))
    assert told["runs_total", "done"] == told["runs_total", "deferred"] == 1
    assert (told["calls_total", "read/hubspot"], told["calls_total", "write/hubspot"]) == (12, 6)
    assert told["calls_retried_total", "hubspot"] == 2
    answers = {key: value for (name, key), value in told.items() if name == "calls_answered_total"}
    assert answers == {"2xx/hubspot": 14, "429/hubspot": 2, "none/hubspot": 2, "none/memory": 18}
    assert told["rows_read_total", "web"] == 20
    assert [told["rows_total", f"{end}/web"] for end in ("kept", "skipped", "rejected")] == [14, 4, 2]
    assert told["changes_planned_total", "google"] == 10
    assert {key: value for (name, key), value in told.items() if name == "changes_total"} == {
        "google/acknowledged": 8,
        "google/deferred": 2,
        "google/rejected": 0,
    }
    assert told["run_stage_seconds_sum", "pull"] == 3
    assert told["run_stage_seconds_count", "push"] == 2
    assert (told["quota_left", "hubspot"], told["quota_limit", "hubspot"]) == (900, 1_000)


def test_a_restart_changes_no_count(store: Store, url: str) -> None:
    """Another process tells the same, and goes on from there; a run that was killed counts as failed."""
    ended(store)
    first = samples(exposition(store))
    runs.start(store, datetime.now(UTC))
    again = open_store(url)
    assert samples(exposition(again))["calls_total", "read/hubspot"] == first["calls_total", "read/hubspot"]
    ended(again)
    told = samples(exposition(again))
    assert (told["runs_total", "failed"], told["runs_total", "done"]) == (1, 2)
    again.close()


def test_a_run_and_its_counts_are_kept_together(store: Store) -> None:
    """A run that cannot be closed has counted nothing."""
    number = runs.start(store, datetime.now(UTC))
    with pytest.raises(ValueError, match="no such run status"):
        runs.finish(store, number, "nonsense", REPORT, counts=counted("nonsense", REPORT))
    assert totals.read(store) == [("runs", {"status": "failed"}, 0)]


def test_what_stands_in_the_store_is_told(store: Store) -> None:
    """Outbox, cursors, lease, lists, last runs: as they are at this moment."""
    ended(store, "failed")
    cursors.save(store, "web", "interaction", {"offset": 1})
    for _ in range(breakers.AFTER):
        breakers.failed(store, "meta", "no answer")
    outbox.enqueue(store, 1, [Delivery(id="d1", destination="google", kind="membership", add=("m",))])
    with store.begin() as connection:
        put_members(connection, "google", [("recent_buyers", "m1"), ("recent_buyers", "m2")], 1, certain=True)
    with leases.held(store, "pass"):
        told = samples(exposition(store))
    assert told["outbox_batches", "pending"] == 1
    assert told["outbox_batches", "deferred"] == 0
    assert 0 <= told["cursor_age_seconds", "web/interaction"] < 600
    assert told["lease_held", f"{leases.holder_name()}/pass"] == 1
    assert told["audience_size", "recent_buyers/google"] == 2
    assert told["plans_waiting", ""] == 0
    assert told["breaker_open", "meta"] == 1
    assert abs(told["last_run_timestamp_seconds", ""] - datetime.now(UTC).timestamp()) < 600
    assert ("last_green_run_timestamp_seconds", "") not in told
    assert samples(exposition(store))["lease_held", f"{leases.holder_name()}/pass"] == 0


@pytest.mark.usefixtures("shown_on_purpose")
def test_a_name_that_an_admin_gave_may_be_an_address(store: Store) -> None:
    """A file that is called by a customer's address gives its name to a source: not to a label."""
    cursors.save(store, "import:dana@example.com.csv", "interaction", {"offset": 1})
    assert b"dana" not in exposition(store)


def test_every_metric_is_documented(store: Store) -> None:
    """In docs/metrics.md, by the name that Prometheus sees; and none is that is not there."""
    ended(store)
    families = {family.name for family in parsed(exposition(store).decode())}
    told = set(re.findall(r"^\| `lamplighter_(\w+?)(?:_total)?[`{]", DOCS.read_text("utf-8"), re.MULTILINE))
    assert {name.removeprefix("lamplighter_") for name in families} == told


def test_the_endpoint_answers_on_this_machine(store: Store) -> None:
    """GET /metrics and nothing else; the fields of a request are of no interest."""
    with MetricsEndpoint(store, MetricsPart(port=0)) as endpoint:
        assert endpoint.url.startswith("http://127.0.0.1:")
        found = urllib3.request("GET", f"{endpoint.url}/metrics", headers={"X-Anything": "x" * 4_000})
        assert found.status == 200
        assert found.headers["Content-Type"].startswith("text/plain; version=")
        assert b"lamplighter_outbox_batches" in found.data
        assert urllib3.request("POST", f"{endpoint.url}/metrics", body=b"x").status == 405
        assert urllib3.request("GET", f"{endpoint.url}/").status == 404


def test_a_store_that_is_away_is_no_end_of_the_endpoint(store: Store, tmp_path: Path) -> None:
    """503 by its kind, and figures again when it is back."""
    with MetricsEndpoint(store, MetricsPart(port=0)) as endpoint:
        with store.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE total RENAME TO away")
        assert urllib3.request("GET", f"{endpoint.url}/metrics").status == 503
        with store.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO total")
        assert urllib3.request("GET", f"{endpoint.url}/metrics").status == 200


def test_a_store_that_does_not_answer_is_said_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 too where it is our own word for it, as of a database that another process keeps to itself."""
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    one, other = open_store(url), open_store(url)
    with MetricsEndpoint(one, MetricsPart(port=0)) as endpoint, other.engine.connect() as connection:
        one.close()
        connection.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
        connection.exec_driver_sql("DELETE FROM total")
        found = urllib3.request("GET", f"{endpoint.url}/metrics")
    assert (found.status, found.data) == (503, b"the store does not answer: EndPass\n")
    one.close()
    other.close()


def install(home: Path, *lines: str) -> settings.Settings:
    """The settings of a home that has these."""
    (home / settings.FILE).write_text("\n".join(lines))
    return settings.load(home)


def test_serve_tells_metrics_where_it_is_told_to(tmp_path: Path) -> None:
    """Without the setting nothing listens; a port that is taken is logged, and the work goes on."""
    with measuring(tmp_path, install(tmp_path, "warehouse: {threads: 1}")):
        assert not (tmp_path / "state.db").exists()
    with socket.create_server(("127.0.0.1", 0)) as taken, structlog.testing.capture_logs() as log:
        port = taken.getsockname()[1]
        with measuring(tmp_path, install(tmp_path, f"metrics: {{port: {port}}}")):
            assert [line["event"] for line in log] == ["metrics_not_told"]
    with structlog.testing.capture_logs() as log, measuring(tmp_path, install(tmp_path, "metrics: {port: 0}")):
        assert urllib3.request("GET", log[0]["at"]).status == 200


def test_status_prints_them_for_a_textfile_collector(lamplighter: Command, tmp_path: Path) -> None:
    """`status --metrics`: figures on stdout and nothing else."""
    install(tmp_path, "warehouse: {threads: 1}")
    done = lamplighter("status", "--metrics", "--home", tmp_path)
    assert done.code == 0
    assert ("outbox_batches", "pending") in samples(done.out.encode())


def test_the_age_of_a_cursor_is_never_negative(store: Store) -> None:
    """A clock that was set back is no news from the future."""
    cursors.save(store, "web", "interaction", {"offset": 1})
    past = Figures(store, lambda: datetime.now(UTC) - timedelta(days=1))
    (ages,) = [metric for metric in past.collect() if metric.name == "lamplighter_cursor_age_seconds"]
    assert [sample.value for sample in ages.samples] == [0]
