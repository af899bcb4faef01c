"""A secret on its way: named by where it is, or typed and not kept anywhere yet."""

from dataclasses import dataclass, field

from connector import settings
from connector.errors import SetupError


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A secret: where it is (`reference`), or `value` until it is kept under `reference`."""

    reference: str
    value: str = field(default="", repr=False)

    def keep(self, system: str, instead: str) -> None:
        """Put it where the reference says. Raises SetupError where there is no keyring; `instead` is the way out."""
        if self.value and not settings.keep_secret(self.reference.removeprefix("keyring:"), self.value):
            raise SetupError(
                f"{system} lets us in, but this machine has no keyring to keep that secret in", hint=instead
            )

    def read(self, again: str) -> str:
        """The secret; empty where there is none. Raises SetupError, with `again` as the hint, where it is not there."""
        if self.value or not self.reference:
            return self.value
        return settings.secret(self.reference, again).get_secret_value()
