"""A program that kills itself over and over in the middle of a transaction on a store, and looks at what is left.

    python store_killer.py URL KILLS SEED

Each child writes pairs of cursors that belong together, and is killed at a random moment. Prints how many transactions
were found, and "torn" for a pair of which one half is there.
"""

import os
import random
import signal
import sys
import time

from connector.store import cursors, open_store
from connector.store.clock import now
from connector.store.database import upsert
from connector.store.tables import cursor


def write_pairs(url: str, number: int, told: int) -> None:
    """Go on behind a number until somebody kills us; a byte into `told` after each transaction."""
    store = open_store(url)
    while True:
        number += 1
        for_both = {"value": {"n": number, "ballast": "x" * 3_000}, "moved_at": now()}
        with store.begin() as connection:
            for source in ("left", "right"):
                upsert(connection, cursor, [{"source": source, "stream": "s", **for_both}])
        os.write(told, b".")


def look(url: str) -> int:
    """Open it as a run would; the number that both halves have."""
    store = open_store(url)
    try:
        left, right = (cursors.load(store, source, "s") or {"n": 0} for source in ("left", "right"))
    finally:
        store.close()
    if left["n"] != right["n"]:
        print("torn", flush=True)
    return int(left["n"])


def main(url: str, kills: int, seed: int) -> None:
    """Kill, look, and again."""
    moments, written = random.Random(seed), 0
    open_store(url).close()
    for _ in range(kills):
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            write_pairs(url, written, told)
        os.read(heard, 1)
        time.sleep(moments.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(heard)
        os.close(told)
        written = look(url)
    print(f"opened {kills} times, newest {written}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
