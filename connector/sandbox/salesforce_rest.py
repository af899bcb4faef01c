"""What the rooms of the REST API have in common: where they are, how a body is read, how a record's address is told."""

import json
from collections.abc import Mapping
from typing import Any

from connector.sandbox.salesforce_errors import Failed, failed
from connector.sandbox.salesforce_exchange import Request

DATA = "/services/data/{version}"


def base(request: Request) -> str:
    """`/services/data/v68.0`, as the request came."""
    return f"/services/data/{request.params['version']}"


def attributes(at: str, kind: str, id: str) -> dict[str, str]:
    """What every record says of itself first."""
    return {"type": kind, "url": f"{at}/sobjects/{kind}/{id}"}


def body(request: Request) -> dict[str, Any]:
    """The request's JSON object. Fails for anything else."""
    try:
        read = json.loads(request.body)
    except ValueError:
        raise _unreadable() from None
    if not isinstance(read, Mapping):
        raise _unreadable()
    return dict(read)


def _unreadable() -> Failed:
    return failed(
        "JSON_PARSER_ERROR", "Unexpected character or end of input: a JSON object is wanted at [line:1, column:1]"
    )


def batch_size(request: Request, most: int) -> int:
    """Rows of one page: what the header asks for, 200 to the most that there may be."""
    for part in request.headers.get("Sforce-Query-Options", "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "batchSize" and value.isdigit():
            return min(max(int(value), 200), most)
    return most
