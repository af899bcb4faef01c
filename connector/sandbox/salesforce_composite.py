"""Several requests in one call, one after the other; a later one may use what an earlier one answered.

Source: REST API guide, "Composite" and "Composite Batch": at most 25 subrequests, of which five may be queries or
collections; a composite counts as one call, each request of a batch for itself.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams

from connector.sandbox.exchange import Answer, Call
from connector.sandbox.salesforce_door import Door
from connector.sandbox.salesforce_errors import Failed, failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_org import Org, Session, savepoint
from connector.sandbox.salesforce_rest import DATA, base, body

MOST = 25
MOST_HEAVY = 5
HEAVY = ("query", "queryAll", "composite/sobjects")
ALLOWED = ("sobjects", *HEAVY)
HALTED = "The transaction was rolled back since another operation in the same transaction failed."
_REFERENCE = re.compile(r"@\{([^}.]+)\.?([^}]*)\}")

Dispatch = Callable[[Session, Request], Answer]


class Inside:
    """How a request within a request is carried out; the facade says so when it is made."""

    def __init__(self, org: Org) -> None:
        self.dispatch: Dispatch


def composite(session: Session, request: Request) -> Answer:
    """Do the subrequests; with allOrNone, one that fails takes all back."""
    asked = body(request)
    parts = asked.get("compositeRequest")
    if not isinstance(parts, list) or not parts:
        raise failed("INVALID_INPUT", "compositeRequest: a list of subrequests is required.")
    _check(parts)
    with savepoint(session.org) as take_back:
        results = _all(session, request, parts)
        if asked.get("allOrNone") and any(one["httpStatusCode"] >= 300 for one in results):
            take_back()
            results = [one if one["httpStatusCode"] >= 300 else _halted(one["referenceId"]) for one in results]
    return Answer(content={"compositeResponse": results})


def _check(parts: list[Any]) -> None:
    if len(parts) > MOST:
        raise failed("LIMIT_EXCEEDED", f"The Composite API supports a maximum of {MOST} subrequests per request.")
    names = [part.get("referenceId") for part in parts]
    if not all(names) or len(set(names)) < len(names):
        raise failed("INVALID_INPUT", "Every subrequest needs a referenceId of its own.")
    heavy = sum(_resource(str(part.get("url", ""))).startswith(HEAVY) for part in parts)
    if heavy > MOST_HEAVY:
        message = f"At most {MOST_HEAVY} subrequests of a composite can be sObject Collections or query operations."
        raise failed("LIMIT_EXCEEDED", message)


def _resource(url: str) -> str:
    return re.sub(r"^/services/data/[^/]+/", "", url)


def _all(session: Session, request: Request, parts: list[Any]) -> list[dict[str, Any]]:
    known: dict[str, Any] = {}
    results = []
    for part in parts:
        answer = _one(session, request, part, known)
        if answer.status < 300:
            known[part["referenceId"]] = answer.content
        results.append(_told(part["referenceId"], answer))
    return results


def _one(session: Session, request: Request, part: Mapping[str, Any], known: Mapping[str, Any]) -> Answer:
    try:
        url = _filled(str(part.get("url", "")), known)
        content = _filled_in(part.get("body"), known)
    except Failed as error:
        return error.answer()
    if not _resource(url).startswith(ALLOWED):
        return failed("NOT_FOUND", "The requested resource does not exist").answer()
    headers = part.get("httpHeaders") or {}
    inner = inside(request, str(part.get("method", "GET")), url, content, headers)
    return session.org.part(Inside).dispatch(session, inner)


def inside(request: Request, method: str, url: str, content: Any, headers: Mapping[str, str]) -> Request:
    """A request within a request."""
    split = urlsplit(url)
    text = b"" if content is None else json.dumps(content).encode()
    query = QueryParams(split.query)
    return Request(
        method=method.upper(), path=split.path, query=query, body=text, url=request.url, headers=Headers(headers)
    )


def _told(name: str, answer: Answer) -> dict[str, Any]:
    headers = {key: value for key, value in answer.headers.items() if key == "Location"}
    return {"body": answer.content, "httpHeaders": headers, "httpStatusCode": answer.status, "referenceId": name}


def _halted(name: str) -> dict[str, Any]:
    return _told(name, failed("PROCESSING_HALTED", HALTED).answer())


def _filled_in(content: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(content, str):
        return _filled(content, known)
    if isinstance(content, Mapping):
        return {name: _filled_in(value, known) for name, value in content.items()}
    return [_filled_in(one, known) for one in content] if isinstance(content, list) else content


def _filled(text: str, known: Mapping[str, Any]) -> str:
    """Text with `@{name.path}` replaced. Fails with PROCESSING_HALTED where an earlier answer has no such thing."""
    return _REFERENCE.sub(lambda found: str(_value(found, known)), text)


def _value(found: re.Match[str], known: Mapping[str, Any]) -> Any:
    value: Any = known.get(found[1])
    try:
        for key in re.findall(r"\w+", found[2]):
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (KeyError, IndexError, TypeError, ValueError):
        value = None
    if value is None:
        message = f"Invalid reference specified. No value for {found[1]}.{found[2]} found in {found[1]}"
        raise failed("PROCESSING_HALTED", message)
    return value


def batch(session: Session, request: Request) -> Answer:
    """Do the subrequests, each for itself; each counts as a call."""
    asked = body(request)
    parts = asked.get("batchRequests") or []
    if len(parts) > MOST:
        raise failed("LIMIT_EXCEEDED", f"A batch can hold at most {MOST} subrequests.")
    session.org.part(Door).count(max(0, len(parts) - 1))
    results: list[dict[str, Any]] = []
    for part in parts:
        url = f"/services/data/{str(part.get('url', '')).lstrip('/')}"
        inner = inside(request, str(part.get("method", "GET")), url, part.get("richInput"), {})
        answer = session.org.part(Inside).dispatch(session, inner)
        results.append({"statusCode": answer.status, "result": answer.content})
        if asked.get("haltOnError") and answer.status >= 400:
            break
    return Answer(content={"hasErrors": any(one["statusCode"] >= 400 for one in results), "results": results})


def composites(session: Session, request: Request) -> Answer:
    """What there is of the kind."""
    names = {"batch": "composite/batch", "sobjects": "composite/sobjects"}
    return Answer(content={name: f"{base(request)}/{path}" for name, path in names.items()})


def writes(call: Call) -> bool:
    """Whether a call changes anything: one that is made of GETs alone does not."""
    return any(method in call.body for method in (b'"POST"', b'"PATCH"', b'"DELETE"', b'"PUT"'))


OPERATIONS = [
    operation("GET", f"{DATA}/composite", composites),
    operation("POST", f"{DATA}/composite", composite, write=True, in_steps=True, writes=writes),
    operation("POST", f"{DATA}/composite/batch", batch, write=True, in_steps=True, writes=writes),
]
