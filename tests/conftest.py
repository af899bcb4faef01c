"""What every test gets: a clean environment, the shared shops, a small shop of its own, a private PostgreSQL."""

import gc
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
import small_shop as small_shop_files
import structlog
from cli import Command, command_in
from planted import Planted, watch
from postgres_server import PostgresServer, new_database, server_programs
from sdk_oracle import Oracle

from connector import limits
from connector.crms._hubspot.wire import Wire
from connector.home import open_home
from connector.pipeline import Options, run
from connector.sandbox.serve import Sandbox
from connector.store import Store, open_store

REQUIRED = frozenset(os.environ.get("LAMPLIGHTER_REQUIRE", "").split(","))
"""What must be here: `postgres`, `shared`, `node`. CI names them, so that a test cannot be skipped there for good."""

SHARED = Path(__file__).parents[1].parent / "shared"

# No test may read or write the keyring of whoever runs it. Child processes inherit this.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

ALWAYS = "LAMPLIGHTER_GUARD__FIRST_RUN"
"""Nearly every test is somebody's first run. Those of the guard take this away."""
os.environ[ALWAYS] = "go"


ORACLE = pytest.StashKey[Oracle]()
PLANTED = pytest.StashKey[Planted]()


def pytest_configure(config: pytest.Config) -> None:
    """Put the oracle behind the wire to HubSpot, and tell it which servers are sandboxes; watch for what is planted."""
    watch(config.stash.setdefault(PLANTED, Planted()))
    oracle = config.stash[ORACLE] = Oracle()
    send, start, stop = Wire.send, Sandbox.start, Sandbox.stop

    def watched(self: Wire, call: Any, token: str = "") -> Any:
        answer = send(self, call, token)
        oracle.watch(self._base, call, answer)
        return answer

    def started(self: Sandbox) -> Sandbox:
        oracle.sandboxes.add(self.url)
        return start(self)

    def stopped(self: Sandbox) -> None:
        oracle.sandboxes.discard(self.url)  # another server may get its port
        stop(self)

    Wire.send = watched  # type: ignore[method-assign]
    Sandbox.start = started  # type: ignore[method-assign]
    Sandbox.stop = stopped  # type: ignore[method-assign]


def pytest_collection_finish() -> None:
    """Modules and tests live to the end: the garbage collector need not look through them at every turn."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test in which the SDK's models refuse a request or an answer fails, whatever else it found.

    So does one in which a person or a secret shows where none may.
    """
    result = yield
    if told := item.config.stash[ORACLE].told():
        pytest.fail("HubSpot's SDK refuses:\n  " + "\n  ".join(told), pytrace=False)
    if shown := item.config.stash[PLANTED].told():
        pytest.fail("shown where nothing private may be:\n  " + "\n  ".join(shown), pytrace=False)
    return result


@pytest.fixture
def oracle(pytestconfig: pytest.Config) -> Oracle:
    """HubSpot's SDK, which has seen every call of this run so far."""
    return pytestconfig.stash[ORACLE]


@pytest.fixture
def planted(pytestconfig: pytest.Config) -> Planted:
    """What must show nowhere, and what was looked through so far."""
    return pytestconfig.stash[PLANTED]


@pytest.fixture
def shown_on_purpose(planted: Planted) -> Iterator[None]:
    """In this test private things are where they should not be: it tries what becomes of them there."""
    planted.deaf = True
    yield
    planted.deaf = False


def missing(what: str, why: str) -> NoReturn:
    """Skip with a reason, or fail where LAMPLIGHTER_REQUIRE names it."""
    if what in REQUIRED:
        pytest.fail(f"LAMPLIGHTER_REQUIRE names {what}: {why}")
    pytest.skip(why)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the developer's shell reach no test."""
    for name in [name for name in os.environ if name.startswith(("LAMPLIGHTER_", "OTEL_")) and name != ALWAYS]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command sends logs to its own stderr; the next test's stderr is another."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.getLogger("connector").setLevel(logging.NOTSET)
    root.handlers[:], root.level = handlers, level


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real shops and published figures, beside the repository."""
    if not SHARED.is_dir():
        missing("shared", f"there is no {SHARED.name} folder beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def worlds(shared: Path) -> Path:
    """The folder of real shops."""
    found = shared / "worlds"
    if not found.is_dir():
        missing("shared", "the shared folder holds no worlds")
    return found


@pytest.fixture(scope="session")
def published(shared: Path) -> Path:
    """The folder of published figures."""
    found = shared / "published"
    if not found.is_dir():
        missing("shared", "the shared folder holds no published figures")
    return found


@pytest.fixture
def lamplighter(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs one command line in this process: `lamplighter("run", "--home", home)`."""
    return command_in(capsys)


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of four contacts; see small_shop.py."""
    return small_shop_files.write(tmp_path_factory.mktemp("small-shop"))


@pytest.fixture
def portal(small_shop: Path) -> Iterator[Sandbox]:
    """A running sandbox HubSpot that holds the small shop."""
    with Sandbox(small_shop) as running:
        yield running


@pytest.fixture
def impatient() -> Iterator[None]:
    """No test sleeps for a retry."""
    limits.never_wait(True)
    yield
    limits.never_wait(False)


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """The store of the home."""
    opened = open_store(f"sqlite:///{home / 'state.db'}")
    yield opened
    opened.close()


@pytest.fixture
def home(tmp_path: Path, small_shop: Path, portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install connected to `portal` by the variable SHOP_TOKEN; nothing has run yet."""
    monkeypatch.setenv("SHOP_TOKEN", portal.token)
    return small_shop_files.install(tmp_path / "home", small_shop, portal)


@pytest.fixture(scope="module")
def told(small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An install after one pass, for tests that only read; its CRM is gone and so is the token."""
    with Sandbox(small_shop) as running, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOP_TOKEN", running.token)
        made = small_shop_files.install(tmp_path_factory.mktemp("told") / "home", small_shop, running)
        with open_home(made) as opened:
            assert run(opened, Options(as_of=datetime.fromisoformat(small_shop_files.END))).status == "done"
    yield made


@pytest.fixture(scope="session")
def npm_ci() -> Callable[[Path], str]:
    """Installs what the package-lock.json of a folder names; returns npm's path. Needs Node.js 20 and a registry."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        missing("node", "Node.js and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        missing("node", f"Node.js 20 or newer is needed, this is {version}")

    def install(folder: Path) -> str:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if any(word in done.stderr for word in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")):
            missing("node", "npm reaches no package registry")
        assert done.returncode == 0, done.stderr[-3000:]
        return npm

    return install


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """An SQLAlchemy URL of a PostgreSQL of our own, without a database name; it is gone after the tests."""
    programs = server_programs()
    if programs is None:
        missing("postgres", "PostgreSQL's server programs (initdb, postgres) are not installed")
    with PostgresServer(programs) as server:
        yield server.url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An SQLAlchemy URL of an empty database."""
    return new_database(postgres_server)
