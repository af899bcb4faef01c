"""The browser of an admin who agrees: opens the CRM's page, and follows its way back to this machine."""

import threading
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

Turns = list[Callable[[str], str]]
"""What changes the address that the browser is sent back to, one after the other."""


class Stay(urllib.request.HTTPRedirectHandler):
    """Shows where a page leads instead of going there."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        return fp


@contextmanager
def browsing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    """Stands in for `webbrowser`; at the end, every visit has been paid."""
    turns: Turns = []
    threads: list[threading.Thread] = []

    def go(page: str) -> None:
        with urllib.request.build_opener(Stay).open(page) as answer:
            back = str(answer.headers["Location"])
        for turn in turns:
            back = turn(back)
        with urllib.request.urlopen(back) as answer:
            assert answer.status == 200

    def opened(page: str) -> bool:
        threads.append(threading.Thread(target=go, args=[page]))
        threads[-1].start()
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", opened)
    yield turns
    for thread in threads:
        thread.join()
