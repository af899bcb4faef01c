"""Where metrics are told."""

from pydantic import Field

from connector.settings.part import Part


class MetricsPart(Part):
    """`serve` answers a Prometheus here, where this is set at all."""

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65_535)
