"""What the sandbox Meta tells of the token's owner, of the ad account and of its dataset."""

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.meta_account import Account
from connector.sandbox.meta_errors import no_such

OWNER = {"id": "1220010", "name": "Lamplighter system user"}


def me(account: Account, call: Call) -> Answer:
    """GET /me."""
    return Answer(content=OWNER)


def permissions(account: Account, call: Call) -> Answer:
    """GET /me/permissions."""
    granted = sorted(account.settings.permissions)
    return Answer(content={"data": [{"permission": name, "status": "granted"} for name in granted]})


def ad_account(account: Account, call: Call) -> Answer:
    """GET /act_{id}."""
    settings = account.settings
    terms = {"custom_audience_tos": 1} if settings.terms_accepted else {}
    named = {"id": f"act_{settings.account}", "account_id": settings.account, "name": "Lamp shop", "account_status": 1}
    return Answer(content={**named, "currency": "GBP", "tos_accepted": terms})


def dataset(account: Account, call: Call) -> Answer:
    """GET /{dataset}; Refusal for any other id."""
    if call.params["dataset"] != account.settings.dataset:
        raise no_such(call.params["dataset"])
    return Answer(content={"id": account.settings.dataset, "name": "Lamp shop events"})


OPERATIONS = (
    Operation(method="GET", path="/{version}/me", handle=me, bucket="exempt"),
    Operation(method="GET", path="/{version}/me/permissions", handle=permissions, bucket="exempt"),
    Operation(method="GET", path="/{version}/act_{account}", handle=ad_account, bucket="exempt"),
)
