"""Where things are kept, how often `serve` works, and for how long things stay."""

from pathlib import Path

from pydantic import Field

from connector.settings.part import Part


class StorePart(Part):
    """Where the store is; `state.db` in the home where it is empty."""

    url: str = ""


class WarehousePart(Part):
    """Where the warehouse is, and what its engine may use."""

    path: Path = Path("warehouse")
    memory_limit: str = "1GB"
    threads: int = Field(default=2, ge=1, le=64)


class SchedulePart(Part):
    """How often `serve` works. Sweeps without hours of their own come as often as their CRM holds to be worth it."""

    sync_minutes: float = Field(default=15, gt=0)
    archived_hours: float | None = Field(default=None, gt=0)
    gone_hours: float | None = Field(default=None, gt=0)
    moved_hours: float | None = Field(default=None, gt=0)
    memberships_hours: float | None = Field(default=None, gt=0)
    compact_minutes: float = Field(default=24 * 60, gt=0)
    jitter_seconds: float = Field(default=30, ge=0)


class RetentionPart(Part):
    """How many days things are kept."""

    impression_days: float = Field(default=180, gt=0)
    event_days: float = Field(default=396, gt=0)
    rejected_days: float = Field(default=90, gt=0)
    outbox_days: float = Field(default=90, gt=0)
    ledger_days: float = Field(default=396, ge=90)


class BackupPart(Part):
    """How many of the backups that `serve` takes every day are kept; 0: it takes none."""

    keep: int = Field(default=7, ge=0)
