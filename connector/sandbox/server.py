"""The web server's face of a stand-in: reads a request, lets faults have it, writes it down, sends the answer."""

import asyncio
import logging
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connector.sandbox.control import CONTROL, Control
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.faults import SPOILT, Fault, Faults
from connector.sandbox.journal import Journal
from connector.sandbox.service import Service

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "::1")


class Server:
    """The ASGI application: `/_sandbox/` goes to the controls, everything else to the service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.journal = Journal()
        self.faults = Faults()
        self.control = Control(service, self.journal, self.faults)
        self.connections: dict[tuple[str, int], asyncio.Transport] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        call = _call(request, await request.body())
        answer = await self._answer(call, request)
        if answer is None:
            await self._hang_up(request, receive)
        else:
            await self._response(answer)(scope, receive, send)

    async def _answer(self, call: Call, request: Request) -> Answer | None:
        if not call.path.startswith(CONTROL):
            return await self._exchange(call)
        if request.client is None or request.client.host not in LOOPBACK:
            return self.service.trouble(404)
        return self.control.answer(call)

    async def _exchange(self, call: Call) -> Answer | None:
        operation, params = self.service.operations.find(call.method, call.path) or (None, {})
        call = replace(call, params=params)
        fault = self.faults.take(call.method, call.path)
        if fault:
            await asyncio.sleep(fault.delay_seconds)
        answer = self._outcome(fault, operation, call)
        self._write_down(call, operation, answer)
        return answer

    def _outcome(self, fault: Fault | None, operation: Operation | None, call: Call) -> Answer | None:
        if fault is None or not fault.replaces:
            return self._carry_out(operation, call)
        if fault.after_effect:
            self._carry_out(operation, call)
        if fault.drop:
            return None
        answer = self._spoilt(fault, operation, call)
        return replace(answer, headers={**answer.headers, SPOILT: "1"})

    def _spoilt(self, fault: Fault, operation: Operation | None, call: Call) -> Answer:
        if fault.cut:
            answer = self._carry_out(operation, call)
            return replace(answer, content=(body := answer.encoded())[: len(body) // 2])
        return self.service.nothing() if fault.empty else self._failure(fault)

    def _carry_out(self, operation: Operation | None, call: Call) -> Answer:
        try:
            return self.service.answer(operation, call)
        except Exception:
            log.exception("the sandbox failed at %s %s", call.method, call.path)
            return self.service.trouble(500)

    def _failure(self, fault: Fault) -> Answer:
        answer = self.service.trouble(fault.status)
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return replace(answer, content=fault.body or answer.content, headers=headers)

    def _write_down(self, call: Call, operation: Operation | None, answer: Answer | None) -> None:
        self.journal.write(
            call,
            operation=operation.name if operation else f"{call.method} unknown",
            write=operation.write if operation else call.method != "GET",
            status=answer.status if answer else 0,
            at=self.service.clock.milliseconds(),
            secret=operation.open if operation else False,
        )

    def _response(self, answer: Answer) -> Response:
        headers = {"Date": self.service.clock.http_date(), **answer.headers}
        body = answer.encoded()
        return Response(body, answer.status, headers, "application/json;charset=utf-8" if body else None)

    async def _hang_up(self, request: Request, receive: Receive) -> None:
        if request.client and (transport := self.connections.get((request.client.host, request.client.port))):
            transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def _call(request: Request, body: bytes) -> Call:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return Call(
        method=request.method,
        path=request.scope["path"],
        query=request.query_params,
        body=body,
        bearer=token if scheme.lower() == "bearer" else "",
        url=str(request.base_url).rstrip("/"),
    )
