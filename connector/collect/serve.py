"""Runs the collector as a web server in a thread of its own, beside the scheduler."""

from collections.abc import Callable, Collection
from pathlib import Path

from connector import settings
from connector.collect.app import build
from connector.collect.desk import Desk
from connector.collect.spool import Spool
from connector.events.inbox import FOLDER
from connector.http_server import HttpServer


class Collector(HttpServer):
    """A running collector; also a context manager.

    Args:
        home: whose inbox is filled.
        part: its settings; port 0 takes a free one.
        wake: asks for a pass soon; called from the server's thread.
        tcf_vendors: without consent to all of them a TC string is a no.

    Raises:
        SetupError: a secret is not there, or the port is taken.
    """

    def __init__(
        self, home: Path, part: settings.CollectPart, wake: Callable[[], None], tcf_vendors: Collection[int] = ()
    ) -> None:
        self._spool = Spool(home / FOLDER)
        desk = _desk(part, self._spool, wake, tcf_vendors)
        hint = "choose another collect.port in lamplighter.yaml"
        super().__init__("the collector", hint, host=part.host, port=part.port)
        self._answer_by(
            build(desk), http="h11", limit_concurrency=500, timeout_keep_alive=30, timeout_graceful_shutdown=5
        )

    def _let_go(self) -> None:
        self._spool.close()


def _desk(part: settings.CollectPart, spool: Spool, wake: Callable[[], None], tcf_vendors: Collection[int]) -> Desk:
    return Desk(
        spool=spool,
        write_key=_secret(part.write_key),
        segment_secret=_secret(part.segment_secret),
        hubspot_secret=_secret(part.hubspot_secret),
        public_url=part.public_url,
        pixel=part.pixel,
        origins=part.origins,
        tcf_vendors=frozenset(tcf_vendors),
        most_bytes=part.max_body_bytes,
        per_second=part.requests_per_second,
        wake=wake,
    )


def tried(part: settings.CollectPart) -> str:
    """Where a collector of these settings answers, for `check`. Raises SetupError: one of its secrets is not there."""
    for reference in (part.write_key, part.segment_secret, part.hubspot_secret):
        _secret(reference)
    return f"{part.host}:{part.port}, while `lamplighter serve` runs"


def _secret(reference: str | None) -> str:
    hint = "put it there, or name another place under collect: in lamplighter.yaml"
    return settings.secret(reference, hint).get_secret_value() if reference else ""
