"""What an admin should know of the ad account before the first run: each finding with its fix. Reads only."""

from collections.abc import Callable, Iterator

from connector.ads._meta.answers import CHECK, PERMISSION_FIX, TERMS_FIX, TOKEN_FIX
from connector.ads._meta.api import Api, Body, rows
from connector.ads._meta.audiences import APPEAL, CUSTOM, Audiences, flagged
from connector.errors import LamplighterError, RetryLater
from connector.model import Finding

NEEDED = "ads_management"
ACCOUNT_LIMIT = 500
"""Customer-file audiences of one account (Meta, "Customer File Custom Audiences", FAQ)."""
TERMS = "custom_audience_tos"
ACTIVE = 1
"""Of `account_status`."""


class Doctor:
    """Looks at token, permissions, account, terms, audiences and dataset."""

    def __init__(self, api: Api, audiences: Audiences) -> None:
        self._api = api
        self._audiences = audiences

    def findings(self) -> Iterator[Finding]:
        """One line for each thing looked at; the first that makes the others pointless ends it."""
        for what, look in (("token", self._token), ("account", self._account)):
            findings = list(self._looked(what, look))
            yield from findings
            if not all(one.ok for one in findings):
                return
        yield from self._looked("audiences", self._lists)
        yield from self._looked("sales", self._dataset)

    def _looked(self, what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        try:
            yield from look()
        except RetryLater as error:
            yield _bad(what, error.message, f"wait a while, then {CHECK}")
        except LamplighterError as error:
            yield _bad(what, error.message, error.hint)

    def _token(self) -> Iterator[Finding]:
        look = "look at the token"
        told = rows(self._api.call("GET", "me/permissions", look), look)
        granted = {one.get("permission") for one in told if one.get("status") == "granted"}
        if NEEDED not in granted:
            yield _bad("token", f"it lacks {NEEDED}", TOKEN_FIX)
            return
        proved = ", with proof of the app's secret" if self._api.settings.app_secret else ""
        yield _good("token", f"it may manage ads{proved}")

    def _account(self) -> Iterator[Finding]:
        node = self._api.settings.node
        told = self._api.call("GET", node, "look at the account", {"fields": "name,account_status,tos_accepted"})
        if told.get("account_status") != ACTIVE:
            yield _bad("account", f"{node} is not active", "look at it in Meta's Ads Manager")
            return
        yield _good("account", node)
        if not (told.get("tos_accepted") or {}).get(TERMS):
            yield _bad("terms", "the Custom Audience Terms are not accepted", TERMS_FIX.format(CHECK))

    def _lists(self) -> Iterator[Finding]:
        there = [one for one in self._audiences.all() if one.get("subtype") == CUSTOM]
        ours = self._audiences.remembered()
        others = len(there) - ours
        detail = f"{ours} of ours and {others} of others; an account may have {ACCOUNT_LIMIT}"
        room = self._api.settings.max_lists
        if others + room > ACCOUNT_LIMIT:
            fix = f"set ads.meta.max_lists to {max(0, ACCOUNT_LIMIT - others)} or less, or delete audiences"
            yield _bad("audiences", f"{detail}, and ads.meta.max_lists allows us {room}", fix)
        else:
            yield _good("audiences", detail)
        yield from (_bad("audiences", f"Meta has flagged audience {one['id']}", APPEAL) for one in self._stopped(there))

    def _stopped(self, there: list[Body]) -> list[Body]:
        return [one for one in there if flagged(one) and self._audiences.is_ours(one)]

    def _dataset(self) -> Iterator[Finding]:
        dataset = self._api.settings.dataset
        if not dataset:
            yield _good("sales", "Meta is told of none: ads.meta.dataset is empty")
            return
        self._api.call("GET", dataset, "look at the dataset", {"fields": "id,name"})
        yield _good("sales", f"told to dataset {dataset}")


def _good(what: str, detail: str) -> Finding:
    return Finding(ok=True, title=f"Meta {what}", detail=detail)


def _bad(what: str, detail: str, fix: str) -> Finding:
    return Finding(ok=False, title=f"Meta {what}", detail=detail, fix=fix or PERMISSION_FIX)
