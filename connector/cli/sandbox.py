"""`lamplighter sandbox`: a HubSpot to try things on, on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from connector.sandbox.serve import serve_forever


def command(
    world: Annotated[Path | None, typer.Option(metavar="DIR", help="A shop to fill it with; empty without.")] = None,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    limits: Annotated[bool, typer.Option("--limits", help="Refuse with 429 as HubSpot does.")] = False,
) -> None:
    """Serve a sandbox HubSpot on loopback until stopped; prints its URL and token as one JSON line."""
    serve_forever(world, port=port, limits=limits)
