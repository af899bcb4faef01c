"""A thousand hostile inputs: each ends in a clear error or does no harm; none in a traceback, none half-written."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import hostile_inputs as hostile
import pytest
import yaml
from cli import Command, Outcome
from collect_rig import SECRETS, basic, collecting
from form import SHORT

from connector.cli.init import create
from connector.observe.endpoint import MetricsEndpoint
from connector.settings import FILE, MetricsPart
from connector.store import open_store

pytestmark = pytest.mark.usefixtures("shown_on_purpose")

PART = 8 if SHORT else 1
"""One input in so many."""
LONGEST_MESSAGE = 4_000
SETTINGS = {
    "hubspot": {"token": "env:NOT_THERE", "base_url": "http://127.0.0.1:9", "lag_seconds": 0, "purchases": "orders"},
    "sources": [
        {"name": "web", "kind": "segment", "path": "web.ndjson"},
        {"name": "ads", "kind": "ad_log", "path": "a.csv"},
    ],
    "ads": {"files": [{"name": "meta-file", "platform": "meta", "folder": "out"}]},
    "collect": {"port": 0, "write_key": "env:NOT_THERE", "origins": ["https://shop.example"], "pixel": True},
    "store": {"url": ""},
    "warehouse": {"path": "warehouse", "memory_limit": "1GB", "threads": 1},
    "schedule": {"sync_minutes": 15},
    "retention": {"impression_days": 30},
}


def packaged(name: str) -> Any:
    """A mapping as it is shipped."""
    return yaml.safe_load(resources.files("mappings").joinpath(f"{name}.yaml").read_text("utf-8"))


@pytest.fixture
def home(tmp_path: Path, lamplighter: Command) -> Path:
    """An install in which nothing has run; both places are there."""
    made = tmp_path / "home"
    create(made)
    (made / FILE).write_text(yaml.safe_dump({**SETTINGS, "collect": None}))
    assert lamplighter("audiences", "--home", made).code == 0
    return made


def files(home: Path) -> Mapping[str, bytes]:
    """What is in a home, but for the two places that are databases of their own."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not str(path.relative_to(home)).startswith(("warehouse", "state.db"))
    }


def faults(done: Outcome, name: str, codes: tuple[int, ...] = (0, 2), named: str = "") -> Iterator[str]:
    """What is wrong with how a command ended."""
    told = done.out + done.err
    if done.code not in codes:
        yield f"{name}: exit code {done.code}: {done.err[:300]}"
    if "Traceback" in told or "should not have happened" in told:
        yield f"{name}: {told[:300]}"
    if len(done.err) > LONGEST_MESSAGE:
        yield f"{name}: a message of {len(done.err):,} characters"
    if "\x1b" in told or "\u202e" in told:
        yield f"{name}: what a terminal obeys is printed as it came"
    if done.code == 2 and named not in told and "store.url" not in told:
        yield f"{name}: {named} is not named: {done.err[:300]}"


def tried(lamplighter: Command, home: Path, path: Path, inputs: Iterator[tuple[str, bytes]], *words: str) -> list[str]:
    """Write each input to `path`, run a command, and say what is wrong with how it ended."""
    found: list[str] = []
    before = {name: content for name, content in files(home).items() if name != str(path.relative_to(home))}
    for number, (name, content) in enumerate(inputs):
        if number % PART:
            continue
        path.write_bytes(content)
        found += faults(lamplighter(*words, "--home", home), name, named=path.name)
        left = {name: content for name, content in files(home).items() if name != str(path.relative_to(home))}
        found += [f"{name}: left something behind: {sorted(left.keys() ^ before.keys())}"] if left != before else []
    return found


def test_settings(home: Path, lamplighter: Command) -> None:
    """200 times lamplighter.yaml."""
    assert tried(lamplighter, home, home / FILE, hostile.documents(SETTINGS, 1, 200), "status") == []


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [
        ("audiences", 200, ("audiences", "check")),
        ("same", 60, ("audiences", "check")),
        ("hubspot", 130, ("audiences",)),
    ],
)
def test_mappings(home: Path, lamplighter: Command, name: str, count: int, words: tuple[str, ...]) -> None:
    """390 times a copy of a shipped mapping that an admin edits."""
    inputs = hostile.documents(packaged(name), count, count)
    assert tried(lamplighter, home, home / "mappings" / f"{name}.yaml", inputs, *words) == []


@pytest.mark.parametrize("variable", ["STORE__URL", "SOURCES", "HUBSPOT__TOKEN", "SCHEDULE__SYNC_MINUTES", "ADS"])
def test_the_environment(home: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """10 values each: what no YAML parser has seen."""
    found: list[str] = []
    values = [name for name in hostile.NAMES if "\0" not in name and "\ud800" not in name]
    for value in values[:: 5 * PART][:10]:
        monkeypatch.setenv(f"LAMPLIGHTER_{variable}", value)
        found += faults(lamplighter("status", "--home", home), f"{variable}={value[:40]!r}")
    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--only", "?"),
        ("run", "--as-of", "?"),
        ("run", "--dry-run", "--approve", "?"),
        ("run", "--sweep", "?"),
        ("explain", "?"),
        ("audiences", "show", "?"),
        ("audiences", "check", "?"),
        ("import", "?", "--as", "segment"),
        ("catalogue", "--item", "?"),
        ("retry", "--list", "?"),
    ],
    ids=" ".join,
)
def test_the_command_line(home: Path, lamplighter: Command, words: tuple[str, ...]) -> None:
    """10 words each."""
    found: list[str] = []
    for name in hostile.NAMES[3 :: 5 * PART][:10]:
        typed = [name if word == "?" else word for word in words]
        if any(word.startswith("-") and len(word) == 1 for word in typed):
            continue
        found += faults(lamplighter(*typed, "--home", home), " ".join(typed)[:80], codes=(0, 1, 2))
    assert found == []


@pytest.mark.parametrize(("kind", "seed"), [("segment", 1), ("ad_log", 2), ("catalogue", 3), ("events", 4)])
def test_event_files(home: Path, lamplighter: Command, tmp_path: Path, kind: str, seed: int) -> None:
    """20 files each through `import`: books that balance, or a sentence."""
    found: list[str] = []
    for number, (name, content) in enumerate(hostile.files(seed, 20)):
        if (number + seed) % PART:
            continue
        path = tmp_path / f"f{number}"
        path.write_bytes(content)
        done = lamplighter("import", path, "--as", kind, "--name", f"{kind}-{number}", "--json", "--home", home)
        found += faults(done, f"{name} as {kind}")
        books = done.json["books"].values() if done.code == 0 else ()
        found += [f"{name}: {book}" for book in books if book["read"] != sum(book.values()) - book["read"]]
    assert found == []


def said(url: str, request: bytes) -> bytes:
    """What a server answers; nothing where it hangs up. Whoever promised a longer body than they sent breaks off."""
    answer = b""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=1) as connection, suppress(ConnectionError):
        connection.sendall(request)
        while True:
            try:
                more = connection.recv(65_536)
            except TimeoutError:
                connection.shutdown(socket.SHUT_WR)
                continue
            if not more:
                return answer
            answer += more
    return answer


def odd(answers: list[bytes]) -> list[bytes]:
    """Answers that are neither a yes nor a refusal; most must be refusals."""
    refusals = [one for one in answers if one.startswith(b"HTTP/1.1 4")]
    assert len(refusals) > len(answers) / 2
    return [one[:200] for one in answers if one and not one.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4"))]


def test_the_collector(tmp_path: Path) -> None:
    """200 requests: 4xx, 2xx or a closed connection; it lives, and whatever it kept can be read."""
    paths = (
        "/v1/track",
        "/v1/batch",
        "/v1/identify",
        "/webhooks/hubspot",
        "/webhooks/segment",
        "/pixel",
        "/pixel.js",
        "/",
        "/v1/..",
    )
    headers = [
        f"Authorization: {basic(SECRETS['COLLECT_KEY'])}",
        "X-Signature: 00",
        "X-HubSpot-Request-Timestamp: 99999999999999999999",
    ]
    with collecting(tmp_path, max_body_bytes=100_000) as rig:
        asked = list(hostile.requests(7, 200, paths, headers))[::PART]
        assert odd([said(rig.url, request) for request in asked]) == []
        view = {"event": "Product Viewed", "anonymousId": "a", "properties": {"product_id": "P"}}
        assert rig.track("track", view).status == 200
    read, kept, skipped, rejected = rig.pull().books
    assert read == kept + skipped + rejected > 0


def test_the_metrics_endpoint(tmp_path: Path) -> None:
    """50 requests: it answers the fifty-first."""
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    with MetricsEndpoint(store, MetricsPart(port=0)) as endpoint:
        asked = list(hostile.requests(8, 50, ("/metrics", "/", "/metrics/.."), ["X-A: b"]))[::PART]
        assert odd([said(endpoint.url, request) for request in asked]) == []
        assert b"lamplighter_" in said(endpoint.url, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    store.close()
