"""An ad platform in memory that keeps the port's promises and writes down what it is told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from connector import identifiers
from connector.ads._identifiers import key
from connector.errors import RetryLater
from connector.model import AdTerms, Calls, Delivery, Ensured, Finding, ListSpec, Receipt, Sale


class Recorder:
    """Takes everything, but for what it is told to refuse.

    Attributes:
        refusing: words with which it refuses to erase or to be told of sales.
        down: it answers nothing.
    """

    def __init__(self, name: str = "ad_platform", batch: int = 1_000) -> None:
        self.name, self._batch = name, batch
        self.terms = AdTerms(takes_sales=True, effect=timedelta(hours=24))
        self.calls = Calls()
        self.erased: set[str] = set()
        self.sales: dict[str, Sale] = {}
        self.told: list[list[str]] = []
        self.refusing, self.down = "", False

    def match(self, kind: str, value: str) -> str | None:
        spelled = {"email": identifiers.email, "phone": identifiers.phone}[kind](value)
        return key(kind, spelled) if spelled else None

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        return Ensured(ids={each.name: each.name for each in lists})

    def deliver(self, delivery: Delivery) -> Receipt:
        return Receipt(added=delivery.add, removed=delivery.remove)

    def refresh(self, audience: str, members: Iterable[Sequence[str]], *, sure: bool = False) -> Receipt:
        return Receipt(added=[one for part in members for one in part])

    def confirm(self, note: Callable[[Mapping[str, str]], None] = lambda told: None) -> Mapping[str, str]:
        return {}

    def drop(self, audience: str) -> None:
        """Nothing to delete."""

    def erase(self, members: Sequence[str]) -> Mapping[str, str]:
        if self.down:
            raise RetryLater("the platform is down")
        if not self.refusing:
            self.erased |= set(members)
        return dict.fromkeys(members, self.refusing)

    def report(self, sales: Sequence[Sale]) -> Receipt:
        if self.down:
            raise RetryLater("the platform is down")
        if self.refusing:
            return Receipt(rejected={sale.key: self.refusing for sale in sales})
        self.told.append([sale.key for sale in sales])
        self.sales |= {sale.key: sale for sale in sales}
        return Receipt(written=dict.fromkeys([sale.key for sale in sales]))

    def check(self) -> Sequence[Finding]:
        return ()

    def close(self) -> None:
        """Nothing to let go of."""

    def batch_size(self, kind: str) -> int:
        return self._batch
