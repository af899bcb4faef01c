"""Traces for an OpenTelemetry collector, where the environment names one; else nothing of that is even imported."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import structlog

log = structlog.get_logger()

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of OpenTelemetry's own that name a collector; which others it knows is for its exporter to read."""


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment names a collector and does not switch traces off."""
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return (
        not off and environment.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp" and any(map(environment.get, ENDPOINTS))
    )


def exporting(environment: Mapping[str, str] = os.environ) -> AbstractContextManager[None]:
    """Send spans to the collector for the length of the block; what waits is sent at its end."""
    if not wanted(environment):
        return nullcontext()
    try:
        from connector.observe import open_telemetry
    except ImportError:
        hint = "pip install 'lamplighter[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT"
        log.warning("no_traces", reason="a collector is named, and OpenTelemetry is not installed", hint=hint)
        return nullcontext()
    return open_telemetry.exporting()
