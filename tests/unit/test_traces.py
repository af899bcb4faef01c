"""Spans: what a collector is told of a pass, and that nothing private is among it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from google_account import Account
from meta_rig import LAMPS, change, keys, rigged
from notice_servers import collector
from planted import Planted
from salesforce_rig import org
from salesforce_rig import pulled as pulled_from_salesforce
from small_shop import END

from connector import tracing
from connector.home import open_home
from connector.observe import traces
from connector.pipeline import Options, run

NAMED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


class Collected:
    """The spans of a test, once they have ended."""

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter

    def __iter__(self) -> Iterator[Any]:
        return iter(self._exporter.get_finished_spans())

    def told(self, name: str) -> Mapping[str, Any]:
        """What the only span of this name holds."""
        (found,) = (dict(span.attributes) for span in self if span.name == name)
        return found

    def above(self, span: Any) -> list[str]:
        """The names of those that a span is within, the outermost last."""
        by_id = {each.context.span_id: each for each in self}
        names = []
        while span.parent is not None:
            span = by_id[span.parent.span_id]
            names.append(span.name)
        return names


@pytest.fixture
def collected(planted: Planted) -> Iterator[Collected]:
    """Spans go into memory; whatever they hold is looked through for people and secrets."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from connector.observe.open_telemetry import Tracer

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tracing.to(Tracer(provider)):
        yield Collected(exporter)
    for span in exporter.get_finished_spans():
        planted.look("span", span.to_json())
    if shown := planted.told():
        pytest.fail("\n".join(shown))


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, False),
        (NAMED, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({**NAMED, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({**NAMED, "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_wanted_where_the_environment_names_a_collector(environment: dict[str, str], told: bool) -> None:
    """By OpenTelemetry's own variables, those that switch it off included."""
    assert traces.wanted(environment) is told


def test_nothing_is_imported_unasked() -> None:
    """A span costs nothing, and the package need not be there."""
    words = "import sys; from connector import tracing; from connector.observe import traces\n"
    words += "with traces.exporting({}), tracing.span('run') as note: note(run=1)\n"
    words += "assert tracing.bound(len) is len; print([name for name in sys.modules if 'telemetry' in name])"
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_package_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector is named, and nothing is there to speak to it: a warning, and work goes on."""
    monkeypatch.delitem(sys.modules, "connector.observe.open_telemetry", raising=False)
    monkeypatch.delattr("connector.observe.open_telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with structlog.testing.capture_logs() as lines:
        assert isinstance(traces.exporting(NAMED), nullcontext)
    assert ["lamplighter[otel]" in line["hint"] for line in lines] == [True]


def test_an_error_is_told_by_its_kind(collected: Collected) -> None:
    """Its text may hold what a customer wrote."""
    with pytest.raises(ValueError), tracing.span("run"):
        raise ValueError("ann@example.com is away")
    assert collected.told("run") == {"error.type": "ValueError"}
    (span,) = collected
    assert (span.status.status_code.name, span.status.description, list(span.events)) == ("ERROR", None, [])


def test_routes_hold_no_ids(collected: Collected) -> None:
    """Google, Meta and Salesforce: method, route, status; of an account, a list or a request no id."""
    google = Account()
    with google.sandbox:
        adapter = google.adapter()
        adapter.ensure([LAMPS])
        adapter.drop(LAMPS.name)
    with rigged() as rig:
        rig.meta().ensure([LAMPS])
        rig.meta().deliver(change(keys(2)))
    with org() as shop:
        shop.contact()
        pulled_from_salesforce(shop.crm(), "contact")
    routes = {span.attributes["http.route"] for span in collected}
    assert {"/v1/accountTypes/GOOGLE_ADS/accounts/{id}/userLists/{id}", "/token", "composite"} <= routes
    assert any(route.endswith("/{id}/users") for route in routes)
    assert not [route for route in routes if any(len(word) > 4 for word in route.split("/") if word.isdigit())]
    assert {span.attributes["http.response.status_code"] for span in collected} == {200}
    assert {span.kind.name for span in collected} == {"CLIENT"}


@pytest.mark.slow
def test_a_pass_in_spans(home: Path, collected: Collected) -> None:
    """Run, stage, stream or turn, and each call that left, within one another; the counts of calls agree."""
    with open_home(home) as opened:
        report = run(opened, Options(as_of=datetime.fromisoformat(END)))
    assert collected.told("run") == {"lamplighter.run": 1, "lamplighter.run_status": "done"}
    streams = {span.attributes["lamplighter.stream"]: span for span in collected if span.name == "pull stream"}
    assert collected.above(streams["contact"]) == ["pull", "run"]
    assert streams["contact"].attributes["lamplighter.read"] == 4
    calls = [span for span in collected if "http.route" in span.attributes]
    assert len(calls) == report.calls["hubspot"].made
    assert {tuple(collected.above(span)[-2:]) for span in calls} == {("pull", "run"), ("push", "run")}
    assert {"pull stream", "push turn"} <= {collected.above(span)[0] for span in calls}
    assert {span.attributes["lamplighter.bucket"] for span in calls} == {"general", "search"}


@pytest.mark.slow
def test_a_collector_is_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP, to the address that the environment names; what waits leaves at the end of the command."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
    with collector() as (url, bodies):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        with traces.exporting(), tracing.span("run", run=7):
            pass
    (body,) = bodies
    assert b"lamplighter.run" in body and b"service.name" in body
