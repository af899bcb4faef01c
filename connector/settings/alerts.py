"""Whom to tell when a sync needs somebody, and of what."""

from typing import Literal, Self

from pydantic import Field, model_validator

from connector.settings.part import Part, Reference


class EmailPart(Part):
    """A mail server that takes alerts."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: Reference | None = None
    sender: str = Field(min_length=3)
    to: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("say both username and password, or neither")
        if self.password is not None and self.security == "none":
            raise ValueError("a password needs security: starttls or tls")
        return self


class AlertsPart(Part):
    """Where alerts go, and when something counts as trouble. A webhook's address is a secret: it holds a token."""

    webhook: Reference | None = None
    slack: Reference | None = None
    email: EmailPart | None = None
    stale_hours: float = Field(default=24, gt=0)
    deferred_hours: float = Field(default=6, ge=0)
    rejected_percent: float = Field(default=5, gt=0, le=100)
    remind_hours: float = Field(default=24, gt=0)
    timeout_seconds: float = Field(default=10, gt=0)
