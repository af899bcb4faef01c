"""What a test or a demo does to the sandbox Meta at once: a marketer's own audiences, flags, refusals, limits."""

from collections.abc import Callable, Sequence
from typing import Any

from connector.sandbox.meta_account import Account
from connector.sandbox.meta_rows import KEYS


class Levers:
    """Each may be called from any thread."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def make_audience(self, name: str, members: Sequence[str] = (), subtype: str = "CUSTOM") -> str:
        """A marketer makes an audience and puts people in (`email:` and the hash in hexadecimal). Returns its id."""
        empty = {"description": "", "restriction": "", "labels": "[]", "flagged": False}
        with self._account.lock:
            id = self._account.make(name=name, subtype=subtype, **empty)
            self._account.add(id, 1, [(_key(one), False) for one in members])
            return str(id)

    def delete_audience(self, id: str) -> None:
        """A marketer deletes an audience."""
        with self._account.lock:
            self._account.delete(int(id))

    def flag_audience(self, id: str, flagged: bool = True) -> None:
        """Meta flags an audience, or lets go of it after an appeal."""
        with self._account.lock:
            self._account.change(int(id), {"flagged": flagged})

    def fill_up(self) -> int:
        """A marketer makes audiences until there may be no more. Returns how many."""
        there = len(self._account.audiences())
        wanted = range(there, self._account.settings.audience_limit)
        return len([self.make_audience(f"Campaign {number}") for number in wanted])

    def refuse(self, hashes: Sequence[str]) -> None:
        """Rows with one of these hashes are invalid from now on."""
        self._account.refused |= {bytes.fromhex(one) for one in hashes}

    def exhaust(self, minutes: float) -> None:
        """The account has made too many calls, and gets no answer for so many minutes."""
        self._account.blocked_until = self._account.clock.milliseconds() + round(minutes * 60_000)

    def all(self) -> dict[str, Callable[..., Any]]:
        """Lever -> what it does, given its arguments by name."""
        names = [name for name in vars(Levers) if not name.startswith("_") and name != "all"]
        return {name: getattr(self, name) for name in names}


def _key(member: str) -> tuple[str, bytes]:
    kind, _, digest = member.partition(":")
    if kind.upper() not in KEYS:
        raise ValueError(f"no member is named by {kind!r}")
    return kind, bytes.fromhex(digest)
