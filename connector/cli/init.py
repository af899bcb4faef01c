"""`lamplighter init`: the folder of an install, with a commented settings file."""

from pathlib import Path

from connector.cli import options
from connector.cli.settings_file import TEMPLATE
from connector.cli.terminal import say
from connector.errors import SetupError
from connector.settings import FILE

MAPPINGS = """\
# Mappings of this install

A file here wins over the one of the same name that Lamplighter brings along. To change one, copy it here first:

    python -c "import mappings, pathlib; print(pathlib.Path(mappings.__file__).parent)"    # where they are

- `hubspot.yaml`, `salesforce.yaml`: which field of the CRM fills which column, and what our own fields and lists are
  called.
- `audiences.yaml`: the lists, whom they are for and why; windows of suppression.
- `ad_log.yaml`, `catalogue.yaml`, `events.yaml`, `cm360.yaml`: the columns of your ad log, product feed and other
  events.
- `same.yaml`: which products are the same item, and how else their ids are written.

`lamplighter check` reads them and names file, line and field of what is wrong.
"""


def command(home: options.Home = options.HOME) -> None:
    """Make the folder of an install. Overwrites nothing."""
    made = create(home)
    say(f"{home}: {', '.join(made) if made else 'everything is there already; nothing was changed'}")
    say("next: lamplighter connect hubspot, or salesforce, or both; then lamplighter check")


def create(home: Path) -> list[str]:
    """Write what is missing in a home; returns the names of what was written.

    Raises:
        SetupError: the folder cannot be written.
    """
    files = {FILE: TEMPLATE, "mappings/README.md": MAPPINGS}
    try:
        (home / "mappings").mkdir(parents=True, exist_ok=True)
        return [name for name, text in files.items() if _write_new(home / name, text)]
    except OSError as error:
        raise SetupError(
            f"{home} cannot be written: {error.strerror}", hint="give --home a folder you may write to"
        ) from None


def _write_new(path: Path, text: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
