"""What every ad destination's bench offers to the promises in `test_ads_*.py`. One joins by `ad_bench_NAME.py`
beside this file, with a class `Bench` that keeps this protocol; levers it has no use for do nothing."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from remembering import Kept

from connector.model import Delivery, ListSpec, Purpose, Receipt
from connector.ports import AdDestination

__all__ = ["BENCHES", "LAMPS", "SHADES", "AdBench", "Kept", "Sold", "accounted", "bench_of", "change", "keys"]

BENCHES = sorted(path.stem.removeprefix("ad_bench_") for path in Path(__file__).parent.glob("ad_bench_*.py"))
"""The ad destinations that have a bench here."""
LAMPS = ListSpec(name="bought_lamps", label="Bought: lamps", purpose=Purpose.EXCLUDE)
SHADES = ListSpec(name="bought_shades", label="Bought: shades", purpose=Purpose.EXCLUDE)

Sold = tuple[str, str, tuple[str, ...]]
"""A sale as the platform holds it: order id, `purchase` or `refund`, the ids of its items."""


class AdBench(Protocol):
    """One ad account on a platform that can be made to misbehave, and adapters on it.

    Attributes:
        name: of the platform, as `connector.ads.build` calls it.
        over_http: whether there are calls that can fail, be counted and be refused; False for files.
        answers_later: whether what is accepted is worked through later, so that `confirm` has something to ask.
        refuses_rows: whether the platform can refuse single rows (`refuse`).
        erases_foreign: whether `erase` reaches audiences of the account that are not ours.
        kept: what adapters remember.
    """

    name: str
    over_http: bool
    answers_later: bool
    refuses_rows: bool
    erases_foreign: bool
    kept: Kept

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def destination(self, **settings: Any) -> AdDestination:
        """A new adapter that remembers what earlier ones did; it has counted no call yet."""
        ...

    def audiences(self) -> Mapping[str, str]:
        """Remote id -> label, of every audience of the account, ours or not."""
        ...

    def members(self, remote_id: str) -> set[str]:
        """Match keys of those whom the platform holds in an audience; empty where there is none of this id."""
        ...

    def make_foreign(self, label: str, members: Sequence[str] = ()) -> str:
        """A marketer makes an audience of their own and puts people in; returns its id."""
        ...

    def delete(self, remote_id: str) -> None:
        """A marketer deletes an audience."""
        ...

    def fill_up(self) -> None:
        """The account holds as many audiences as it may: no further one can be made."""
        ...

    def settle(self) -> None:
        """The platform works through everything that it has accepted."""
        ...

    def fail_work(self) -> None:
        """What the platform accepts from now on fails when it is worked through."""
        ...

    def refuse(self, members: Sequence[str]) -> None:
        """The platform refuses these people, and only them, wherever they are added."""
        ...

    def end_session(self) -> None:
        """Access tokens given out so far are good no more."""
        ...

    def revoke(self) -> None:
        """The admin takes our access away for good: no token works any more."""
        ...

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls, as `connector.sandbox.faults.Fault` has it.

        Args:
            at: `create`, `add`, `remove`, `refresh` (what only a refresh does), `drop`, `erase`, `report`, or anything.
        """
        ...

    def works_again(self) -> None:
        """No fault any more."""
        ...

    def watch(self, look: Callable[[], None]) -> None:
        """Call `look` after every change at the platform."""
        ...

    def counts(self) -> Mapping[str, Any]:
        """Requests seen since the last `forget`: `total`, `reads`, `writes`. Those for tokens are not counted."""
        ...

    def forget(self) -> None:
        """Count from zero."""
        ...

    def largest(self) -> int:
        """Rows of the largest request or file part so far."""
        ...

    def urls(self) -> Sequence[str]:
        """Every address (or file name) that was used, with its query."""
        ...

    def sold(self) -> Sequence[Sold]:
        """The sales that the platform holds, each once, in the order in which they came."""
        ...


def bench_of(name: str) -> AdBench:
    """A new bench."""
    made: AdBench = importlib.import_module(f"ad_bench_{name}").Bench()
    return made


def keys(destination: AdDestination, count: int, first: int = 0) -> list[str]:
    """Match keys of so many made-up people, as the destination spells them."""
    found = [destination.match("email", f"buyer{number}@example.com") for number in range(first, first + count)]
    assert None not in found
    return [str(one) for one in found]


def change(add: Sequence[str] = (), remove: Sequence[str] = (), audience: str = LAMPS.name, id: str = "d1") -> Delivery:
    """A change of an audience."""
    return Delivery(id=id, destination="ads", kind="membership", audience=audience, add=add, remove=remove)


def accounted(receipt: Receipt, delivery: Delivery) -> bool:
    """Every match key of the delivery is in exactly one part of the receipt."""
    told = [*receipt.added, *receipt.removed, *receipt.rejected]
    return sorted(told) == sorted([*delivery.add, *delivery.remove]) and not receipt.written
