"""Asks PyPI's advisories about everything that an install brings along. Fails on any that nobody has looked at.

What has been looked at stands in ignored-vulnerabilities.txt, a line each: its id, and why it does not concern us.
Where the advisories cannot be reached this says so and passes: they are asked again with every run.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from installed import ROOT, installed

IGNORED = Path(__file__).with_name("ignored-vulnerabilities.txt")


def ignored() -> set[str]:
    """The ids in the list."""
    lines = (line.split("#")[0].split() for line in IGNORED.read_text("utf-8").splitlines())
    return {words[0] for words in lines if words}


def asked(folder: Path) -> list[dict[str, Any]]:
    """What pip-audit says of each distribution; nothing where it could not ask."""
    pinned, answer = folder / "requirements.txt", folder / "answer.json"
    lines = [f"{name}=={held.version}\n" for name, (held, _) in sorted(installed().items()) if name != ROOT]
    pinned.write_text("".join(lines))
    command = [sys.executable, "-m", "pip_audit", "-r", str(pinned), "--no-deps", "--disable-pip", "-f", "json"]
    command += ["--progress-spinner", "off", "-o", str(answer)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (words of our own)
    if answer.exists():
        found: list[dict[str, Any]] = json.loads(answer.read_text())["dependencies"]
        return found
    print(f"not audited: {told.stderr.strip().splitlines()[-1:]}")
    return []


def open_ones(found: list[dict[str, Any]], known: set[str]) -> list[str]:
    """A line for each advisory that is not in the list, under its own id or any other it has."""
    return [
        f"{one['name']} {one['version']}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'no version yet'}"
        for one in found
        for each in one.get("vulns", ())
        if not known & {each["id"], *each["aliases"]}
    ]


def main() -> int:
    """Exit code: 1 where an advisory is open."""
    with tempfile.TemporaryDirectory() as folder:
        found = asked(Path(folder))
    skipped = sum("skip_reason" in one for one in found)
    print(f"audited {len(found) - skipped} distributions; of {skipped} nothing is known here")
    still = open_ones(found, ignored())
    print("\n".join(still))
    return 1 if still else 0


if __name__ == "__main__":
    sys.exit(main())
