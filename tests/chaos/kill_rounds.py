"""Kills a pass again and again, each time from the same state, and compares how it ends. Run by `test_kill_points`:

    python kill_rounds.py '{"folder": ..., "day": 1, "kinds": [...], "of_each": null, "instants": 300, "seed": 1}'

Prints one JSON object: how often it killed, and whatever was lost or doubled.
"""

import gc
import json
import os
import pickle
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import kill_facts
import kill_shop
import kill_warm
from kill_points import INSTANTS, Point, Points
from kill_stage import answer_while, apart, beside

from connector.home import open_home
from connector.limits import never_wait
from connector.pipeline import Options, run

SECOND_DAY = timedelta(hours=6)
AGAIN_EVERY = 8
"""One trial in so many is killed once more on its way back, and one in so many is run once more at the end."""
MOST_KILLS = 3
"""In a row, at random instants."""
COUNTED = ("trials", "killed", "missed", "instants", "lost", "doubled")
"""Of all trials; `missed` are points that their pass never came to."""
Kill = Point | float
"""At a point, or so far into a pass: 0 to 1."""


@dataclass(kw_only=True)
class Job:
    """What to do: see above. `of_each`: points of each kind and instant, all along the pass; None: all."""

    folder: str
    day: int
    kinds: Sequence[str]
    of_each: int | None
    instants: int
    seed: int


@dataclass
class Scene:
    """The systems and the home as they are when a pass begins, and how it ends when nobody disturbs it.

    Attributes:
        seconds: what that takes. passed: the points on its way.
        expected: the end of a pass over the news, and of one over everybody, as after a pass that did not end: it may
            also tidy up what nobody asks for.
        held: of the home, after the last undisturbed pass.
    """

    base: Path
    systems: kill_shop.Systems
    as_of: datetime
    made: Path
    seconds: float = 0
    passed: Mapping[tuple[str, str], int] = field(default_factory=Counter)
    held: kill_facts.Facts = field(default_factory=Counter)
    expected: Sequence[kill_facts.Facts] = ()

    @property
    def log(self) -> Path:
        """What the passes of a trial say."""
        return self.base / "log"

    @property
    def home(self) -> Path:
        """Where the home of a trial is."""
        return self.base / "home"

    def begin(self) -> None:
        """The home as it was."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.made, self.home)

    def killed(self, kill: Kill) -> bool:
        """A pass that is killed, unless it ends before that: some commits depend on how fast others answer. Raises
        RuntimeError where it ends badly by itself."""
        point, after = (kill, None) if isinstance(kill, Point) else (None, kill * self.seconds)
        how = answer_while(self.systems, beside(lambda: self._pass(point), self.log), after)
        if how not in (0, -signal.SIGKILL):
            raise RuntimeError(self.log.read_text()[-1500:])
        return how != 0

    def undisturbed(self, known: Path | None = None, *, everybody: bool = False) -> dict[str, Any]:
        """A pass that nobody kills: how long it took, and the points it passed.

        Args:
            known: where to write down what it worked out.
            everybody: plan for all, as after a pass that did not end.

        Raises:
            RuntimeError: it did not end well.
        """
        told = self.base / "told"
        if answer_while(self.systems, beside(lambda: told.write_bytes(self._noted(known, everybody)), self.log)):
            raise RuntimeError(self.log.read_text()[-1500:])
        self.held, passed = pickle.loads(told.read_bytes())  # noqa: S301 - our own
        return passed

    def _noted(self, known: Path | None, everybody: bool) -> bytes:
        passed = self._pass(None, everybody)
        held = kill_facts.of_home(self.home)
        if known is not None:
            kill_warm.write(known)
        return pickle.dumps((held, passed))

    def _pass(self, target: Point | None, everybody: bool = False) -> dict[str, Any]:
        points, began = Points(target), time.monotonic()
        points.watch()
        with open_home(self.home) as opened:
            report = run(opened, Options(as_of=self.as_of, everybody=everybody))
        if report.status != "done":
            raise RuntimeError(f"{report.status}: {report.notes}")
        return {"seconds": time.monotonic() - began, "passed": points.passed}

    def facts(self) -> kill_facts.Facts:
        """What stands after an undisturbed pass."""
        return self.held + kill_facts.of_systems(self.systems)

    def strayed(self) -> tuple[kill_facts.Facts, kill_facts.Facts]:
        """What is lost and what is doubled, held against the nearest of the expected ends."""
        found = self.facts()
        ends = [(each - found, found - each) for each in self.expected]
        return min(ends, key=lambda end: end[0].total() + end[1].total())

    def written_again(self) -> int:
        """Changes that a further pass asks of the systems."""
        before = self.systems.writes()
        self.systems.wait(61)
        self.undisturbed()
        return self.systems.writes() - before


def scene_of(job: Job) -> Scene:
    """The shop before its first pass; or, on the second day, after it and with news."""
    base, until = Path(job.folder), kill_shop.end()
    systems = kill_shop.Systems(kill_shop.write_world(base / "world", until), until)
    os.environ.update(systems.environment())
    scene = Scene(base, systems, until, base / "made")
    systems.connect(scene.made)
    _warm(scene)
    if job.day == 2:
        _live_a_day(scene)
        _warm(scene)
        _warm(scene, everybody=True)
    told, news = apart(lambda: _undisturbed(scene), scene.log)
    _, whole = apart(lambda: _undisturbed(scene, everybody=True), scene.log) if job.day == 2 else (told, news)
    return replace(scene, seconds=told["seconds"], passed=told["passed"], expected=(news, whole))


def _live_a_day(scene: Scene) -> None:
    """A pass, one that reads its echo, and the news."""
    scene.begin()
    for _ in range(2):
        scene.undisturbed()
        scene.systems.wait(61)
    scene.systems.news()
    scene.as_of += SECOND_DAY
    shutil.rmtree(scene.made)
    shutil.copytree(scene.home, scene.made)


def _warm(scene: Scene, *, everybody: bool = False) -> None:
    """Let a process find out what every pass works out."""
    known = scene.base / "known"
    apart(lambda: _undisturbed(scene, known, everybody=everybody), scene.log)
    kill_warm.read(known)


def _undisturbed(
    scene: Scene, known: Path | None = None, *, everybody: bool = False
) -> tuple[dict[str, Any], kill_facts.Facts]:
    scene.begin()
    return scene.undisturbed(known, everybody=everybody), scene.facts()


def trial(scene: Scene, kills: Sequence[Kill], *, again: bool) -> dict[str, Any]:
    """A pass that is killed, once or more in a row, then the next one, and what is not as it should be afterwards.

    Raises:
        RuntimeError: a pass does not end well.
    """
    scene.begin()
    killed = [scene.killed(kill) for kill in kills]
    scene.undisturbed()
    lost, doubled = scene.strayed()
    wrong = [f"lost: {each}" for each in lost] + [f"doubled: {each}" for each in doubled]
    if again and (written := scene.written_again()):
        wrong.append(f"{written} changes although there was no news")
    instants = sum(done for done, kill in zip(killed, kills, strict=True) if not isinstance(kill, Point))
    missed = sum(not done for done, kill in zip(killed, kills, strict=True) if isinstance(kill, Point))
    counts = {"killed": sum(killed), "missed": missed, "instants": instants}
    counts |= {"lost": lost.total(), "doubled": doubled.total()}
    return {**counts, "wrong": wrong}


def planned(job: Job, scene: Scene) -> Iterator[Sequence[Kill]]:
    """Every point, or some of each kind and instant; every few of them with a kill on the way back. Then random
    instants, up to a few in a row, as many as it takes: some come after the end of their pass."""
    chance = random.Random(job.seed)
    for place, point in enumerate(_points(job, scene.passed)):
        yield [point, chance.random()] if place % AGAIN_EVERY == 1 else [point]
    for _ in range(job.instants):
        yield [chance.random() for _ in range(chance.randint(1, MOST_KILLS))]


def _points(job: Job, passed: Mapping[tuple[str, str], int]) -> Iterator[Point]:
    """All points, or one of each stretch of the pass."""
    chance = random.Random(job.seed)
    for kind in job.kinds:
        for instant in INSTANTS[kind]:
            last = passed[kind, instant]
            step = max(1, last // job.of_each) if job.of_each else 1
            for first in range(1, last - step + 2, step):
                yield Point(kind, instant, first + chance.randrange(step))


def rounds(job: Job) -> dict[str, Any]:
    """All trials of a job, counted: `instants` are the kills at random, `wrong` tells what went wrong, `passed` the
    points of an undisturbed pass, `places` where something stands after it."""
    scene = scene_of(job)
    gc.collect()
    gc.freeze()  # what was there before need not be looked through, nor copied, in every fork
    total: Counter[str] = Counter()
    wrong = []
    for place, kills in enumerate(planned(job, scene)):
        if not isinstance(kills[0], Point) and total["instants"] >= job.instants:
            break
        result = _tried(scene, kills, again=place % AGAIN_EVERY == 0)
        print(kills, result, file=sys.stderr, flush=True)
        total.update({name: result[name] for name in COUNTED})
        if result["wrong"]:
            wrong.append({"kills": kills, "wrong": result["wrong"]})
    places = sorted({fact.partition(":")[0] for fact in scene.expected[0]})
    return {**total, "wrong": wrong, "passed": _counted(scene.passed), "places": places}


def _counted(passed: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {f"{kind}, {instant}": number for (kind, instant), number in passed.items()}


def _tried(scene: Scene, kills: Sequence[Kill], *, again: bool) -> dict[str, Any]:
    """A trial in a fork of its own, so that the next one begins where it began."""
    scene.log.unlink(missing_ok=True)
    try:
        result: dict[str, Any] = apart(lambda: trial(scene, kills, again=again), scene.log)
    except RuntimeError as error:
        result = {"wrong": [str(error)]}
    return dict.fromkeys(COUNTED, 0) | {"trials": 1, **result}


if __name__ == "__main__":
    never_wait()
    kill_warm.begin()
    print(json.dumps(rounds(Job(**json.loads(sys.argv[1])))))
