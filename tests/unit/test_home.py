"""An install opened for work, and what is left of that when it is closed."""

from pathlib import Path
from typing import Any

from connector.home import open_home


def test_connections_are_closed_with_the_home(home: Path) -> None:
    """A process that runs for months leaves none behind, whatever its passes end with."""
    pools: list[Any] = []
    try:
        with open_home(home) as opened:
            (crm,) = opened.crms
            next(iter(crm.pull("product", None, lambda keys: {})))
            pools.append(crm._transport._wire._pool.pools)  # type: ignore[attr-defined]
            assert len(pools[0]) == 1
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert len(pools[0]) == 0
