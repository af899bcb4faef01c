"""`lamplighter erase`: nothing is left of a person, wherever a kill, a re-pull or a restore comes in between."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import small_shop as small_shop_files
from ad_recorder import Recorder
from cli import Command
from salesforce_install import PROOF, SECRET, connected, install, org
from small_shop import END

from connector.erase import Receipts, erase, go_on, receipts
from connector.home import Home, open_home
from connector.limits import never_wait
from connector.model import Rejection
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox
from connector.store import erasures, rejections

pytestmark = pytest.mark.slow
EMAIL, PHONE, COOKIE = "dana@example.com", "+442079460123", "cookie-of-dana-7f3a"
TRACES = (EMAIL, "442079460123", COOKIE)
STEPS = ("find", "note", "ad_platform", "hubspot", "warehouse", "store", "files")


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop; Dana has a phone, and a cookie with a name that nothing else is called."""
    folder = small_shop_files.write(tmp_path_factory.mktemp("erased-shop"))
    for name, old, new in (
        ("contacts.csv", "dana@example.com,,", f"dana@example.com,{PHONE},"),
        ("events.ndjson", '"a1"', f'"{COOKIE}"'),
        ("ad_log.csv", ",a1,", f",{COOKIE},"),
    ):
        path = folder / name
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    return folder


class Shop:
    """An install on a sandbox of its own, and a platform that remembers what it is told."""

    def __init__(self, home: Path, world: Path, sandbox: Sandbox) -> None:
        self.home, self.world, self.sandbox = home, world, sandbox
        self.ads = Recorder("ad_platform")

    def open(self) -> Any:
        """The home, with the platform in place of those that settings name."""
        return _opened(self.home, self.ads)

    def run(self, **options: Any) -> Report:
        with _opened(self.home, self.ads) as opened:
            return run(replace(opened, ads=()), Options(as_of=datetime.fromisoformat(END), **options))

    def erase(self, before: Callable[[str], None] = lambda step: None) -> Receipts:
        with self.open() as opened:
            return erase(opened, [EMAIL.upper()], before)

    def resume(self) -> Receipts:
        with self.open() as opened:
            go_on(opened)
            return receipts(opened)

    def standing(self) -> dict[str, Any]:
        """What the CRM shows of everybody, and what the platform has forgotten."""
        state = self.sandbox.portal.state()
        lists = {name: sorted(each["members"]) for name, each in state["lists"].items()}
        return {"lists": lists, "contacts": state["contacts"], "ads": sorted(self.ads.erased)}


def _opened(home: Path, ads: Recorder) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def opening() -> Iterator[Home]:
        with open_home(home) as opened:
            yield replace(opened, ads=(ads,))

    return opening()


@pytest.fixture
def shop(tmp_path: Path, world: Path, settled_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop after its first pass, with a spool file, a rejected row and a packed inbox file that hold Dana."""
    shutil.copytree(settled_home.parent, tmp_path / "copy")
    home = tmp_path / "copy" / "home"
    with Sandbox(None, state=tmp_path / "copy" / "portal.db") as sandbox:
        monkeypatch.setenv("SHOP_TOKEN", sandbox.token)
        text = (home / "lamplighter.yaml").read_text("utf-8")
        old = (tmp_path / "copy" / "url").read_text("utf-8")
        (home / "lamplighter.yaml").write_text(text.replace(old, sandbox.url), "utf-8")
        yield Shop(home, world, sandbox)


@pytest.fixture(scope="module")
def settled_home(tmp_path_factory: pytest.TempPathFactory, world: Path) -> Path:
    """A home after one pass, beside the state of its portal."""
    folder = tmp_path_factory.mktemp("settled-erase")
    with pytest.MonkeyPatch.context() as environment, Sandbox(world, state=folder / "portal.db") as sandbox:
        environment.setenv("SHOP_TOKEN", sandbox.token)
        (folder / "url").write_text(sandbox.url)
        home = small_shop_files.install(folder / "home", world, sandbox)
        with open_home(home) as opened:
            assert run(opened, Options(as_of=datetime.fromisoformat(END))).status == "done"
            odd = Rejection(stream="track", reference="events:9", reason="odd", row={"traits": {"email": EMAIL}})
            fine = Rejection(stream="track", reference="events:10", reason="odd", row={"userId": "somebody"})
            rejections.keep(opened.store, "site", 1, [odd, fine])
        (home / "spool").mkdir()
        (home / "spool" / "today.ndjson").write_text(f'{{"a": 1}}\n{{"email": "{EMAIL}"}}\n{{"b": 2}}\n')
        with gzip.open(home / "spool" / "old.ndjson.gz", "wt") as file:
            file.write(f'{{"anonymousId": "{COOKIE}"}}\n{{"c": 3}}\n')
    return home


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Retries happen without their waits."""
    never_wait()
    yield
    never_wait(False)


def traces(home: Path) -> list[str]:
    """Files of the home in which a trace of Dana stands, packed ones unpacked."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if any(trace.encode() in data.lower() for trace in TRACES):
            found.append(str(path.relative_to(home)))
    return found


def people(home: Path) -> set[str]:
    """Everything by which anybody is known in the warehouse, whatever version."""
    with open_home(home) as opened:
        contact = opened.warehouse.versions("contact").select("email").to_pyarrow()["email"].to_pylist()
        event = opened.warehouse.versions("interaction").select("identifier").to_pyarrow()["identifier"].to_pylist()
        person = opened.warehouse.versions("person").select("identifier").to_pyarrow()["identifier"].to_pylist()
    return {*contact, *event, *person}


def test_nothing_is_left_of_a_person(shop: Shop) -> None:
    """No file of the home holds address, phone or cookie; lists, properties and audiences are cleared; others stay."""
    assert traces(shop.home)
    before = shop.standing()
    done = shop.erase()
    assert done.finished
    assert traces(shop.home) == []
    (request,) = done.as_json()["erasures"]
    assert {name: one["state"] for name, one in request["recipients"].items()} == {
        "ad_platform": "done",
        "hubspot": "done",
    }
    assert "delete it in hubspot" in request["recipients"]["hubspot"]["answer"]
    assert not any(trace in json.dumps(done.as_json(), default=str) for trace in TRACES)
    after = shop.standing()
    assert all("101" not in members for members in after["lists"].values())
    assert not any(after["contacts"].get("101", {}).values())
    assert before["contacts"]["101"]
    others = {name: told for name, told in before["contacts"].items() if name != "101"}
    assert {name: told for name, told in after["contacts"].items() if name != "101"} == others
    assert {shop.ads.match("email", EMAIL), shop.ads.match("phone", PHONE)} <= set(after["ads"])
    with shop.open() as opened:
        heads = opened.warehouse.current("order_header").to_pyarrow().to_pylist()
        assert sorted(row["contact_key"] or "" for row in heads) == [
            "",
            "",
            "hubspot:102",
            "hubspot:102",
            "hubspot:104",
        ]
        assert [row["reference"] for row in _rejected(opened)] == ["events:10"]
    assert (shop.home / "spool" / "today.ndjson").read_text().split("\n")[::2] == ['{"a": 1}', '{"b": 2}']


def _rejected(opened: Home) -> list[Any]:
    from connector.store.tables import rejected

    return [row._mapping for row in opened.store.rows(rejected.select())]


def test_an_erased_person_does_not_come_back(shop: Shop, lamplighter: Command) -> None:
    """Everything is pulled again from its start, sweeps included, and imported: she is left out, and the books
    balance."""
    assert shop.erase().finished
    with shop.open() as opened, opened.store.begin() as connection:
        from connector.store.tables import cursor

        connection.execute(cursor.delete())
    done = shop.run(sweeps=("all",))
    assert (done.status, done.balanced) == ("done", True)
    assert any("erased persons were left out" in note for note in done.notes)
    books = lamplighter("import", shop.world / "events.ndjson", "--as", "segment", "--json", "--home", shop.home)
    told = books.json["books"]["import:events.ndjson"]
    assert (told["read"], told["rejected"], told["kept"] + told["skipped"]) == (4, 0, 4) and told["skipped"] >= 2
    assert not people(shop.home) & set(TRACES)
    assert traces(shop.home) == []
    assert all("101" not in members for members in shop.standing()["lists"].values())


def test_a_new_record_of_hers_is_left_out_with_its_orders(shop: Shop) -> None:
    """The CRM gives her another id: she is known by her address, and her new order is nobody's."""
    assert shop.erase().finished
    portal = shop.sandbox.portal
    portal.act("DELETE", "/crm/objects/2026-09/contacts/101", None)
    made = portal.act("POST", "/crm/objects/2026-09/contacts", {"properties": {"email": EMAIL}})
    portal.create_order(str(made.content["id"]), [("BULB", "1", "5.00")])
    assert shop.run().status == "done"
    assert traces(shop.home) == []
    with shop.open() as opened:
        held = opened.warehouse.current("order_header").contact_key.to_pyarrow().to_pylist()
    assert f"hubspot:{made.content['id']}" not in held


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_before_any_step_changes_nothing_in_the_end(shop: Shop, step: str) -> None:
    """The next command goes on from there, and ends as an undisturbed one."""

    def killed(now: str) -> None:
        if now == step:
            raise Killed

    with pytest.raises(Killed):
        shop.erase(killed)
    if step in ("find", "note"):
        assert shop.resume().requests == []
        shop.erase()
    assert shop.resume().finished
    with shop.open() as opened:
        assert [each.finished_at is not None for each in erasures.all_of(opened.store)] == [True]
    assert traces(shop.home) == []
    assert all("101" not in members for members in shop.standing()["lists"].values())
    assert shop.ads.match("email", EMAIL) in shop.ads.erased


@pytest.mark.parametrize("way", ["folder", "backup", "backup with warehouse", "copy of the store"])
def test_a_restored_home_erases_again(shop: Shop, tmp_path: Path, lamplighter: Command, way: str) -> None:
    """Yesterday's copy holds her; with today's file of hashes the next run has erased her before it pulls."""
    go_back = copied(shop.home, tmp_path / "yesterday", way, lamplighter)
    assert shop.erase().finished
    kept = (shop.home / "erasures.ndjson").read_bytes()
    assert not any(trace.encode() in kept for trace in TRACES)
    go_back()
    assert (shop.home / "erasures.ndjson").read_bytes() == kept
    assert traces(shop.home)
    assert shop.run().status == "done"
    assert traces(shop.home) == []
    assert not people(shop.home) & set(TRACES)
    assert shop.ads.match("email", EMAIL) in shop.ads.erased
    assert all("101" not in members for members in shop.standing()["lists"].values())
    with shop.open() as opened:
        assert [each.finished_at is not None for each in erasures.all_of(opened.store)] == [True]


def copied(home: Path, copy: Path, way: str, lamplighter: Command) -> Callable[[], object]:
    """Keeps a home as it is; what is returned brings that back as an admin would, with the file of hashes there."""
    if way.startswith("backup"):
        wide = ["--with-warehouse"] if way.endswith("warehouse") else []
        assert lamplighter("backup", copy.with_suffix(".zip"), *wide, "--home", home).code == 0
        return lambda: lamplighter("restore", copy.with_suffix(".zip"), "--replace", "--home", home)
    if way == "folder":
        shutil.copytree(home, copy)
        return lambda: _put_back(home, copy)
    shutil.copy(home / "state.db", home / "state.db.before-0001")
    return lambda: (home / "state.db.before-0001").rename(home / "state.db")


def _put_back(home: Path, copy: Path) -> None:
    kept = (home / "erasures.ndjson").read_bytes()
    shutil.rmtree(home)
    shutil.copytree(copy, home)
    (home / "erasures.ndjson").write_bytes(kept)


def test_a_recipient_who_refuses_waits(shop: Shop, lamplighter: Command) -> None:
    """The receipt says so in its own words without the address, our places are done, and asking again settles it."""
    shop.ads.refusing = f"no room for {EMAIL} today"
    done = shop.erase()
    told = done.requests[0].recipients["ad_platform"]
    assert (done.finished, told.state, told.words) == (False, "deferred", "no room for … today")
    assert traces(shop.home) == []
    shop.ads.refusing = ""
    assert shop.resume().finished
    assert shop.ads.match("email", EMAIL) in shop.ads.erased
    assert lamplighter("erase", "--resume", "--home", shop.home).code == 0


def test_an_unknown_address_is_kept_out_too(shop: Shop, lamplighter: Command, tmp_path: Path) -> None:
    """Who was never here cannot come; a receipt has reference and hash, and a file of addresses gets one each."""
    (tmp_path / "all.txt").write_text(f"nobody@example.com\n\n{EMAIL}\n")
    told = lamplighter("erase", "--all-from", tmp_path / "all.txt", "--json", "--home", shop.home)
    assert (told.code, len(told.json["erasures"])) == (0, 2)
    assert "example.com" not in told.out
    assert "@" not in lamplighter("erase", "nobody@example.com", "--home", shop.home).out
    assert lamplighter("erase", "--home", shop.home).code == 2
    assert lamplighter("erase", "no address", "--home", shop.home).code == 2
    assert traces(shop.home) == []


def test_salesforce_forgets_too(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP: her contact is in no campaign of ours and has none of our fields; the files hold nothing of her."""
    monkeypatch.setenv(PROOF, SECRET)
    with org(world) as sandbox:
        home = install(tmp_path / "home", world, connected(sandbox.url))
        with open_home(home) as opened:
            assert run(opened, Options(as_of=datetime.fromisoformat(END))).status == "done"
            own = opened.warehouse.current("contact")
            (mine,) = own.filter(own.email == EMAIL).crm_id.to_pyarrow().to_pylist()
            before = sandbox.service.state()
            assert any(mine in one["members"] for one in before["campaigns"].values())
            assert erase(opened, [EMAIL]).finished
        after = sandbox.service.state()
        assert not any(mine in one["members"] for one in after["campaigns"].values())
        assert not any(after["contacts"].get(mine, {}).values())
        assert traces(home) == []
        with open_home(home) as opened:
            assert run(opened, Options(as_of=datetime.fromisoformat(END))).status == "done"
        assert traces(home) == []
