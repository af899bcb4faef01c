"""How much may change, or be missing, before a person must look."""

from typing import Literal

from pydantic import Field

from connector.settings.part import Part


class GuardPart(Part):
    """Guards over a whole run; those of single lists stand with them in audiences.yaml.

    `first_run_changes`, `whole_changes`, `collapse_records` and `empty_records` are counts up to which nobody is asked.
    """

    first_run: Literal["ask", "go"] = "ask"
    first_run_changes: int = Field(default=1_000, ge=0)
    whole_percent: float = Field(default=30, ge=0, le=100)
    whole_changes: int = Field(default=1_000, ge=0)
    collapse_percent: float = Field(default=50, gt=0, le=100)
    collapse_records: int = Field(default=100, ge=0)
    empty_percent: float = Field(default=90, gt=0, le=100)
    empty_records: int = Field(default=25, ge=1)
    approval_days: float = Field(default=7, gt=0)
