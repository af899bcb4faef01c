"""`lamplighter sandbox`: a HubSpot, a Salesforce or both to try things on, on this machine."""

import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

import connector
from connector.cli.terminal import print_line
from connector.errors import SetupError
from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.sandbox.serve import Sandbox

Which = Literal["hubspot", "salesforce", "both"]
INSTALLED = Path(connector.__file__).parents[1] / "install" / "salesforce" / "force-app"
"""What an admin deploys to Salesforce; it stands beside the package in the source folder, and in no wheel."""
PERMISSIONS = "Lamplighter_Connector"


def command(
    world: Annotated[Path | None, typer.Option(metavar="DIR", help="A shop to fill it with; empty without.")] = None,
    crm: Annotated[Which, typer.Option("--crm", help="Which CRM to play.")] = "hubspot",
    port: Annotated[int, typer.Option(help="0 takes a free one; of both, HubSpot has it and Salesforce the next.")] = 0,
    limits: Annotated[bool, typer.Option("--limits", help="Refuse with 429 as HubSpot does.")] = False,
) -> None:
    """Serve a sandbox CRM on loopback until stopped; prints where it is and how to get in, a JSON line a CRM."""
    done = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, frame: done.set())
    with ExitStack() as running:
        if crm != "salesforce":
            hubspot = running.enter_context(Sandbox(world, port=port, limits=limits))
            print_line(_told("hubspot", hubspot))
        if crm != "hubspot":
            org = running.enter_context(SalesforceSandbox(world, port=port + (crm == "both" and port > 0)))
            _install(org)
            settings = org.service.settings
            proof = {"client_id": settings.consumer_key, "client_secret": settings.consumer_secret}
            print_line({**_told("salesforce", org), **proof})
        done.wait()


def _told(crm: str, sandbox: Sandbox | SalesforceSandbox) -> dict[str, str]:
    return {"crm": crm, "token": sandbox.token, "url": sandbox.url}


def _install(org: SalesforceSandbox) -> None:
    """Deploy and assign what an admin would. Raises SetupError where that is not here."""
    if not INSTALLED.is_dir():
        raise SetupError("install/salesforce is not here", hint="run this in Lamplighter's source folder")
    org.levers["deploy"](str(INSTALLED))
    org.levers["assign"](PERMISSIONS)
