"""YAML an admin edits: safe, and every message knows its line."""

from pathlib import Path

import pytest

from connector import yaml_text
from connector.errors import SetupError


def test_every_value_knows_its_line() -> None:
    """Paths lead to lines; an unknown path leads to its nearest parent's."""
    text = yaml_text.parse("a:\n  b: 1\n  c: [1, {d: 2}]\n", "f.yaml")
    assert text.line(("a", "b")) == 2
    assert text.line(("a", "c", 1, "d")) == 3
    assert text.line(("a", "nowhere", "else")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", "line 2, column 1: not valid YAML: 'a' stands here twice"),
        ("a: &x [1]\nb: *x\n", "line 2, column 4: not valid YAML: aliases"),
        ("a: [1\n", "not valid YAML"),
        ("a: !!python/object:os.system {}\n", "could not determine a constructor"),
        ("a: 2010-13-45\n", "not valid YAML"),
        ("? [a]\n: 1\n", "not valid YAML"),
        ("[" * 5_000, "not valid YAML"),
        ("a: b\x00c\n", "not valid YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_by_name(text: str, expected: str) -> None:
    """Bombs, objects, repeated keys and torn files are set-up errors, never tracebacks."""
    with pytest.raises(SetupError) as caught:
        yaml_text.parse(text, "f.yaml")
    assert expected in str(caught.value)


def test_a_file_too_large_for_a_mapping_is_not_read() -> None:
    """A million bytes is no mapping a person wrote."""
    with pytest.raises(SetupError, match="larger than"):
        yaml_text.parse("a" * (yaml_text.MAX_BYTES + 1), "f.yaml")


def test_the_home_s_copy_wins_and_a_missing_name_is_told(tmp_path: Path) -> None:
    """The admin's mapping is read before the packaged one."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "mine.yaml").write_text("a: 1\n")
    assert yaml_text.load("mine", tmp_path).data == {"a": 1}
    with pytest.raises(SetupError, match="no mapping called 'other'"):
        yaml_text.load("other", tmp_path)


def test_text_in_another_encoding_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """Latin-1 gives a message that says UTF-8."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "mine.yaml").write_bytes("a: café\n".encode("latin-1"))
    with pytest.raises(SetupError, match=r"save .* as UTF-8"):
        yaml_text.load("mine", tmp_path)
