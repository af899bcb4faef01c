"""What every group of settings is made of: no unknown fields, nothing changed later, secrets only by reference."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def is_reference(value: str) -> bool:
    """Whether a setting says where a secret is, and not what it is."""
    return value.startswith(("env:", "keyring:"))


def reference(value: str) -> str:
    """The same, where it is a reference; raises ValueError where it may be the secret itself."""
    if not is_reference(value):
        raise ValueError("write env:NAME or keyring:NAME; `lamplighter connect` keeps the secret for you")
    return value


Reference = Annotated[str, AfterValidator(reference)]
"""Where a secret is: `env:NAME` or `keyring:NAME`."""


class OAuthPart(Part):
    """An app that an admin authorised."""

    client_id: str = Field(min_length=1)
    client_secret: Reference
    refresh_token: Reference
