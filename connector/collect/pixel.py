"""The first-party pixel: its script, the endpoint that it calls, and what browsers ask about privacy signals.

Nothing is kept of anybody who has not granted ads; of those who object, that they do.
"""

import base64
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.collect import body
from connector.collect.desk import Desk
from connector.collect.events import Arrival, Refused, line_of
from connector.events.consent_signals import said
from connector.events.values import text, within

MOST_BYTES = 24_000
"""Of a call: a TC string can be long, the rest is not."""
EVENTS = {"view": "Product Viewed", "cart": "Product Added", "impression": "Ad Impression"}
OBJECTION = "consent"
"""What is called where nothing was done but to say no."""
GPC_SINCE = "2026-11-22"
"""When honouring it was last changed ("GPC Support Resource", W3C)."""
_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_UNCACHED = {"Cache-Control": "no-store"}


def routes(desk: Desk) -> Sequence[Route]:
    """The pixel, where it is switched on."""
    if not desk.pixel:
        return ()
    return (
        Route("/pixel.js", _script, methods=["GET"]),
        Route("/pixel", _pixel(desk), methods=["GET", "POST"]),
        Route("/.well-known/gpc.json", _gpc, methods=["GET"]),
    )


def script() -> bytes:
    """The script that pages include."""
    return files("connector.collect").joinpath("pixel.js").read_bytes()


async def _script(request: Request) -> Response:
    return Response(script(), media_type="text/javascript", headers={"Cache-Control": "public, max-age=3600"})


async def _gpc(request: Request) -> Response:
    return JSONResponse({"gpc": True, "lastUpdate": GPC_SINCE})


def _pixel(desk: Desk) -> Any:
    async def pixel(request: Request) -> Response:
        _check_origin(desk, request)
        call = _of_query(request) if request.method == "GET" else body.parsed(await body.read(request, MOST_BYTES))
        if not isinstance(call, dict):
            raise HTTPException(400, "not a JSON object")
        await _take(desk, call, objects=request.headers.get("sec-gpc") == "1")
        return _answer(request)

    return pixel


def _answer(request: Request) -> Response:
    """An image element wants an image."""
    if request.method == "GET":
        return Response(_GIF, media_type="image/gif", headers=_UNCACHED)
    return Response(status_code=204, headers=_UNCACHED)


def _check_origin(desk: Desk, request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin not in desk.origins:
        raise HTTPException(403, "collect.origins does not name this site")


def _of_query(request: Request) -> dict[str, Any]:
    """The same words as in a body; `consent` is 1 or 0, or a TC string stands in `tcf`."""
    asked = dict(request.query_params)
    consent: dict[str, Any] = {"granted": asked["consent"] == "1"} if "consent" in asked else {}
    if "tcf" in asked:
        consent["tcfString"] = asked["tcf"]
    return {**asked, "consent": consent}


async def _take(desk: Desk, call: Mapping[str, Any], *, objects: bool) -> None:
    """Keep a call if consent allows it; an objection is kept without what was looked at."""
    event = _event(call)
    words = said(event, desk.tcf_vendors)
    if (words is None and not objects) or not (event["anonymousId"] or event["userId"]):
        return
    if objects or (words and not words.granted):
        event = {**event, "event": "Consent Preference Updated", "properties": {}}
    try:
        line = line_of(event, Arrival(at=desk.clock(), context={}, objects=objects))
    except Refused as problem:
        raise HTTPException(400, str(problem)) from None
    await desk.spool.keep([line])


def _event(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call as an event in Segment's spec."""
    kind = call.get("kind")
    if kind not in EVENTS and kind != OBJECTION:
        raise HTTPException(400, f"kind: none of {', '.join((*EVENTS, OBJECTION))}")
    consent = {name: within(call, "consent").get(name) for name in ("granted", "tcfString", "consentMode")}
    return {
        "type": "track",
        "event": EVENTS.get(str(kind), "Consent Preference Updated"),
        "messageId": text(call.get("message")),
        "anonymousId": text(call.get("id")),
        "userId": text(call.get("user")),
        "properties": {"product_id": text(call.get("product"))},
        "context": {
            "campaign": {"name": text(call.get("campaign"))},
            "consent": {name: value for name, value in consent.items() if value is not None},
        },
    }
