"""`lamplighter retry`: what a destination refused is asked for again, and what a person decided about a list lifted."""

from typing import Annotated

import typer

from connector.cli import options
from connector.cli.run import tell
from connector.cli.terminal import say, watching
from connector.crms import BROUGHT_BACK, LOST
from connector.errors import SetupError
from connector.home import Home, open_home
from connector.pipeline import Options, run
from connector.pipeline.ads.groups import ad_audiences
from connector.pipeline.pushing.outgoing import audiences_of
from connector.store import acknowledged, breakers, refused_lists, vetoes
from connector.store.remotes import Remembered

LIST = Annotated[
    str,
    typer.Option(
        "--list",
        metavar="NAME",
        help="Let those come back into this list whom somebody took out by hand, and a deleted list itself.",
    ),
]


def command(home: options.Home = options.HOME, name: LIST = "", json: options.Json = False) -> None:
    """Forget what was refused and who was left alone, then run: what is still wanted is planned again, and deferred
    changes too."""
    with open_home(home) as opened, watching() as watcher:
        forgotten, lifted, closed = _forget(opened), _lift(opened, name), breakers.close(opened.store)
        if closed and not json:
            say(f"{', '.join(closed)}: tried now")
        if not json:
            say(f"{forgotten:,} refused changes are tried again")
        if name and not json:
            say(f"{lifted:,} people who were taken out of {name} by hand may be in it again")
        done = run(opened, Options(everybody=True), watcher)
    tell(done, json=json)


def _forget(home: Home) -> int:
    forgotten = 0
    for destination in _destinations(home):
        refused = acknowledged.refusals(home.store, destination)
        acknowledged.forget_refusals(home.store, destination, {member for _, member in refused})
        forgotten += len(refused)
    return forgotten


def _destinations(home: Home) -> list[str]:
    return [crm.name for crm in home.crms] + [platform.name for platform in home.ads]


def _lift(home: Home, name: str) -> int:
    """Forget what people did to one list: whom they took out, and that they deleted it."""
    known = audiences_of(home).keys() | {one for each in home.ads for one in ad_audiences(home, each)}
    if name and name not in known:
        raise SetupError(f"there is no list {name!r}", hint=f"known: {', '.join(sorted(known))}")
    lifted = 0
    for destination in _destinations(home) if name else ():
        lifted += vetoes.lift(home.store, destination, name)
        refused_lists.drop(home.store, destination, [name])
        Remembered(home.store, destination).change(name, {LOST: "", BROUGHT_BACK: ""})
    return lifted
