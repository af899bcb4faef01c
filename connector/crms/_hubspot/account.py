"""Whose records these are: ids of contacts and lists are an account's own, so a home serves the one it began with."""

import hashlib

from connector.crms import Remembered
from connector.crms._hubspot.answers import said_nothing
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.floor import Floor
from connector.errors import SetupError

ACCOUNT, PORTAL, TOKEN = "account", "portal", "token"
"""Under what we remember the account's number, and by which token (a digest of it) it was last told."""


class Account:
    """Tells whether the token is of the account that a home knows."""

    def __init__(self, api: Api, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._remembered = remembered
        self._floor = floor
        self._sure = False

    @property
    def known(self) -> str | None:
        """The number of the account that this home began with; None before anybody asked."""
        return self._remembered.get(ACCOUNT, PORTAL)

    def learn(self) -> None:
        """Note whose token it is, once: before anything is made in that account, or kept of it."""
        if self.known is None:
            self._remembered.put(ACCOUNT, PORTAL, self._told())
            self._taken()

    def demand(self) -> None:
        """Raises SetupError for a token of another account. Costs a call where a token is new."""
        if self._sure or self.known is None:
            return
        if self._digest() != self._remembered.get(ACCOUNT, TOKEN) and self.is_another(portal := self._told()):
            raise SetupError(self.another(portal), hint=f"lamplighter connect hubspot: {self.way_out}")
        self._taken()

    def is_another(self, portal: str) -> bool:
        """Whether an account of this number is not ours."""
        return self.known not in (None, portal)

    def _taken(self) -> None:
        if self._remembered.get(ACCOUNT, TOKEN) != (digest := self._digest()):
            self._remembered.put(ACCOUNT, TOKEN, digest)
        self._sure = True

    def another(self, portal: str) -> str:
        """What is wrong with a token of this account."""
        return f"the token is of HubSpot account {portal}, and this home of account {self.known}; nothing was done"

    @property
    def way_out(self) -> str:
        """How to put it right."""
        return f"with a token of account {self.known}, or in a folder of its own (--home) for the other account"

    def _told(self) -> str:
        """The account's number: it comes with a token that HubSpot grants, of others it is asked for."""
        self._api.transport.token()
        tokens = self._api.transport.tokens
        if tokens.granted and tokens.granted.hub_id:
            return tokens.granted.hub_id
        self._floor.add("account", 1)
        if portal := str(self._api.account().get("portalId") or ""):
            return portal
        raise said_nothing("whose the token is")

    def _digest(self) -> str:
        """Of the token; a short-lived one is another each time, so of the account that it was granted for."""
        token, granted = self._api.transport.token(), self._api.transport.tokens.granted
        told = granted.hub_id if granted else token
        return hashlib.sha256(told.encode()).hexdigest()[:16]
