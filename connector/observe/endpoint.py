"""Metrics over HTTP, for a Prometheus that comes by: on this machine alone unless the settings say otherwise."""

from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connector import settings
from connector.errors import LamplighterError
from connector.http_server import HttpServer
from connector.observe.metrics import exposition
from connector.store import Store

CALLERS = 8
"""At once; more are turned away."""


class MetricsEndpoint(HttpServer):
    """Answers GET /metrics; also a context manager.

    Raises:
        SetupError: the port is taken.
    """

    def __init__(self, store: Store, part: settings.MetricsPart) -> None:
        self._store = store
        super().__init__("metrics", "choose another metrics.port", host=part.host, port=part.port)
        self._answer_by(Starlette(routes=[Route("/metrics", self._tell)]), http="h11", limit_concurrency=CALLERS)

    def _tell(self, request: Request) -> Response:
        try:
            return Response(exposition(self._store), media_type=CONTENT_TYPE_LATEST)
        except (SQLAlchemyError, LamplighterError) as error:
            return PlainTextResponse(f"the store does not answer: {type(error).__name__}\n", 503)
