"""The collector as one web application: only endpoints that are switched on, and answers that quote nothing."""

from typing import cast

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from connector.collect import hubspot, pixel, tracking
from connector.collect.desk import Desk
from connector.collect.rate import Buckets, RateLimit
from connector.errors import RetryLater

log = structlog.get_logger()

RETRY_AFTER = "30"
"""Seconds until a disk may have room again."""


def build(desk: Desk) -> Starlette:
    """The application over what is switched on."""
    return Starlette(
        routes=[*tracking.routes(desk), *pixel.routes(desk), *hubspot.routes(desk)],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=list(desk.origins),
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type", "content-encoding"],
            ),
            Middleware(RateLimit, buckets=Buckets(desk.per_second)),
        ],
        exception_handlers={HTTPException: _refuse, RetryLater: _wait, Exception: _fault},
    )


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    told = cast(HTTPException, error)
    return JSONResponse({"error": told.detail}, told.status_code, told.headers)


async def _wait(request: Request, error: Exception) -> JSONResponse:
    """The disk refused: whoever sent this must send it again."""
    told = cast(RetryLater, error)
    log.error("collector_cannot_keep", reason=told.message, hint=told.hint)
    return JSONResponse({"error": "not kept; send this again later"}, 503, {"Retry-After": RETRY_AFTER})


async def _fault(request: Request, error: Exception) -> JSONResponse:
    """Its text may hold what a customer wrote: the kind must do."""
    log.error("collector_failed", reason=type(error).__name__)
    return JSONResponse({"error": "this should not have happened; send this again later"}, 500)
