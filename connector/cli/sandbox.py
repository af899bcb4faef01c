"""`lamplighter sandbox`: a HubSpot, a Salesforce or both to try things on, and ad platforms, on this machine."""

import signal
import threading
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

import connector
from connector.cli.demo_ads import google_account, meta_account
from connector.cli.terminal import print_line
from connector.errors import SetupError
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta
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
    ads: Annotated[bool, typer.Option("--ads", help="Play Google and Meta too, on free ports.")] = False,
) -> None:
    """Serve sandboxes on loopback until stopped; prints where they are and how to get in, a JSON line each."""
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
        if ads:
            print_line(asdict(google_account(running.enter_context(SandboxGoogle()))))
            print_line(asdict(meta_account(running.enter_context(SandboxMeta()))))
        done.wait()


def _told(crm: str, sandbox: Sandbox | SalesforceSandbox) -> dict[str, str]:
    return {"crm": crm, "token": sandbox.token, "url": sandbox.url}


def _install(org: SalesforceSandbox) -> None:
    """Deploy and assign what an admin would. Raises SetupError where that is not here."""
    if not INSTALLED.is_dir():
        raise SetupError("install/salesforce is not here", hint="run this in Lamplighter's source folder")
    org.levers["deploy"](str(INSTALLED))
    org.levers["assign"](PERMISSIONS)
