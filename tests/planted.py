"""Watches the whole suite for personal data and secrets where none may be.

Planted are the people of every world that a sandbox is filled with, every secret that the product asks for, and
whatever has the form of an address, a number or a digest. Looked through are log events, known errors, the URLs that
the product calls, metrics, and the names of files in a home. `tests/conftest.py` fails the test in which something
shows. Programs that a test starts as processes of their own are not watched.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import structlog
import urllib3
from prometheus_client import CollectorRegistry

from connector.errors import LamplighterError
from connector.observe import metrics
from connector.observe.redaction import caught
from connector.sandbox.world import CONTACTS, Row, World
from connector.settings import document, secrets
from connector.warehouse.tables import Warehouse

FORMS = {
    "an e-mail address": re.compile(r"[\w.+'-]{1,64}@[\w-]+\.[\w.-]*\w"),
    "a phone number": re.compile(r"\+\d{9,15}\b"),
    "a digest of somebody": re.compile(r"\b[0-9a-f]{64}\b|\b(?:email|phone):[\w-]{43}\b"),
    "a token": re.compile(r"\bpat-\w+-[\w-]{8,}|\beyJ[\w-]{10,999}\.|\b00D\w{12,15}!\w+"),
}
SHORTEST_NAME, SHORTEST_SECRET = 4, 8
NO_NAMES = frozenset({"Test", "Lamp", "None", "True", "User"})
"""Words that some world has for a name and everybody else for something else."""
PROOF = re.compile(r"appsecret_proof=[0-9a-f]{64}")
"""Meta wants it in URLs: an HMAC of the token, which names nobody and lets nobody in."""
WORD = re.compile(r"[^\W\d_]{4,}")


class Planted:
    """What must not show, and where it did.

    Attributes:
        names, secrets: of people, and of what lets one in, as they came along.
        deaf: a test shows such things on purpose.
        looked: place -> how many texts were looked through.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.secrets: set[str] = set()
        self.homes: set[Path] = set()
        self.deaf = False
        self.looked: dict[str, int] = {}
        self._found: list[str] = []
        self._caught = 0

    def person(self, row: Mapping[str, str]) -> None:
        """Somebody of a world."""
        for field in ("first_name", "last_name"):
            self.names.update(WORD.findall(row.get(field) or ""))

    def secret(self, value: str) -> None:
        """Something that lets one in."""
        if len(value) >= SHORTEST_SECRET:
            self.secrets.add(value)

    def look(self, where: str, text: str) -> None:
        """Look through a text that leaves the product."""
        self.looked[where] = self.looked.get(where, 0) + 1
        if self.deaf:
            return
        plain = unquote_plus(text) if "%" in text else text
        for what, form in FORMS.items():
            if found := form.search(plain):
                self._found.append(f"{where}: {what}: {found[0]!r} in {plain[:200]!r}")
        if named := (self.names - NO_NAMES).intersection(WORD.findall(plain)):
            self._found.append(f"{where}: somebody's name: {sorted(named)} in {plain[:200]!r}")
        if any(secret in plain for secret in self.secrets):
            self._found.append(f"{where}: a secret in {plain[:60]!r}...")

    def told(self) -> list[str]:
        """What showed since the last time, each once; file names are looked through now."""
        for home in self.homes:
            for path in home.rglob("*") if home.is_dir() else ():
                self.look("file name", str(path.relative_to(home)))
        if (count := sum(caught().values())) != self._caught and not self.deaf:
            self._found.append(f"log: the net had to take out {count - self._caught} pieces")
        self._caught = count
        found, self._found = list(dict.fromkeys(self._found)), []
        self.homes.clear()
        return found


def watch(planted: Planted) -> None:
    """Stand at every exit of the product, for the rest of this process."""
    _worlds(planted)
    _logs(planted)
    _errors(planted)
    _urls(planted)
    _metrics(planted)


def _worlds(planted: Planted) -> None:
    rows, ask, warehouse = World.rows, secrets.secret, Warehouse.__init__

    def read(self: World, name: str) -> Iterator[Row]:
        for row in rows(self, name):
            if name == CONTACTS:
                planted.person(row)
            yield row

    def asked(*told: Any, **named: Any) -> Any:
        found = ask(*told, **named)
        planted.secret(found.get_secret_value())
        return found

    def opened(self: Warehouse, path: Path, *told: Any, **named: Any) -> None:
        planted.homes.update({path.parent} if (path.parent / document.FILE).exists() else ())
        warehouse(self, path, *told, **named)

    World.rows = read  # type: ignore[method-assign]
    Warehouse.__init__ = opened  # type: ignore[method-assign]
    import connector.settings

    connector.settings.secret = asked


def _logs(planted: Planted) -> None:
    handle, proxy = logging.Logger.handle, structlog.BoundLoggerBase._proxy_to_logger

    def handled(self: logging.Logger, record: logging.LogRecord) -> None:
        if not record.name.startswith(("faker", "hypothesis")):
            planted.look("log", f"{record.name} {record.getMessage()}")
        handle(self, record)

    def proxied(self: Any, method: str, event: str | None = None, *told: Any, **named: Any) -> Any:
        planted.look("log", f"{event} {_plain({**self._context, **named})}")
        return proxy(self, method, event, *told, **named)

    logging.Logger.handle = handled  # type: ignore[method-assign]
    structlog.BoundLoggerBase._proxy_to_logger = proxied  # type: ignore[method-assign]


def _plain(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items() if name != "exc_info")


def _errors(planted: Planted) -> None:
    made = LamplighterError.__init__

    def making(self: LamplighterError, message: str, *, hint: str = "") -> None:
        planted.look("error", f"{message} {hint}")
        made(self, message, hint=hint)

    LamplighterError.__init__ = making  # type: ignore[method-assign]


def _urls(planted: Planted) -> None:
    """What the product calls: it says who it is. Tests that call a sandbox by themselves may ask what they like."""
    sent = urllib3.HTTPConnectionPool.urlopen

    def sending(self: Any, method: str, url: str, *told: Any, **named: Any) -> Any:
        headers = named.get("headers") or {}
        if headers.get("User-Agent") == "lamplighter":
            planted.look("URL", PROOF.sub("", url))
        return sent(self, method, url, *told, **named)

    urllib3.HTTPConnectionPool.urlopen = sending  # type: ignore[method-assign]


def _metrics(planted: Planted) -> None:
    tell: Callable[[CollectorRegistry], bytes] = metrics.generate_latest

    def telling(registry: CollectorRegistry) -> bytes:
        text = tell(registry)
        planted.look("metrics", text.decode())
        return text

    metrics.generate_latest = telling  # type: ignore[assignment]
