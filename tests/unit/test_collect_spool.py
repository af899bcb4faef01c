"""The spool: what was answered is on disk, whatever kills the collector; what was not may be sent again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from collect_rig import SECRETS, basic, collecting
from event_files import event, ndjson, pull

from connector.collect.spool import Spool
from connector.errors import RetryLater
from connector.events.inbox import FOLDER, Inbox, used_up


def keep(spool: Spool, *lines: bytes) -> None:
    """Each line as a call of its own, all at once."""

    async def all_of_them() -> None:
        await asyncio.gather(*(spool.keep([line]) for line in lines))

    asyncio.run(all_of_them())


def files(home: Path) -> list[Path]:
    return sorted((home / FOLDER).glob("*"))


def lines_of(number: int) -> list[bytes]:
    return [ndjson([event(at)]) for at in range(number)]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool in a home of its own."""
    made = Spool(tmp_path / FOLDER)
    yield made
    made.close()


def test_calls_of_one_moment_share_a_write(tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred callers cost far fewer than a hundred fsyncs, and each line is there when its caller is answered."""
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(file), real(file))[1])
    keep(spool, *lines_of(100))
    assert len(synced) <= 5  # the folder's, the first line's, all the others'
    assert sorted(pull(Inbox(tmp_path)).keys()) == sorted(f"m{at}" for at in range(100))


def test_only_the_owner_may_read(tmp_path: Path, spool: Spool) -> None:
    """Events hold addresses."""
    keep(spool, *lines_of(1))
    assert [oct(path.stat().st_mode)[-3:] for path in (tmp_path / FOLDER, *files(tmp_path))] == ["700", "600"]


def test_a_full_file_is_followed_by_another(tmp_path: Path) -> None:
    """Names sort by time; every line is read once, and a pass that finds nothing new reads nothing."""
    spool = Spool(tmp_path / FOLDER, most_bytes=300)
    for line in lines_of(5):
        keep(spool, line)
    spool.close()
    assert len(files(tmp_path)) == 3
    pulled = pull(Inbox(tmp_path))
    assert pulled.keys() == [f"m{at}" for at in range(5)]
    assert pull(Inbox(tmp_path), pulled.cursor).batches == []


def test_a_file_that_grows_is_read_on(tmp_path: Path, spool: Spool) -> None:
    """A pass in between reads what is there, the next one the rest."""
    keep(spool, *lines_of(1))
    first = pull(Inbox(tmp_path))
    keep(spool, ndjson([event(7)]))
    assert pull(Inbox(tmp_path), first.cursor).keys() == ["m7"]


def test_half_a_line_is_passed_over(tmp_path: Path, spool: Spool) -> None:
    """What a killed process left: not read, not counted, no complaint; its sender sends the event again."""
    keep(spool, *lines_of(2))
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes() + ndjson([event(9)])[:-20])
    again = Spool(tmp_path / FOLDER)
    keep(again, ndjson([event(9)]))
    again.close()
    pulled = pull(Inbox(tmp_path))
    assert (pulled.keys(), pulled.books) == (["m0", "m1", "m9"], (3, 3, 0, 0))


def test_before_the_first_event(tmp_path: Path) -> None:
    """No folder is no news, and nothing to delete."""
    assert pull(Inbox(tmp_path)).batches == []
    assert used_up(tmp_path, None, datetime.now(UTC)) == []


def test_only_files_that_were_read_and_are_old_are_used_up(tmp_path: Path) -> None:
    """A file that nobody has read stays, however old, and one that was written to since."""
    spool = Spool(tmp_path / FOLDER, most_bytes=1)
    for line in lines_of(3):
        keep(spool, line)
    spool.close()
    read, grown, _ = files(tmp_path)
    cursor = pull(Inbox(tmp_path), batches=4).cursor
    grown.write_bytes(grown.read_bytes() * 2)
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert used_up(tmp_path, cursor, later) == [read]
    assert used_up(tmp_path, cursor, later - timedelta(hours=1)) == []


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    """Nobody is told that an event is kept that is not: 503, with when to send it again; afterwards all goes on."""
    (tmp_path / FOLDER).write_text("in the way")
    with collecting(tmp_path) as rig:
        answer = rig.track("track", event(1))
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        (tmp_path / FOLDER).unlink()
        assert rig.track("track", event(1)).status == 200
        assert rig.pull().keys() == ["m1"]


def test_a_write_that_breaks_off_begins_another_file(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line of a full disk never stands before a whole one."""
    keep(spool, *lines_of(1))
    real = os.write

    def half(file: int, data: Any) -> int:
        if len(data) > 60:
            return real(file, data[:60])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(RetryLater, match="No space left"):
            keep(spool, ndjson([event(5)]))
    keep(spool, ndjson([event(5)]), ndjson([event(6)]))
    assert len(files(tmp_path)) == 2
    assert sorted(pull(Inbox(tmp_path)).keys()) == ["m0", "m5", "m6"]


SERVING = """
import sys, threading
from pathlib import Path
from connector.collect.serve import Collector
from connector.settings import CollectPart
part = CollectPart(port=0, write_key="env:COLLECT_KEY")
with Collector(Path(sys.argv[1]), part, lambda: None) as running:
    print(running.url, flush=True)
    threading.Event().wait()
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 7, 20])
def test_killed_while_it_takes_events(tmp_path: Path, after: int) -> None:
    """kill -9 in the midst of calls: every event that was answered is there, and sent again the others count once."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING, str(tmp_path)], env={**os.environ, **SECRETS}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    url = process.stdout.readline().strip()
    answered = send_until_it_dies(url, process, after)
    process.wait(30)
    process.stdout.close()
    assert {f"m{at}" for at in range(answered)} <= set(pull(Inbox(tmp_path)).keys())
    with collecting(tmp_path) as rig:
        assert rig.track("batch", {"batch": [event(at) for at in range(answered + 1)]}).status == 200
    assert set(pull(Inbox(tmp_path)).keys()) == {f"m{at}" for at in range(answered + 1)}


def send_until_it_dies(url: str, process: "subprocess.Popen[str]", after: int) -> int:
    """Send event after event; how many were answered. The last one is on its way when the process is killed."""
    connection, answered = HTTPConnection(url.removeprefix("http://"), timeout=10), 0
    headers = {"Authorization": basic(SECRETS["COLLECT_KEY"])}
    try:
        while True:
            connection.request("POST", "/v1/track", json.dumps(event(answered)), headers)
            if answered == after:
                process.send_signal(signal.SIGKILL)
            assert connection.getresponse().read()
            answered += 1
    except (OSError, HTTPException):
        return answered
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.shared
def test_taobao_through_the_endpoint(tmp_path: Path, worlds: Path) -> None:
    """A real shop's events, a hundred a call: the rows that the file itself gives, but for when they were received."""
    import gzip

    from connector.events.segment import SegmentFile

    path = worlds / "taobao" / "events.ndjson.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    with collecting(tmp_path) as rig:
        for at in range(0, len(events), 100):
            assert rig.track("batch", {"batch": events[at : at + 100]}).json == {"success": True}
    through, direct = pull(Inbox(tmp_path)), pull(SegmentFile("web", path))
    assert through.books == direct.books
    assert facts(through) == facts(direct)


def facts(pulled: Any) -> dict[str, set[tuple[Any, ...]]]:
    """Interactions and links without the source's name and the times of receipt; a link of several batches is one."""
    spans: dict[str, tuple[Any, Any]] = {}
    for row in pulled.rows("identity_link"):
        first, last = spans.get(row["key"], (row["first_seen"], row["last_seen"]))
        spans[row["key"]] = (min(first, row["first_seen"]), max(last, row["last_seen"]))
    return {
        "interaction": {
            (row["key"], row["kind"], row["identifier"], row["product_id"], row["occurred_at"], row["consent"])
            for row in pulled.rows("interaction")
        },
        "identity_link": {(key, *seen) for key, seen in spans.items()},
    }
