"""What every stand-in offers to the server around it, so that a further CRM or ad platform is one more of these."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from connector.sandbox.clock import Clock
from connector.sandbox.exchange import Answer, Call, Operation, Operations


class Service(Protocol):
    """A stand-in for one system, whichever it is. All methods may be called from any thread."""

    clock: Clock
    operations: Operations
    levers: Mapping[str, Callable[..., Any]]
    """What a test may do to this system beyond its API, name -> what it does; ValueError for what it refuses."""

    def answer(self, operation: Operation | None, call: Call) -> Answer:
        """What the system answers; `operation` is None where no path matched."""
        ...

    def act(self, method: str, path: str, body: Any = None) -> Answer:
        """What a person does in the system: no token, limits, faults or journal."""
        ...

    def trouble(self, status: int) -> Answer:
        """The system's usual error of that status."""
        ...

    def nothing(self) -> Answer:
        """The system's 2xx that says it did nothing."""
        ...

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings by name. Raises ValueError for an unknown one."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What stands in it at the end, for comparison."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...
