"""The books of a pull: what was read is kept, skipped or rejected, or the run is not green."""

from dataclasses import dataclass

from connector.model import Batch


@dataclass(kw_only=True)
class Book:
    """Records of one source within a run. `example` says where the first rejected row stands.

    `erased`: of those skipped, records of persons who were erased.
    """

    read: int = 0
    kept: int = 0
    skipped: int = 0
    rejected: int = 0
    example: str = ""
    erased: int = 0

    def enter(self, batch: Batch) -> None:
        """Count a batch whose rows are kept."""
        self.read += batch.read
        self.kept += batch.kept
        self.skipped += batch.skipped
        self.rejected += sum(each.rows for each in batch.rejected)
        if batch.rejected and not self.example:
            self.example = batch.rejected[0].reference

    def add(self, other: "Book") -> None:
        """Count what another look at the same source entered."""
        self.read += other.read
        self.kept += other.kept
        self.skipped += other.skipped
        self.rejected += other.rejected
        self.example = self.example or other.example
        self.erased += other.erased

    @property
    def balanced(self) -> bool:
        return self.read == self.kept + self.skipped + self.rejected

    def as_json(self) -> dict[str, int]:
        return {"read": self.read, "kept": self.kept, "skipped": self.skipped, "rejected": self.rejected}
