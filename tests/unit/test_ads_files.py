"""Lists as files: each platform's own form and spelling, whole files or none, differences until somebody takes them."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hubspot_rig import Kept

from connector.ads import _files
from connector.ads._files.folder import Folder
from connector.ads._files.format import Format
from connector.ads._files.lists import slug
from connector.ads._identifiers import key_of_hex, raw
from connector.ads.files import Files, build, platforms
from connector.errors import SetupError
from connector.model import AdTerms, Delivery, ListSpec, Purpose
from connector.settings import AdFilePart

LAMPS = ListSpec(name="bought_lamps", label="Bought: lamps", purpose=Purpose.EXCLUDE)
DIGEST = "ab" * 32
EMAIL, PHONE = key_of_hex("email", DIGEST), key_of_hex("phone", DIGEST)
BASE64 = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
MARY = "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"
JANE = "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"
CLOUDY = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"
SHORT = 60
"""Lines in which a platform joins."""


def files(folder: Path, platform: str = "meta", kept: Kept | None = None) -> Files:
    """An adapter with the lamps' list."""
    made = build({"name": "by_hand", "platform": platform, "folder": folder}, kept or Kept())
    made.ensure([LAMPS])
    return made


def keys(count: int, first: int = 0) -> list[str]:
    """Match keys of made-up people."""
    return [key_of_hex("email", f"{number:064x}") for number in range(first, first + count)]


def change(adapter: Files, add: list[str], remove: list[str] | None = None) -> None:
    """A delivery to the lamps' list."""
    told = Delivery(id="d", destination="by_hand", kind="membership", audience=LAMPS.name, add=add, remove=remove or [])
    assert not adapter.deliver(told).rejected


def inside(path: Path) -> set[str]:
    """Match keys in a file of Meta's form."""
    return {key_of_hex("email", line.partition(",")[0]) for line in path.read_text().splitlines()[1:]}


@pytest.mark.parametrize(
    ("platform", "kind", "value", "digest"),
    [
        *(("tiktok", "email", address, JANE) for address in ("janedoe@gmail.com", "JaneDoe+lamps@gmail.com")),
        ("tiktok", "phone", "+374 93-828222", "65b7e6dcf6f4310f8d7cbfbd78289a753062fb054d6664fb9aaac5df66a422d4"),
        ("the_trade_desk", "email", "USER@example.com", "tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRQ="),
        ("the_trade_desk", "email", "MyEmail@example.com", "FsGNM28LJQ8OLZB0Us65ZYp07NrovJSGTCMSKnLMJ6U="),
        ("the_trade_desk", "email", "Jane.Saoirse+UID2@gmail.com", "ku4mBX7Z3qJTXWyLFB1INzkyR2WZGW4ANSJUiW21iI8="),
        ("the_trade_desk", "phone", "+12345678901", "EObwtHBUqDNZR33LNSMdtt5cafsYFuGmuY4ZLenlue4="),
        *((platform, "email", " Mary@Example.com ", MARY) for platform in ("meta", "microsoft", "linkedin", "criteo")),
        ("meta", "phone", "+15559876543", "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"),
        ("google", "email", "cloudy.sanfrancisco+shopping@GMAIL.com", CLOUDY),
        ("google", "phone", "+1-800-555-0100", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    ],
)
def test_each_platform_spells_its_own_way(platform: str, kind: str, value: str, digest: str) -> None:
    """The vectors that platforms publish, in the encoding of their file."""
    form = platforms()[platform]
    found = form.match(kind, value)
    assert found is not None and form.encode(raw(found)) == digest


def test_dots_and_tags_outside_of_gmail_belong_to_the_address() -> None:
    """UID2 drops them at gmail.com alone; where the rule is to trim and lower, nothing is dropped at all."""
    forms = platforms()
    for platform in ("the_trade_desk", "microsoft", "linkedin", "criteo", "meta"):
        assert forms[platform].match("email", "a.b+c@example.com") != forms[platform].match("email", "ab@example.com")
    assert forms["criteo"].match("email", "a.b@gmail.com") != forms["criteo"].match("email", "ab@gmail.com")


@pytest.mark.parametrize("platform", platforms())
def test_what_names_nobody_has_no_key(platform: str) -> None:
    """Never the hash of nothing; a hash from elsewhere only where no rule could have been broken by it."""
    form = platforms()[platform]
    asked = [("email", ""), ("email", "quinn"), ("email", " "), ("phone", "0555"), ("phone", ""), ("cookie", "x@y.de")]
    assert [form.match(*one) for one in asked] == [None] * len(asked)
    if platform in ("tiktok", "the_trade_desk"):
        assert form.match("email", MARY) is None
    assert set(form.columns) == set(form.terms.identifiers)


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("google", {"bought_lamps": f"Email,Phone\n{DIGEST},\n,{DIGEST}\n"}),
        ("meta", {"bought_lamps": f"email,phone\n{DIGEST},\n,{DIGEST}\n"}),
        ("microsoft", {"bought_lamps": f"Email\n{DIGEST}\n"}),
        (
            "linkedin",
            {"bought_lamps": f"email,firstname,lastname,jobtitle,employeecompany,country,googleaid\n{DIGEST},,,,,,\n"},
        ),
        ("tiktok", {"bought_lamps": f"Email_SHA256,Phone_SHA256\n{DIGEST},\n,{DIGEST}\n"}),
        ("criteo", {"bought_lamps": f"{DIGEST}\n"}),
        ("the_trade_desk", {"bought_lamps-email": f"{BASE64}\n", "bought_lamps-phone": f"{BASE64}\n"}),
    ],
)
def test_each_platform_has_its_form(tmp_path: Path, platform: str, expected: dict[str, str]) -> None:
    """Headers, columns and encoding; a line for each identifier; only its owner may read it."""
    adapter = files(tmp_path, platform)
    change(adapter, [EMAIL, PHONE] if "phone" in adapter.terms.identifiers else [EMAIL])
    whole = [path for path in tmp_path.glob("*.csv") if not path.stem.endswith(("-add", "-remove"))]
    assert {path.stem: path.read_text() for path in whole} == expected
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    assert (tmp_path / "bought_lamps-add.csv").exists() == platforms()[platform].differences


def test_differences_wait_until_somebody_takes_them(tmp_path: Path) -> None:
    """They add up over runs; who changes twice is where they were last said to be; a file taken away begins anew."""
    kept, (add, remove) = Kept(), (tmp_path / f"bought_lamps-{what}.csv" for what in ("add", "remove"))
    one, two, three, four = keys(4)
    change(files(tmp_path, kept=kept), [one, two])
    change(files(tmp_path, kept=kept), [three], [one])
    assert (inside(add), inside(remove)) == ({two, three}, {one})
    add.unlink()
    change(files(tmp_path, kept=kept), [one, four])
    assert (inside(add), inside(remove)) == ({one, four}, set())
    assert inside(tmp_path / "bought_lamps.csv") == {one, two, three, four}


def test_said_again_all_is_as_it_was(tmp_path: Path) -> None:
    """Deliveries and refreshes are absolute: also after a crash between what is remembered and what is written."""
    adapter = files(tmp_path)
    change(adapter, keys(3))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    change(adapter, keys(3))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    for path in tmp_path.glob("*.csv"):
        path.write_text("half")
    adapter.refresh(LAMPS.name, [keys(2, 1), keys(2, 3)])
    assert inside(tmp_path / "bought_lamps.csv") == set(keys(4, 1))
    assert inside(tmp_path / "bought_lamps-remove.csv") == set(keys(1))


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """A disk that fills up in the middle leaves the old file, and nothing beside it."""

    def full() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    folder = Folder(tmp_path)
    folder.write("list.csv", [b"old"])
    with pytest.raises(SetupError, match="No space left"):
        folder.write("list.csv", full())
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]
    assert (tmp_path / "list.csv").read_bytes() == b"old"


def test_a_folder_that_cannot_be_used_is_told_with_its_fix(tmp_path: Path) -> None:
    """Missing or blocked: a finding of `check`, an error for whoever writes. It is not made, as it may be a mount."""
    missing = build({"name": "x", "platform": "meta", "folder": tmp_path / "no"}, Kept())
    (finding,) = missing.check()
    assert not finding.ok and "mkdir -p" in finding.fix
    with pytest.raises(SetupError, match="mkdir -p"):
        missing.ensure([LAMPS])
    (tmp_path / ".lamplighter").write_text("in the way")
    with pytest.raises(SetupError, match="cannot be written"):
        files(tmp_path)
    assert not (tmp_path / "no").exists()


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    """It says how many lists there are, and where they go."""
    (finding,) = build({"name": "x", "platform": "criteo", "folder": tmp_path}, Kept()).check()
    assert finding.ok and "0 lists" in finding.detail and "Criteo" in finding.detail
    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_file_is_left_alone(tmp_path: Path) -> None:
    """Ours gets a number."""
    (tmp_path / "bought_lamps.csv").write_text("theirs")
    adapter = files(tmp_path)
    assert adapter.ensure([LAMPS]).ids == {LAMPS.name: "bought_lamps-2"}
    change(adapter, keys(1))
    adapter.drop(LAMPS.name)
    assert [path.name for path in tmp_path.glob("*.csv")] == ["bought_lamps.csv"]
    assert (tmp_path / "bought_lamps.csv").read_text() == "theirs"


def test_names_of_files_are_plain_and_apart() -> None:
    """Whatever a list's key holds, its file leads nowhere else, and no two keys share one."""
    names = ["bought_lamps", "../../etc", "Größe", "grosse", "a b", "a-b", "x" * 200, "x" * 201]
    assert all(slug(name).replace("-", "").replace("_", "").isalnum() and slug(name).isascii() for name in names)
    assert len({slug(name) for name in names}) == len(names)


def test_who_is_erased_is_named_as_leaving_only_where_they_were(tmp_path: Path) -> None:
    """Lists without them are not touched; whoever waits to be added is named too, as the file may have been read."""
    adapter = files(tmp_path)
    shades = ListSpec(name="bought_shades", label="Bought: shades", purpose=Purpose.EXCLUDE)
    adapter.ensure([shades])
    change(adapter, keys(3))
    assert adapter.erase([*keys(1), *keys(1, 9)]) == dict.fromkeys([*keys(1), *keys(1, 9)], "")
    assert inside(tmp_path / "bought_lamps-remove.csv") == set(keys(1))
    assert inside(tmp_path / "bought_lamps-add.csv") == inside(tmp_path / "bought_lamps.csv") == set(keys(2, 1))
    assert not (tmp_path / "bought_shades.csv").exists()


def test_an_erasure_that_breaks_off_is_carried_out_by_the_next(tmp_path: Path) -> None:
    """Nobody stays in a file because what we remember was mended first."""
    adapter = files(tmp_path)
    change(adapter, keys(3))
    (obstacle := tmp_path / ".bought_lamps.csv.writing").mkdir()
    with pytest.raises(SetupError):
        adapter.erase(keys(1))
    obstacle.rmdir()
    assert adapter.erase(keys(1)) == {keys(1)[0]: ""}
    assert inside(tmp_path / "bought_lamps.csv") == set(keys(2, 1))


def test_settings_name_every_platform_there_is() -> None:
    """And another one is refused with those that are known."""
    assert set(get_args(AdFilePart.model_fields["platform"].annotation)) == set(platforms())
    with pytest.raises(SetupError, match="criteo"):
        build({"name": "x", "platform": "orkut", "folder": "."}, Kept())


def test_a_platform_joins_in_under_sixty_lines(tmp_path: Path) -> None:
    """Each is one short file that knows no other; a new one is a FORMAT, and all of this holds for it."""
    for platform in platforms():
        text = (Path(_files.__path__[0]) / f"{platform}.py").read_text()
        assert len(text.splitlines()) < SHORT
        assert not [other for other in platforms() if f"_files.{other}" in text]
    terms = AdTerms(identifiers=("email",))
    form = Format(match=lambda kind, value: None, columns={"email": "SHA"}, terms=terms, upload="nowhere")
    adapter = Files("pinboard", tmp_path, form, Kept())
    adapter.ensure([LAMPS])
    change(adapter, [EMAIL])
    assert (tmp_path / "bought_lamps.csv").read_text() == f"SHA\n{DIGEST}\n"
