"""Metrics beside the scheduler, where the settings want them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from connector import settings
from connector.errors import SetupError
from connector.observe.endpoint import MetricsEndpoint
from connector.store import Store, open_store

log = structlog.get_logger()


@contextmanager
def measuring(home: Path, chosen: settings.Settings) -> Iterator[None]:
    """Tell metrics for the length of the block. A port that is taken is logged: no pass waits for it."""
    if chosen.metrics is None:
        yield
        return
    store = open_store(chosen.store_url(home))
    try:
        endpoint = _endpoint(store, chosen.metrics)
        try:
            yield
        finally:
            if endpoint:
                endpoint.stop()
    finally:
        store.close()


def _endpoint(store: Store, part: settings.MetricsPart) -> MetricsEndpoint | None:
    try:
        endpoint = MetricsEndpoint(store, part).start()
    except SetupError as error:
        log.error("metrics_not_told", reason=error.message, hint=error.hint)
        return None
    log.info("metrics", at=f"{endpoint.url}/metrics")
    return endpoint
