"""Spans by OpenTelemetry's SDK. Imported only where traces are wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode

from connector import tracing
from connector.observe.redaction import clean
from connector.tracing import Note, Told

T = TypeVar("T")

HTTP = {"method": "http.request.method", "route": "http.route", "status": "http.response.status_code"}
"""OpenTelemetry's own names; ours begin with `lamplighter.`."""
BAD = 400
"""Statuses from which an answer is an error."""


@contextmanager
def exporting() -> Iterator[None]:
    """Send spans to where the environment says (OTEL_EXPORTER_OTLP_...), for the length of the block."""
    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        with tracing.to(Tracer(provider)):
            yield
    finally:
        provider.shutdown()


def _resource() -> Resource:
    """What the environment calls this process (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES), else `lamplighter`."""
    named = Resource.create()
    unknown = str(named.attributes[SERVICE_NAME]).startswith("unknown_service")
    return named.merge(Resource({SERVICE_NAME: "lamplighter"})) if unknown else named


class Tracer:
    """See `connector.tracing.Tracer`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("lamplighter")

    @contextmanager
    def span(self, name: str, told: dict[str, Told]) -> Iterator[Note]:
        """A span as long as the block. Of an error it tells the kind: its text may hold what a customer wrote."""
        kind = SpanKind.CLIENT if "method" in told else SpanKind.INTERNAL
        begun = self._tracer.start_as_current_span(
            clean(name), kind=kind, attributes=_named(told), record_exception=False, set_status_on_exception=False
        )
        with begun as span:
            try:
                yield lambda **more: _note(span, more)
            except StopIteration:  # steps that came to their end
                raise
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    def bound(self, work: Callable[..., T]) -> Callable[..., T]:
        """`work`, whose spans belong to the one that is open now."""
        here = context.get_current()

        def within(*args: object) -> T:
            token = context.attach(here)
            try:
                return work(*args)
            finally:
                context.detach(token)

        return within


def _note(span: Span, told: dict[str, Told]) -> None:
    span.set_attributes(_named(told))
    if isinstance(status := told.get("status"), int) and status >= BAD:
        span.set_status(StatusCode.ERROR)


def _named(told: dict[str, Told]) -> dict[str, Told]:
    return {HTTP.get(name, f"lamplighter.{name}"): clean(value) for name, value in told.items()}
