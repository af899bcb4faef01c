"""The sandbox Meta's replace sessions: an audience is made anew beside the old one, which stays until the last batch.

Source: Meta, "Replace Users API". What ends by itself after 90 minutes replaces the audience by what came until then.
"""

from collections.abc import Mapping
from typing import Any

from connector.sandbox.meta_account import Account, Replacing
from connector.sandbox.meta_errors import FINISHED, NOT_BEGUN, TIMED_OUT, UPDATING, replacing

MINUTE = 60_000


def settle(account: Account) -> None:
    """Let time do its work: close sessions that were left open, and turn to what was worked through."""
    now = account.clock.milliseconds()
    for id, session in list(account.replacing.items()):
        until = session.begun + round(account.settings.session_minutes * MINUTE)
        if session.ends is None and now >= until:
            account.over[session.id] = True
            _close(account, session, until)
        if session.ends is not None and now >= session.ends:
            _turn(account, id, session)


def _close(account: Account, session: Replacing, at: int) -> None:
    session.ends = at + round(account.settings.replace_seconds * 1_000)


def _turn(account: Account, id: int, session: Replacing) -> None:
    del account.replacing[id]
    if account.settings.replace_fails:
        account.failed.add(id)
        account.forget(id, session.generation)
    else:
        account.failed.discard(id)
        account.turn(id, session.generation)


def free(account: Account, id: int) -> None:
    """Refuses where an audience is being replaced."""
    if id in account.replacing:
        raise replacing(UPDATING)


def opened(account: Account, id: int, generation: int, session: int, batch: int) -> Replacing:
    """The open session for this batch, which begins with batch 1."""
    running = account.replacing.get(id)
    if batch > 1 and running and running.ends is None and running.id == session:
        return running
    if session in account.over:
        raise replacing(TIMED_OUT if account.over[session] else FINISHED)
    if running:
        raise replacing(UPDATING)
    if batch != 1:
        raise replacing(NOT_BEGUN)
    begun = Replacing(id=session, generation=generation + 1, begun=account.clock.milliseconds())
    account.replacing[id] = begun
    return begun


def finish(account: Account, session: Replacing) -> None:
    """The last batch came."""
    account.over[session.id] = False
    _close(account, session, account.clock.milliseconds())
    settle(account)


def is_last(session: Mapping[str, Any]) -> bool:
    """Whether a batch says that it is the last."""
    return str(session.get("last_batch_flag", "")).lower() == "true"
