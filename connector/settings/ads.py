"""Where the shop advertises."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connector.settings.part import OAuthPart, Part, Reference


class GoogleAdsPart(Part):
    """One Google Ads account, through the Data Manager API, by a service account's key file or by OAuth."""

    account: str = Field(pattern=r"^\d{3}-?\d{3}-?\d{4}$", coerce_numbers_to_str=True)
    login_account: str = Field(default="", pattern=r"^(\d{3}-?\d{3}-?\d{4})?$", coerce_numbers_to_str=True)
    service_account: Reference | None = None
    oauth: OAuthPart | None = None
    terms_accepted: bool = False
    max_lists: int = Field(default=100, ge=1)
    conversion_action: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    merchant_id: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    base_url: str = "https://datamanager.googleapis.com"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)
    timeout_seconds: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.oauth is None) == (self.service_account is None):
            raise ValueError("say either service_account (its key file, as JSON) or oauth (an app and a refresh token)")
        return self


class MetaAdsPart(Part):
    """One Meta ad account, by the token of a system user."""

    account: str = Field(pattern=r"^(act_)?\d+$", coerce_numbers_to_str=True)
    token: Reference
    app_secret: Reference | None = None
    dataset: str = Field(default="", pattern=r"^\d*$", coerce_numbers_to_str=True)
    action_source: Literal["system_generated", "physical_store"] = "system_generated"
    limited_data_use: bool = False
    max_lists: int = Field(default=450, ge=1, le=500)
    reserve_percent: float = Field(default=20, ge=0, lt=100)
    base_url: str = "https://graph.facebook.com"
    version: str = Field(default="v25.0", pattern=r"^v\d+\.\d+$")
    timeout_seconds: float = Field(default=60, gt=0)


class AdFilePart(Part):
    """A folder into which lists are written in the form that a platform takes by hand or by SFTP."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,64}$")
    platform: Literal["google", "meta", "microsoft", "linkedin", "tiktok", "criteo", "the_trade_desk"]
    folder: Path


class AdsPart(Part):
    """Where the shop advertises, and which of IAB's vendors a TC string must grant."""

    google: GoogleAdsPart | None = None
    meta: MetaAdsPart | None = None
    files: tuple[AdFilePart, ...] = ()
    tcf_vendors: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = ()
