"""`lamplighter erase`: whoever asks to be forgotten is forgotten, here and wherever we told of them."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli import options
from connector.cli.terminal import heading, moment, note, print_json, say, table
from connector.erase import Receipts, erase, hold_to, receipts
from connector.errors import SetupError
from connector.home import open_home
from connector.pipeline.run import LEASE
from connector.store import leases
from connector.store.erasures import OPEN, Erasure

DEFERRED = 3
"""Exit code where a recipient is still to answer."""
STEPS = {
    "find": "looking for everything they are known by",
    "note": "noting hashes, so that nobody comes back",
    "warehouse": "rewriting the warehouse",
    "store": "rewriting the store",
    "files": "looking through files",
}
"""Step -> what whoever looks on reads; all others are recipients."""


def command(
    email: Annotated[str, typer.Argument(help="E-mail address of the person, in any spelling.")] = "",
    all_from: Annotated[
        Path | None, typer.Option("--all-from", metavar="FILE", help="Erase each address of this file, one a line.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Only finish what earlier erasures left open.")] = False,
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Forget a person: warehouse, store, files, CRM properties and lists, every ad audience. Prints the receipt."""
    emails = _addresses(email, all_from, resume)
    with open_home(home) as opened, leases.held(opened.store, LEASE):
        found = erase(opened, emails, _tell) if emails else hold_to(opened) or Receipts(())
        if not emails and not found.requests:
            found = receipts(opened)
    if json:
        print_json(found.as_json())
    else:
        _show(found)
    if found.refusal:
        raise found.refusal
    if not found.finished:
        raise typer.Exit(DEFERRED)


def _tell(step: str) -> None:
    note(STEPS.get(step, f"asking {step}"))


def _addresses(email: str, all_from: Path | None, resume: bool) -> list[str]:
    """Exactly one of the three ways must be taken; their addresses."""
    if sum((bool(email), all_from is not None, resume)) != 1:
        raise SetupError("name one address, or --all-from FILE, or --resume", hint="lamplighter erase EMAIL")
    if all_from is None:
        return [email] if email else []
    try:
        lines = all_from.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"{all_from} cannot be read as text", hint="one e-mail address a line, UTF-8") from None
    return [line.strip() for line in lines if line.strip()]


def _show(found: Receipts) -> None:
    if not found.requests:
        say("Nothing is left to do.")
        return
    for request in found.requests:
        _show_receipt(request)
    say()
    if found.sources:
        say(f"Files of yours that are only read, and may still hold them: {', '.join(found.sources)}")
    if found.backups:
        say(f"Backups that may still hold them, for as long as they are kept: {', '.join(found.backups)}")
        say("After a restore of one the next run erases them again: keep erasures.ndjson")
    if found.refusal:
        say(f"Not reached, and may still hold them: {', '.join(found.refusal.paths)}")
    elif not found.finished:
        say("Not all have answered; every run asks again, and so does: lamplighter erase --resume")


def _show_receipt(request: Erasure) -> None:
    heading(f"Erasure {request.reference} of {moment(request.requested_at)} UTC")
    say(f"person {request.digest[:16]} (salted hash)")
    say(f"gone from: {', '.join(request.places) or 'nowhere yet'}; what comes in again about them is left out")
    rows = [(name, each.state, each.words) for name, each in request.recipients.items()]
    table(("told", "state", "answer"), rows or [("nobody", OPEN if not request.finished_at else "done", "")])
