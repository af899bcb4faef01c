"""The CRMs."""

from typing import Literal, Self

from pydantic import Field, model_validator

from connector.settings.part import OAuthPart, Part, Reference


class HubSpotPart(Part):
    """One HubSpot account, by token or by OAuth. Seconds are of HubSpot's own clock."""

    base_url: str = "https://api.hubapi.com"
    authorize_url: str = "https://app.hubspot.com"
    version: str = "2026-09"
    token: Reference = "keyring:hubspot"  # noqa: S105  (a reference, not a token)
    oauth: OAuthPart | None = None
    lag_seconds: float = Field(default=60, ge=0)
    overlap_seconds: float = Field(default=600, ge=0)
    delayed_seconds: float = Field(default=3_600, ge=0)
    lists: Literal["static", "properties"] = "static"
    max_lists: int = Field(default=100, ge=1, le=1_500)
    membership_chunk: int = Field(default=500, ge=1, le=5_000)
    batch_records: int = Field(5_000, ge=100, le=100_000)
    reserve_percent: float = Field(default=20, ge=0, lt=100)
    timeout_seconds: float = Field(default=30, gt=0)
    purchases: Literal["orders", "deals", "both"] = "orders"
    subscription: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    subscription_status: Literal["properties", "api"] = "properties"
    journal: bool = False

    @model_validator(mode="after")
    def _journal_of_an_app(self) -> Self:
        if self.journal and self.oauth is None:
            raise ValueError("the journal needs an app connected by OAuth: lamplighter connect hubspot --oauth")
        return self

    @model_validator(mode="after")
    def _status_of_a_subscription(self) -> Self:
        if self.subscription_status == "api" and not self.subscription:
            raise ValueError("subscription_status: api asks about one subscription type; say which: subscription: ID")
        return self

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.oauth and "token" in self.model_fields_set:
            raise ValueError("there is both a token and oauth; keep the one that is meant")
        return self


class SalesforceAppPart(Part):
    """An external client app of the org, and how it proves itself."""

    flow: Literal["client_credentials", "jwt", "refresh_token"] = "client_credentials"
    client_id: str = Field(min_length=1)
    client_secret: Reference | None = None
    username: str = ""
    private_key: Reference | None = None
    refresh_token: Reference | None = None

    @model_validator(mode="after")
    def _what_the_flow_takes(self) -> Self:
        takes = {"client_credentials": ("client_secret",), "jwt": ("username", "private_key")}
        missing = [name for name in takes.get(self.flow, ("refresh_token",)) if not getattr(self, name)]
        if missing:
            raise ValueError(f"the flow {self.flow} needs {' and '.join(missing)}")
        return self


class SalesforcePart(Part):
    """One Salesforce org, by an app of its own or by an access token."""

    instance_url: str = Field(pattern=r"^https?://")
    version: str = Field(default="66.0", pattern=r"^\d{2,3}\.0$", coerce_numbers_to_str=True)
    token: Reference | None = None
    oauth: SalesforceAppPart | None = None
    purchases: Literal["orders", "opportunities", "both"] = "orders"
    item_key: str = Field(default="", pattern=r"^\w*$")
    batch_records: int = Field(5_000, ge=100, le=100_000)
    bulk_above: int = Field(default=5_000, ge=200)
    bulk_page: int = Field(default=50_000, ge=1_000, le=250_000)
    obey_duplicate_rules: bool = False
    reserve_percent: float = Field(default=20, ge=0, lt=100)
    timeout_seconds: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.oauth is None) == (self.token is None):
            raise ValueError("say either oauth (an external client app) or token (an access token)")
        return self
