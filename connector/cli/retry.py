"""`lamplighter retry`: what a destination refused is asked for again."""

from connector.cli import options
from connector.cli.run import tell
from connector.cli.terminal import say, watching
from connector.home import Home, open_home
from connector.pipeline import Options, run
from connector.store import acknowledged


def command(home: options.Home = options.HOME, json: options.Json = False) -> None:
    """Forget what was refused, then run: everything still wanted is planned again, deferred changes too."""
    with open_home(home) as opened, watching() as watcher:
        forgotten = _forget(opened)
        if not json:
            say(f"{forgotten:,} refused changes are tried again")
        done = run(opened, Options(everybody=True), watcher)
    tell(done, json=json)


def _forget(home: Home) -> int:
    forgotten = 0
    for crm in home.crms:
        refused = acknowledged.refusals(home.store, crm.name)
        acknowledged.forget_refusals(home.store, crm.name, {member for _, member in refused})
        forgotten += len(refused)
    return forgotten
