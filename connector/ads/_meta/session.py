"""A replace session as we remember it, so that a run that died in the middle of one can go on with it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from connector.ads._meta.members import new_session

OPEN = timedelta(minutes=80)
"""Meta ends a session after 90 minutes, and takes what came until then for the whole audience."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """One session. `sent`: digests of the batches that Meta may have got."""

    id: int
    begun: datetime
    sent: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def new(cls, now: datetime) -> Self:
        """One that Meta has not heard of."""
        return cls(id=new_session(), begun=now)

    @classmethod
    def parsed(cls, text: str | None, now: datetime) -> Self | None:
        """One that was kept and is still open; None where there is none."""
        if not text:
            return None
        told = json.loads(text)
        begun = datetime.fromisoformat(told["begun"])
        kept = cls(id=told["id"], begun=begun, sent=frozenset(told["sent"]))
        return kept if begun <= now < begun + OPEN else None

    def text(self) -> str:
        """For keeping."""
        told = {"id": self.id, "begun": self.begun.isoformat(), "sent": sorted(self.sent)}
        return json.dumps(told, sort_keys=True)

    def sending(self, digest: str) -> Self:
        """With one batch more that Meta may get."""
        return replace(self, sent=self.sent | {digest})


def digest(members: Sequence[str]) -> str:
    """What a batch holds, in any order."""
    return hashlib.sha256("\n".join(sorted(members)).encode()).hexdigest()[:16]
