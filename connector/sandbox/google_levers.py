"""What a test does to the sandbox Google beyond its API."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.sandbox.google_account import Account
from connector.sandbox.google_oauth import Tokens


class Levers:
    """Each raises ValueError for what there is not."""

    def __init__(self, account: Account, tokens: Tokens) -> None:
        self._account = account
        self._tokens = tokens

    def close_list(self, list_id: str) -> None:
        """Google closes a list that no campaign has used for long."""
        with self._account.lock:
            if list_id not in self._account.lists:
                raise ValueError(f"there is no user list {list_id}")
            self._account.lists[list_id].resource |= {"membershipStatus": "CLOSED", "closingReason": "UNUSED"}

    def settle(self) -> None:
        """Everything that was accepted has been worked through."""
        with self._account.lock:
            self._account.settle()

    def fail_work(self, failing: bool = True) -> None:
        """What is accepted from now on fails when it is worked through."""
        self._account.failing = failing

    def refuse(self, hashes: Sequence[str]) -> None:
        """These hashes, as `e` or `p` and hexadecimal digits, are called malformed wherever they come in."""
        self._account.refused |= {one[:1].encode() + bytes.fromhex(one[1:]) for one in hashes}

    def forget_requests(self) -> None:
        """Google does not know any more what became of requests."""
        self._account.accepted.clear()

    def end_tokens(self) -> int:
        """Access tokens given out so far are good no more. Returns how many there were."""
        ended = len(self._tokens.ends)
        self._tokens.ends.clear()
        return ended

    def all(self) -> Mapping[str, Callable[..., Any]]:
        """Name -> lever."""
        named = (self.close_list, self.settle, self.fail_work, self.refuse, self.forget_requests, self.end_tokens)
        return {one.__name__: one for one in named}
