"""mappings/same.yaml: what an admin may write, and the line that is named when it is wrong."""

from pathlib import Path

import pytest

from connector.audiences import load_audiences
from connector.errors import SetupError
from connector.policies.overrides import Form, Overrides, read_overrides
from connector.yaml_text import parse

GOOD = """
same: [["A", "B"], ["C", "D", "E"]]
different:
  - ["A", "C"]
aliases: {"CRM-1": "A"}
forms: ["shopify_US_{product}_{variant}", "online:en:US:{variant}"]
"""


def read(text: str) -> Overrides:
    return read_overrides(parse(text, "same.yaml"))


def test_every_word_is_understood() -> None:
    """Lists, aliases and forms come out as they were written."""
    assert read(GOOD) == Overrides(
        same=(("A", "B"), ("C", "D", "E")),
        different=(("A", "C"),),
        aliases=(("CRM-1", "A"),),
        forms=(
            Form(prefix="shopify_US_", parts=("product", "variant"), between="_"),
            Form(prefix="online:en:US:", parts=("variant",)),
        ),
    )


WRONG = {
    "sme: []": "line 1, sme: 'sme' is not a word here; did you mean 'same'?",
    "same: 7": "line 1, same: here must be a list",
    'same:\n  - ["A"]': "line 2, same.0: here must be two different ids or more",
    'same:\n  - ["A", "A"]': "line 2, same.0: here must be two different ids or more",
    "same:\n  - [0123, B]": "line 2, same.0: 83 must be an id in quotes",
    "aliases: [A]": "line 1, aliases: here must be other names",
    'aliases:\n  "A": NO': "line 2, aliases.A: False must be an id in quotes",
    'forms: ["shopify"]': "line 1, forms.0: a form is text around",
    'forms: ["{variant}"]': "line 1, forms.0: a form is text around",
    'forms: ["x{product}{variant}"]': "line 1, forms.0: a form is text around",
    'forms: ["x_{varant}"]': "line 1, forms.0: 'varant' is not a word here; did you mean 'variant'?",
    'forms: ["x_{variant"]': "line 1, forms.0: ",
    'same:\n  - ["A", "B"]\naliases: {"C": "B"}\ndifferent:\n  - ["X", "Y"]\n  - ["A", "C"]': (
        "line 6, different.1: 'A' and 'C' are the same by this file's other lines"
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_its_line(text: str) -> None:
    """File, line, field, and what to write instead."""
    with pytest.raises(SetupError) as caught:
        read(text)
    assert caught.value.message.startswith(f"same.yaml, {WRONG[text]}")


def test_the_homes_file_is_part_of_the_policy(tmp_path: Path) -> None:
    """It changes what is decided, so it changes the digest by which a run knows that."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "same.yaml").write_text(GOOD)
    plain, own = load_audiences(None), load_audiences(tmp_path)
    assert own.policy.sameness.overrides == read(GOOD)
    assert own.digest != plain.digest
