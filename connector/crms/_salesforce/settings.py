"""What the Salesforce adapter must be told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.crms import OAuthClient
from connector.limits import Repeat, Retry


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """An external client app that acts as the one user its policies name.

    Attributes:
        client_secret: asked when it is needed; may raise SetupError.
    """

    client_id: str
    client_secret: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class JwtBearer:
    """An external client app that holds our certificate, and a user that an admin has approved for it.

    Attributes:
        private_key: PEM, asked when it is needed; may raise SetupError.
    """

    client_id: str
    username: str
    private_key: Callable[[], str]


def application(told: Mapping[str, Any]) -> ClientCredentials | JwtBearer | OAuthClient:
    """The app of a home's settings: its `flow`, and what that takes, secrets to be asked for."""
    client_id = str(told["client_id"])
    if told["flow"] == "client_credentials":
        return ClientCredentials(client_id=client_id, client_secret=told["client_secret"])
    if told["flow"] == "jwt":
        return JwtBearer(client_id=client_id, username=str(told["username"]), private_key=told["private_key"])
    return OAuthClient(
        client_id=client_id,
        client_secret=told["client_secret"],
        refresh_token=told["refresh_token"],
        keep_refresh_token=told["keep_refresh_token"],
        alone=told["alone"],
    )


@dataclass(frozen=True, kw_only=True)
class SalesforceSettings:
    """One org and how gently to treat it.

    Attributes:
        token: an access token, asked before every request; may raise SetupError. None: by `oauth`.
        oauth: the app that an admin set up, by one of the three flows; None: by token.
        instance_url: the org's My Domain address. Plain http only on this machine.
        version: of the API; from 41.0 on.
        purchases: what counts as one: activated `orders`, won `opportunities`, or `both`.
        item_key: the field of Product2 that holds the id which the shop's feed, ads and events use; empty: as mapped.
        batch_records: about how many records one Batch holds.
        bulk_above: rows from which a job of Bulk API 2.0 takes fewer calls than pages of 2,000 or collections of 200.
        bulk_page: rows of one page of a job's results.
        reserve_percent: of the org's daily calls, left to others.
        obey_duplicate_rules: leave out what one of the org's duplicate rules objects to, instead of saving it anyway.
        timeout_seconds: for an answer; connecting may take a third of it.
        poll_seconds, poll_longest: the first wait for a job, and the longest; each is half as long again as the last.
        job_hours: after so long a job is given up for this run.
        on_repeat: told of every repeated call.
    """

    token: Callable[[], str] | None = None
    oauth: ClientCredentials | JwtBearer | OAuthClient | None = None
    instance_url: str = ""
    version: str = "66.0"
    purchases: str = "orders"
    item_key: str = ""
    batch_records: int = 5_000
    bulk_above: int = 5_000
    bulk_page: int = 50_000
    reserve_percent: float = 20.0
    obey_duplicate_rules: bool = False
    timeout_seconds: float = 60.0
    poll_seconds: float = 2.0
    poll_longest: float = 30.0
    job_hours: float = 2.0
    retry: Retry = field(default_factory=Retry)
    on_repeat: Callable[[Repeat], None] = lambda repeat: None
