"""Figures for Prometheus, read from the store, so that restarts change none and any machine can tell them.

Labels are names of systems, streams, lists and states: never of people.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from connector.observe.redaction import caught, clean_text
from connector.store import Store, approvals, breakers, outbox, rejections, runs, totals
from connector.store.tables import cursor, lease, membership

COUNTERS: Mapping[str, tuple[str, Sequence[str]]] = {
    "runs": ("Runs by how they ended.", ("status",)),
    "calls": ("Requests that went out, repeated ones included.", ("system", "kind")),
    "calls_answered": ("Requests by the answer's status; none: no answer came.", ("system", "answer")),
    "calls_retried": ("Requests that were repeated ones.", ("system",)),
    "rows_read": ("Records that a source handed out.", ("source",)),
    "rows": ("What became of the records of a source.", ("source", "end")),
    "changes_planned": ("Changes that were planned for a destination.", ("destination",)),
    "changes": ("What became of the changes for a destination.", ("destination", "end")),
}
"""What is counted over all runs (`connector.pipeline.counted`) -> what it is, and its labels."""

Sample = tuple[Sequence[str], float]


class Figures(Collector):
    """Everything that the store tells, anew at each asking. Runs that were killed counted no calls and rows."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = clock

    def collect(self) -> Iterator[Metric]:
        """One metric after another."""
        counted = totals.read(self._store)
        for name, (help_text, labels) in COUNTERS.items():
            yield _counter(name, help_text, labels, [(_values(told, labels), v) for n, told, v in counted if n == name])
        yield _stages(counted)
        yield from self._last_runs()
        yield from self._standing()
        redacted = [((kind,), float(count)) for kind, count in caught().items()]
        yield _counter("redactions", "What was taken out of log lines; more than 0 is a fault.", ("kind",), redacted)

    def _last_runs(self) -> Iterator[Metric]:
        latest, green = runs.latest(self._store), runs.latest(self._store, status="done")
        started = [((), row.started_at.timestamp()) for row in latest]
        ended = [((), row.finished_at.timestamp()) for row in green]
        yield _gauge("last_run_timestamp_seconds", "When the last run began.", (), started)
        yield _gauge("last_green_run_timestamp_seconds", "When a run last ended with everything done.", (), ended)
        calls = {system: told for row in _last_reports(self._store) for system, told in row.get("calls", {}).items()}
        for name, what in (("left", "budget_left"), ("limit", "budget_limit")):
            told = [((system,), float(one[what])) for system, one in calls.items() if one.get(what) is not None]
            yield _gauge(f"quota_{name}", f"Calls a day: {name}, as the account last told.", ("system",), told)

    def _standing(self) -> Iterator[Metric]:
        depth = {**dict.fromkeys(outbox.STATES, 0), **outbox.depth(self._store)}
        batches: list[Sample] = [((state,), float(count)) for state, count in depth.items()]
        yield _gauge("outbox_batches", "Batches on their way out, by state.", ("state",), batches)
        ages = [((row.source, row.stream), self._age(row.moved_at)) for row in self._store.rows(cursor.select())]
        yield _gauge("cursor_age_seconds", "Since a stream last told anything new.", ("source", "stream"), ages)
        held: list[Sample] = [
            ((row.name, row.holder), float(row.expires_at > self._now())) for row in self._store.rows(lease.select())
        ]
        yield _gauge("lease_held", "Who holds, or held, the right to work.", ("lease", "holder"), held)
        yield _gauge("audience_size", "Acknowledged members.", ("destination", "audience"), _sizes(self._store))
        bad: list[Sample] = [((who, what), float(n)) for who, what, n in _rejected(self._store)]
        yield _gauge("rejected_rows", "Rows that could not be used and are kept.", ("source", "stream"), bad)
        waiting = float(len(approvals.waiting(self._store)))
        yield _gauge("plans_waiting", "Plans that wait for a person.", (), [((), waiting)])
        open_ones: list[Sample] = [((name,), float(one.open)) for name, one in breakers.standing(self._store).items()]
        yield _gauge(
            "breaker_open", "Systems that failed in their last run; 1: left alone now.", ("system",), open_ones
        )

    def _age(self, moment: datetime) -> float:
        return max(0.0, (self._now() - moment).total_seconds())


def exposition(store: Store) -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(store))
    return generate_latest(registry)


def _last_reports(store: Store) -> list[dict[str, Any]]:
    """Of the last runs, oldest first: a run that made no calls to a system leaves standing what an earlier one told."""
    return [row.report for row in reversed(runs.latest(store, limit=20))]


def _sizes(store: Store) -> list[Sample]:
    columns = (membership.c.destination, membership.c.audience)
    query = sa.select(*columns, sa.func.count()).group_by(*columns)
    return [((row[0], row[1]), float(row[2])) for row in store.rows(query)]


def _rejected(store: Store) -> list[tuple[str, str, int]]:
    found: dict[tuple[str, str], int] = {}
    for source, stream, _, count in rejections.counts(store):
        found[source, stream] = found.get((source, stream), 0) + count
    return [(*key, count) for key, count in found.items()]


def _stages(counted: Sequence[tuple[str, Mapping[str, str], float]]) -> Metric:
    family = SummaryMetricFamily("lamplighter_run_stage_seconds", "How long the stages took.", labels=("stage",))
    spent = {told["stage"]: value for name, told, value in counted if name == "stage_seconds"}
    times = {told["stage"]: value for name, told, value in counted if name == "stages"}
    for stage, count in times.items():
        family.add_metric((stage,), count_value=int(count), sum_value=spent.get(stage, 0.0))
    return family


def _values(told: Mapping[str, str], labels: Sequence[str]) -> Sequence[str]:
    return [told.get(label, "") for label in labels]


def _counter(name: str, help_text: str, labels: Sequence[str], samples: Sequence[Sample]) -> Metric:
    return _filled(CounterMetricFamily(f"lamplighter_{name}", help_text, labels=labels), samples)


def _gauge(name: str, help_text: str, labels: Sequence[str], samples: Sequence[Sample]) -> Metric:
    return _filled(GaugeMetricFamily(f"lamplighter_{name}", help_text, labels=labels), samples)


def _filled(family: Any, samples: Sequence[Sample]) -> Metric:
    """Names that an admin gave may be anything: a file that is called by an address gives its name to a source."""
    for labels, value in samples:
        family.add_metric([clean_text(label) for label in labels], value)
    return family  # type: ignore[no-any-return]
