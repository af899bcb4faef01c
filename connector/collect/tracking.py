"""Segment's tracking API, which RudderStack's SDKs speak too, and Segment's webhook destination."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from connector.collect import body, signatures
from connector.collect.desk import Desk
from connector.collect.events import TYPES, Arrival, Refused, line_of
from connector.events.values import moment, several, within

MOST_EVENTS = 2_500
"""Of one batch, as of Segment's "HTTP API Source"."""


def routes(desk: Desk) -> Sequence[Route]:
    """The endpoints that have a secret."""
    api = [Route(f"/v1/{kind}", _one(desk, kind), methods=["POST"]) for kind in TYPES]
    api.append(Route("/v1/batch", _batch(desk), methods=["POST"]))
    webhook = Route("/webhooks/segment", _webhook(desk), methods=["POST"])
    return [*(api if desk.write_key else ()), *([webhook] if desk.segment_secret else ())]


def _one(desk: Desk, kind: str) -> Any:
    async def one(request: Request) -> JSONResponse:
        event = await _authorized(desk, request)
        arrival = Arrival(at=desk.clock(), sent=_sent(event), context={}, objects=_objects(request))
        return await _keep(desk, [{**event, "type": kind}], arrival)

    return one


def _batch(desk: Desk) -> Any:
    async def batch(request: Request) -> JSONResponse:
        call = await _authorized(desk, request)
        arrival = Arrival(at=desk.clock(), sent=_sent(call), context=within(call, "context"), objects=_objects(request))
        return await _keep(desk, several(call, "batch"), arrival)

    return batch


def _webhook(desk: Desk) -> Any:
    async def webhook(request: Request) -> JSONResponse:
        data = await body.read(request, desk.most_bytes)
        given = request.headers.get("x-signature", "").strip().lower()
        if not signatures.same(signatures.of_segment(desk.segment_secret, data), given):
            raise HTTPException(401, "X-Signature is not that of this body")
        told = body.parsed(data)
        events = told if isinstance(told, list) else [told]
        return await _keep(desk, events, Arrival(at=desk.clock(), context={}, relayed=True))

    return webhook


async def _authorized(desk: Desk, request: Request) -> dict[str, Any]:
    """The JSON object of a call that has the write key."""
    given = signatures.user_of(request.headers.get("authorization", ""))
    if not signatures.same(desk.write_key, given):
        raise HTTPException(401, "the user name must be the write key", {"WWW-Authenticate": 'Basic realm="collector"'})
    call = body.parsed(await body.read(request, desk.most_bytes))
    if not isinstance(call, dict):
        raise HTTPException(400, "not a JSON object")
    return call


async def _keep(desk: Desk, events: Sequence[Any], arrival: Arrival) -> JSONResponse:
    """Keep what can be used; 400 where that is nothing, else what was refused is listed."""
    if not 0 < len(events) <= MOST_EVENTS:
        raise HTTPException(400, f"a batch holds 1 to {MOST_EVENTS:,} events")
    lines, refused = [], []
    for index, event in enumerate(events):
        try:
            lines.append(line_of(event, arrival))
        except Refused as problem:
            refused.append({"index": index, "reason": str(problem)})
    if lines:
        await desk.spool.keep(lines)
        return JSONResponse({"success": True, **({"rejected": refused} if refused else {})})
    error = refused[0]["reason"]
    return JSONResponse({"success": False, "error": error, "rejected": refused}, 400)


def _sent(call: Mapping[str, Any]) -> Any:
    return moment(call.get("sentAt"))


def _objects(request: Request) -> bool:
    """Global Privacy Control: any value but "1" says nothing (W3C, "The Sec-GPC Header Field")."""
    return request.headers.get("sec-gpc") == "1"
