"""`lamplighter check --fix`: makes what is missing at the CRM, and says what only a person can do."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from connector import settings
from connector.audiences import Audiences, load_audiences
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.home import build_crm, connected
from connector.model import Finding, ListSpec
from connector.pipeline.run import LEASE
from connector.ports import CRM
from connector.rule_words import EACH_FAMILY
from connector.store import leases, open_store

MOVES = ("quota", "API calls")
"""How titles of findings end that change by being looked at."""


def fix(home: Path) -> Iterator[Finding]:
    """Create group, properties, folder and lists where they are missing; one line for each thing that came of it.

    Lists of one item each are left to the run, which knows the items.

    Raises:
        SetupError: the settings or audiences are wrong.
        RetryLater: a run is at work, or the CRM is down or out of quota.
    """
    chosen, audiences = settings.load(home), load_audiences(home)
    store = open_store(chosen.store_url(home))
    try:
        with leases.held(store, LEASE):
            for name in connected(chosen):
                with suppress(SetupError):  # one that cannot even be built: check says why
                    yield from _fixed(build_crm(home, chosen, store, name), audiences)
    finally:
        store.close()


def _fixed(crm: CRM, audiences: Audiences) -> Iterator[Finding]:
    before = set(crm.check())
    if not _lets_us_in(before):
        return
    refused = list(_made(crm, [each.spec for each in audiences.audiences if EACH_FAMILY not in each.rule]))
    for one in crm.check():
        if one.ok and one not in before and not one.title.endswith(MOVES):
            yield Finding(ok=True, title=f"{crm.name}: done", detail=f"{one.title}: {one.detail}")
    yield from refused


def _lets_us_in(findings: set[Finding]) -> bool:
    """More than the one finding that says why not."""
    return len(findings) > 1


def _made(crm: CRM, lists: Sequence[ListSpec]) -> Iterator[Finding]:
    """Where fields cannot be made, lists can be all the same."""
    refused: dict[str, str] = {}
    for step in (crm.provision, lambda: refused.update(crm.ensure(lists).refused)):
        try:
            step()
        except RetryLater:
            raise
        except LamplighterError as error:
            yield Finding(ok=False, title=f"{crm.name}: not done", detail=error.message, fix=error.hint)
    for name, reason in refused.items():
        yield Finding(ok=False, title=f"{crm.name}: list {name}", detail="it cannot be made", fix=reason)
