"""The web server's face of the sandbox Salesforce: as every stand-in's, but its requests keep their headers."""

from dataclasses import replace

from starlette.requests import Request as WebRequest
from starlette.types import Receive, Scope, Send

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.salesforce_exchange import ApiOperation, Request, tidy
from connector.sandbox.server import Server


class SalesforceServer(Server):
    """The ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        web = WebRequest(scope, receive)
        answer = await self._answer(_request(web, await web.body()), web)
        if answer is None:
            await self._hang_up(web, receive)
        else:
            await self._response(answer)(scope, receive, send)

    def _write_down(self, call: Call, operation: Operation | None, answer: Answer | None) -> None:
        if isinstance(operation, ApiOperation) and operation.writes:
            operation = replace(operation, write=operation.writes(call))
        super()._write_down(call, operation, answer)


def _request(web: WebRequest, body: bytes) -> Request:
    scheme, _, token = web.headers.get("authorization", "").partition(" ")
    return Request(
        method=web.method,
        path=tidy(web.scope["path"]),
        query=web.query_params,
        body=body,
        bearer=token if scheme.lower() == "bearer" else "",
        url=str(web.base_url).rstrip("/"),
        headers=web.headers,
    )
