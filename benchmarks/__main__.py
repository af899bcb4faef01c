"""`python -m benchmarks [WORLD]`: how long a first pass over a world takes, and how much memory.

`python -m benchmarks changes`: what the pulls after the first one cost.
`python -m benchmarks large`: merge and decide over ten million interactions, and over a little news.
`python -m benchmarks ads`: how long from an order to the exclusion that Google and Meta have acknowledged.
`python -m benchmarks million`: a million buyers told to Google and Meta, said again, and changed a little; with kills.
"""

import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks import ad_delay, changes, large, million

RUNS = 3
OTHERS = {"changes": changes, "ads": ad_delay, "large": large, "million": million}


def measure(world: str) -> dict[str, Any]:
    """One demo in a process of its own; its JSON."""
    command = [sys.executable, "-m", "connector.cli", "demo", "--json", *(["--world", world] if world else [])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a row of the table in benchmarks/README.md."""
    os.environ["LAMPLIGHTER_GUARD__FIRST_RUN"] = "go"  # nobody is addressed
    world = sys.argv[1] if len(sys.argv) > 1 else ""
    if world in OTHERS:
        OTHERS[world].main()
        return
    runs = [measure(world) for _ in range(RUNS)]
    calls = runs[0]["calls"]["hubspot"]
    cells = [
        world.rstrip("/").rpartition("/")[2] or "lamp shop",
        f"{runs[0]['facts']['order_lines']:,}",
        f"{statistics.median(run['wall_seconds'] for run in runs):.1f}",
        f"{max(run['peak_memory_mb'] for run in runs):,}",
        f"{calls['made']:,} / {calls['floor']:,}",
    ]
    sys.stdout.write("| " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
