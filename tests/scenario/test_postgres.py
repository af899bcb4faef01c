"""The store in PostgreSQL: the same pass, the same end."""

from collections.abc import Callable
from typing import Any

import pytest
from lamp_install import Shop

from connector.pipeline import Report


@pytest.mark.slow
@pytest.mark.postgres
def test_a_pass_ends_alike_with_the_store_in_postgres(
    fresh: Callable[..., Shop],
    settled: tuple[Any, dict[str, Any], Report],
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lists and properties are those of an install on SQLite; no file of a store is made; a second pass is quiet."""
    monkeypatch.setenv("LAMPLIGHTER_STORE__URL", postgres_url)
    shop = fresh()
    assert shop.run().status == "done"
    assert shop.crm() == settled[1]
    assert not (shop.home / "state.db").exists()
    since = shop.last_request()
    assert shop.run().status == "done"
    assert {each["kind"] for each in shop.requests(since)} == {"read"}
