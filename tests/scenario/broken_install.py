"""What can be changed in any install, whichever its CRM."""

import re
from pathlib import Path
from typing import ClassVar

import mappings
from connector.settings import FILE


class Install:
    """Its files.

    Attributes:
        home: where they are.
        crm: whose mapping is changed.
    """

    home: Path
    crm: ClassVar[str]

    def edit(self, old: str, new: str) -> None:
        """Change lamplighter.yaml."""
        text = (self.home / FILE).read_text()
        assert re.search(old, text)
        (self.home / FILE).write_text(re.sub(old, new, text))

    def map(self, old: str, new: str) -> None:
        """Give the install a mapping of its own, with a change."""
        text = Path(mappings.__file__).with_name(f"{self.crm}.yaml").read_text("utf-8")
        assert old in text
        (self.home / "mappings" / f"{self.crm}.yaml").write_text(text.replace(old, new), "utf-8")
