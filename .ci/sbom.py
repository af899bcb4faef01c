"""Writes the software bill of materials of an install, CycloneDX 1.6 JSON, to the file named."""

import hashlib
import json
import sys
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from installed import ROOT, installed


def component(name: str, found: Distribution) -> dict[str, Any]:
    """One distribution. The licence in its own words: an SPDX expression, or what it says there."""
    licence = found.metadata.get("License-Expression") or (found.metadata.get("License") or "").splitlines()[:1]
    told = {"expression": licence} if isinstance(licence, str) else {"license": {"name": (licence or ["not told"])[0]}}
    return {
        "type": "application" if name == ROOT else "library",
        "bom-ref": f"pkg:pypi/{name}@{found.version}",
        "name": name,
        "version": found.version,
        "purl": f"pkg:pypi/{name}@{found.version}",
        "licenses": [told],
    }


def bill() -> dict[str, Any]:
    """The bill: components in order of their names, and who needs whom. The same for the same environment."""
    found = installed()
    parts = {name: component(name, held) for name, (held, _) in sorted(found.items())}
    refs = {name: part["bom-ref"] for name, part in parts.items()}
    digest = hashlib.sha256(json.dumps(sorted(refs.values())).encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}",
        "version": 1,
        "metadata": {"component": parts[ROOT]},
        "components": [part for name, part in parts.items() if name != ROOT],
        "dependencies": [
            {"ref": refs[name], "dependsOn": [refs[each] for each in below if each in refs]}
            for name, (_, below) in sorted(found.items())
        ],
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(bill(), indent=2) + "\n", "utf-8")
