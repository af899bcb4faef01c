"""A third CRM, kept in memory: what an adapter takes where the other side is kind. Its account: memory_account.

What each method promises stands in `connector.ports`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connector.crms import BROUGHT_BACK
from connector.errors import GuardStop, LamplighterError, ListGone, RetryLater, SetupError
from connector.limits import TRANSIENT, Again, Clock, DailyBudget, Repeat, Retry, Retrying
from connector.model import Batch, Calls, Cursor, Delivery, Ensured, Finding, ListSpec, Receipt
from connector.ports import SILENCE, Held, Known
from connector.schema import SEEN

LIST, LATER, CONNECT = "list", "lamplighter run", "lamplighter connect memory"
DELETED = "it was deleted a second time; to bring it back: lamplighter retry --list {}"


class Memory:
    name = "memory"

    def __init__(self, account: Any, remembered: Any, token: Any, on_repeat: Any, reserve_percent: float = 0) -> None:
        self._account, self._remembered, self._token, self._on_repeat = account, remembered, token, on_repeat
        self.calls = Calls(floor=0)
        self._budget = DailyBudget("Memory", reserve_percent, Clock(), lambda: datetime.now(UTC) + timedelta(hours=1))
        self._retrying = Retrying(system="Memory", policy=Retry(attempts=4), on_repeat=self._repeated)

    def _call(self, operation: str, **told: Any) -> Any:
        if answer := self._retrying.call(operation, lambda: self._once(operation, told)):
            return answer
        raise RetryLater(f"Memory answered {operation} with nothing; what is done is kept", hint=LATER)

    def _repeated(self, repeat: Repeat) -> None:
        self.calls.retried += 1
        self._on_repeat(repeat)

    def _once(self, operation: str, told: Mapping[str, Any]) -> Any:
        if not (token := self._token()).isascii() or not token.isprintable() or not token or " " in token:
            raise SetupError("this is no token of Memory", hint=CONNECT)
        self._budget.spend()
        self.calls.made += 1
        answer = self._account.answer(operation, token, told)
        self.calls.writes += answer.write
        self.calls.reads, self.calls.floor = self.calls.made - self.calls.writes, self.calls.made - self.calls.retried
        self.calls.budget_left = answer.left
        self._budget.heard(answer.limit, answer.left)
        if answer.status in TRANSIENT:
            raise Again(f"Memory answered {answer.status}")
        if answer.status >= 400:
            raise SetupError(f"Memory refused {operation} ({answer.status}) {answer.scope}", hint=CONNECT)
        return answer.content

    def streams(self) -> Sequence[str]:
        return ("product", "contact", "order_header", "order_line")

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        page: dict[str, Any] = {"cursor": cursor, "more": True}
        while page["more"]:
            page = self._call(f"page/{stream}", after=page["cursor"])
            held = known([row["key"] for row in page["rows"]])
            news = [row for row in page["rows"] if row["key"] not in held or held[row["key"]] < row["version"]]
            yield _batch(stream, news, len(page["rows"]), page["cursor"])

    def forecast(self, cursors: Mapping[str, Cursor | None]) -> int:
        ahead = {one: at for one, at in cursors.items() if not (at and at["end"])}
        return len(cursors) - len(ahead) + sum(self._call(f"count/{one}", after=ahead[one])["pages"] for one in ahead)

    def sweeps(self) -> Mapping[str, timedelta]:
        return {"gone": timedelta(days=7)}

    def sweep(self, name: str, cursor: Cursor | None, held: Held, *, approved: bool = False) -> Iterator[Batch]:
        if name not in self.sweeps():
            raise SetupError(f"Memory has no sweep {name!r}", hint="there is gone")
        done = cursor["done"] if cursor else 0
        for number, stream in enumerate(self.streams()[done:], done + 1):
            told = self._call(f"compare/{stream}", held=(ours := held(stream)).to_pylist())
            if not approved and not SILENCE.allows(told["lost"], ours.num_rows):
                raise GuardStop(f"Memory lists {told['lost']:,} {stream} records no more", hint=LATER)
            yield _batch(stream, told["rows"], told["read"], {"done": number}, told["erased"])

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        ids = {each.name: self._remembered.get(LIST, each.name) or self._stand(each) for each in lists}
        refused = {name: DELETED.format(name) for name, id in ids.items() if not id}
        return Ensured(ids={name: id for name, id in ids.items() if id}, refused=refused)

    def _stand(self, wanted: ListSpec) -> str:
        back = self._remembered.get(BROUGHT_BACK, wanted.name)
        made = self._call("create_list", mark=wanted.name, name=f"Lamplighter: {wanted.label}", restore=not back)
        self._remembered.put(BROUGHT_BACK, wanted.name, made["restored"] or back or "")
        self._remembered.put(LIST, wanted.name, made["id"])
        return str(made["id"])

    def _of_list(self, name: str, operation: str, **told: Any) -> Any:
        id = self._remembered.get(LIST, name)
        answer = self._call(operation, id=id, **told) if id else {"gone": True}
        if "gone" in answer:
            self._remembered.put(LIST, name, "")
            raise ListGone(name)
        return answer

    def members(self, audience: str) -> Iterator[Sequence[str]]:
        yield self._of_list(audience, "members")["ids"]

    def alive(self, members: Sequence[str]) -> frozenset[str]:
        return frozenset(self._call("alive", ids=members)["ids"])

    def provision(self) -> None:
        """The fields are there from the first day."""

    def deliver(self, delivery: Delivery) -> Receipt:
        return self._settled(delivery, "change") if delivery.size else Receipt()

    def read_back(self, delivery: Delivery) -> Receipt:
        return self._settled(delivery, "see")

    def _settled(self, delivery: Delivery, verb: str) -> Receipt:
        if delivery.kind == "properties":
            return Receipt(**self._call(f"{verb}_properties", values=delivery.values))
        return Receipt(**self._of_list(delivery.audience, f"{verb}_members", add=delivery.add, remove=delivery.remove))

    def close(self) -> None: ...

    def batch_size(self, kind: str) -> int:
        return 500

    def check(self) -> Sequence[Finding]:
        try:
            lacking = self._call("scopes_lacking")["lacking"]
        except LamplighterError as error:
            return [Finding(ok=False, title="account", detail=error.message, fix=error.hint)]
        return [
            Finding(ok=not lacking, title="scopes", detail=f"lacking: {lacking}", fix="grant it" if lacking else "")
        ]


def _batch(stream: str, rows: Sequence[Any], read: int, cursor: Cursor, erased: Sequence[str] = ()) -> Batch:
    tables = {stream: pa.Table.from_pylist(list(rows), schema=SEEN[stream])} if rows else {}
    gone = {stream: erased} if erased else {}
    return Batch(tables=tables, cursor=cursor, read=read, kept=len(rows), skipped=read - len(rows), erased=gone)
