"""What is read from files and tables, and what comes in over HTTP."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from connector.settings.part import Part, Reference, reference

_OF_A_DATABASE = ("url", "table", "growing")


def _database(value: str) -> str:
    return value if value.startswith("sqlite:") else reference(value)


class SourcePart(Part):
    """Events, ads or products in a file, a folder of files or a table; looked at in every run, read on from where the
    last one stopped."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,64}$")
    kind: Literal["segment", "ga4", "meta_events", "snowplow", "cm360", "ad_log", "events", "sql", "catalogue"]
    path: Path = Path()
    mapping: str = ""
    url: Annotated[str, AfterValidator(_database)] = ""
    table: str = ""
    growing: str = ""

    @model_validator(mode="after")
    def _where_it_is(self) -> Self:
        needs, foreign = (("url", "growing"), ("path",)) if self.kind == "sql" else (("path",), _OF_A_DATABASE)
        if missing := [name for name in needs if name not in self.model_fields_set]:
            raise ValueError(f"a source of kind {self.kind} needs {' and '.join(missing)}")
        if odd := [name for name in foreign if name in self.model_fields_set]:
            raise ValueError(f"a source of kind {self.kind} has no {' and no '.join(odd)}")
        return self


class CollectPart(Part):
    """What comes in over HTTP. An endpoint is there when its secret is, the pixel when it is switched on."""

    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65_535)
    write_key: Reference | None = None
    segment_secret: Reference | None = None
    hubspot_secret: Reference | None = None
    public_url: str = Field(default="", pattern=r"^(https?://\S*[^/\s])?$")
    pixel: bool = False
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...] = ()
    max_body_bytes: int = Field(default=512_000, ge=1_000, le=50_000_000)
    requests_per_second: float = Field(default=100, gt=0)
    pause_seconds: float = Field(default=30, ge=0)
    keep_days: float = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _what_an_endpoint_needs(self) -> Self:
        if self.hubspot_secret and not self.public_url:
            raise ValueError("HubSpot signs the address that it calls: say it, public_url: https://...")
        if self.pixel and not self.origins:
            raise ValueError("say on which sites the pixel is, origins: [https://shop.example]")
        return self
