"""Who is in an audience: changes by /users, and people taken out of every audience of the account."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from connector.ads._identifiers import readable
from connector.ads._meta.answers import Refused
from connector.ads._meta.api import Api
from connector.ads._meta.audiences import Audiences
from connector.ads._meta.rows import MOST, payload, rejected
from connector.model import Delivery, Receipt


def new_session() -> int:
    """An id that no other upload of the ad account has: positive, of 63 bits."""
    return secrets.randbits(62) + 1


class Members:
    """Puts people in and takes them out."""

    def __init__(self, api: Api, audiences: Audiences) -> None:
        self._api = api
        self._audiences = audiences

    def deliver(self, delivery: Delivery) -> Receipt:
        """Those who join first: their ads stop. See `connector.ports.AdDestination.deliver`."""
        refused = self._users("POST", delivery.audience, delivery.add)
        refused |= self._users("DELETE", delivery.audience, delivery.remove)
        return Receipt(
            added=[one for one in delivery.add if one not in refused],
            removed=[one for one in delivery.remove if one not in refused],
            rejected=refused,
        )

    def _users(self, method: str, audience: str, members: Sequence[str]) -> dict[str, str]:
        good, bad = readable(members)
        if not good:
            return bad
        what = "add people" if method == "POST" else "remove people"
        limited = self._api.settings.limited_data_use and method == "POST"
        told = {"payload": payload(good, limited=limited), "session": _session(len(good))}
        try:
            body = self._api.call(method, f"{self._audiences.id(audience)}/users", what, told)
        except Refused as refused:
            raise self._audiences.told(audience, refused) from None
        return bad | rejected(good, body, what)

    def erase(self, members: Sequence[str]) -> Mapping[str, str]:
        """See `connector.ports.AdDestination.erase`."""
        good, told = readable(members)
        for start in range(0, len(good), MOST):
            told |= self._erased(good[start : start + MOST])
        return told

    def _erased(self, members: Sequence[str]) -> dict[str, str]:
        what = "remove people from every audience"
        path = f"{self._api.settings.node}/usersofanyaudience"
        body = self._api.call("DELETE", path, what, {"payload": payload(members)})
        return dict.fromkeys(members, "") | rejected(members, body, what)


def _session(count: int) -> dict[str, Any]:
    return {"session_id": new_session(), "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": count}
