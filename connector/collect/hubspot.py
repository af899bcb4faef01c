"""HubSpot's webhooks: a true one asks for a pass soon. What it says is not used: the pass reads what it needs."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.collect import body, signatures
from connector.collect.desk import Desk

REMEMBERED = 10_000
"""Signatures. More calls than that within the window are as well answered by one pass."""


def routes(desk: Desk) -> Sequence[Route]:
    """The endpoint, where the app's secret is known."""
    return [Route("/webhooks/hubspot", _webhook(desk), methods=["POST"])] if desk.hubspot_secret else []


def _webhook(desk: Desk) -> Any:
    seen: OrderedDict[str, None] = OrderedDict()

    async def webhook(request: Request) -> Response:
        signature = await _signed(desk, request)
        if signature not in seen:  # the same call again, from whomever, brings nothing new
            seen[signature] = None
            while len(seen) > REMEMBERED:
                seen.popitem(last=False)
            desk.wake()
        return Response(status_code=204)

    return webhook


async def _signed(desk: Desk, request: Request) -> str:
    """The signature of a call that HubSpot has signed within the last minutes. Raises HTTPException: 401."""
    timestamp = request.headers.get("x-hubspot-request-timestamp", "")
    given = request.headers.get("x-hubspot-signature-v3", "")
    data = await body.read(request, desk.most_bytes)
    wanted = signatures.of_hubspot(desk.hubspot_secret, request.method, _uri(desk, request), data, timestamp)
    if not signatures.same(wanted, given):
        raise HTTPException(401, "X-HubSpot-Signature-v3 is not that of this call; is collect.public_url its address?")
    if not signatures.is_recent(timestamp, desk.clock()):
        raise HTTPException(401, "X-HubSpot-Request-Timestamp is more than five minutes away from now")
    return wanted


def _uri(desk: Desk, request: Request) -> str:
    """As HubSpot called it: a proxy in between may have changed name and scheme, but not the rest."""
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return f"{desk.public_url}{path}{'?' if query else ''}{query}"
