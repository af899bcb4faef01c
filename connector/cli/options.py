"""Options that several commands share."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[Path, typer.Option("--home", help="Folder of the install.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]

HOME = Path("lamplighter")
"""Where an install stands unless --home says otherwise."""


def moment(text: str, option: str) -> datetime | None:
    """A time as people type it, None for no text; without a zone it is UTC. Raises BadParameter: it is no time."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time such as 2026-09-30T18:00", param_hint=option) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
