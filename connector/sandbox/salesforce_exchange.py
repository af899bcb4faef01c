"""One request to the sandbox Salesforce, with its headers, of which Salesforce reads many; and what answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.datastructures import Headers

from connector.sandbox.exchange import Answer, Call, Handler, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Call):
    """A call with its headers.

    Attributes:
        headers: found in any case. They may hold a secret, so they are not printed.
    """

    headers: Mapping[str, str] = field(default_factory=lambda: Headers({}), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOperation(Operation):
    """An operation whose handler is given a session and a request.

    Attributes:
        in_steps: it writes, but opens its transactions itself, one after the other.
        writes: whether a call of it writes, where that depends on what it holds.
    """

    in_steps: bool = False
    writes: Callable[[Call], bool] | None = None


def tidy(path: str) -> str:
    """A path without the slashes that clients leave when they join addresses carelessly; Salesforce lets them."""
    return path.replace("//", "/").rstrip("/") or "/"


def operation(method: str, path: str, handle: Callable[[Any, Request], Answer], **more: Any) -> ApiOperation:
    """An operation of Salesforce's; `more` are further attributes of `ApiOperation`."""
    return ApiOperation(method=method, path=path, handle=cast(Handler, handle), **more)
