"""A running collector, calls to it as senders make them, and what a pass then pulls of it."""

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from event_files import Pulled, pull

from connector.collect.serve import Collector
from connector.events.inbox import FOLDER, Inbox
from connector.settings import CollectPart

SECRETS = {"COLLECT_KEY": "wk-very-secret", "COLLECT_SEGMENT": "sg-very-secret", "COLLECT_HUBSPOT": "hs-very-secret"}
ALL_ON: dict[str, Any] = {
    "port": 0,
    "write_key": "env:COLLECT_KEY",
    "segment_secret": "env:COLLECT_SEGMENT",
    "hubspot_secret": "env:COLLECT_HUBSPOT",
    "public_url": "https://collect.shop.example",
    "pixel": True,
    "origins": ["https://shop.example"],
    "requests_per_second": 1_000_000,
}


@dataclass
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Rig:
    """One collector; `woken` counts the passes it asked for."""

    home: Path
    url: str = ""
    woken: list[int] = field(default_factory=list)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request. Underscores of header names become hyphens; what is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def track(self, path: str, body: Any, key: str = SECRETS["COLLECT_KEY"], **headers: str) -> Reply:
        """A call of the tracking API."""
        return self.call("POST", f"/v1/{path}", body, **{"Authorization": basic(key), **headers})

    def pull(self, cursor: Any = None) -> Pulled:
        """What a pass reads of it."""
        return pull(Inbox(self.home), cursor)

    @property
    def lines(self) -> list[str]:
        """Everything in its files."""
        files = sorted((self.home / FOLDER).glob("*"))
        return [line for file in files for line in file.read_text("utf-8").splitlines()]


def basic(user: str) -> str:
    """A Basic authorization without password."""
    return f"Basic {base64.b64encode(f'{user}:'.encode()).decode()}"


@contextmanager
def collecting(home: Path, tcf_vendors: Collection[int] = (), **settings: Any) -> Iterator[Rig]:
    """A collector with everything switched on, but for what `settings` say."""
    rig = Rig(home)
    with pytest.MonkeyPatch.context() as environment:
        for name, secret in SECRETS.items():
            environment.setenv(name, secret)
        part = CollectPart(**{**ALL_ON, **settings})
        collector = Collector(home, part, lambda: rig.woken.append(1), tcf_vendors)
    with collector as running:
        rig.url = running.url
        yield rig
