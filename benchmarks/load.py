"""Many people at one server: how long an answer takes with 1, 5, 20 and 100 sessions.

    python -m benchmarks.load [--sessions 1,5,20,100] [--seconds 60] [--think 7]
        [--arrive 60] [--storm 4] [--browsers 2]

Starts the app as a user does, with an empty workspace. Each session is a WebSocket client that
speaks Streamlit's protocol and has a model of its own, so that no answer comes from the store of
results. Up to 20 sessions open their model, look at pages, select nodes, optimise, compare and
predict; more than that look and click only. Between two actions a session waits for a random time
from half to one and a half times ``--think``: 7 seconds, the mean that the TPC-W benchmark of web
shops has.

There are two lines for each number of sessions: ``arriving``, in which they open their models at
random times within ``--arrive`` seconds, and ``looking``, all that starts after it. More than 20
sessions are measured a second time as a storm, all opening within ``--storm`` seconds and all of it
on one line. ``--browsers`` adds real Chromiums to the runs with arrival; their pages and clicks,
until what they show is visible, are printed below. They need the processor of this machine too.

An action takes from the message of the client to the end of the run. ``open``, ``optimise`` and
``predict`` include their job; Compare is there before its answers are compared, and ``answers`` is
when they are. Memory and processor time are those of the web process; jobs have processes of their
own. ``ms`` is its processor time for each page and click, with all else that it does meanwhile.

Targets with 20 sessions: p95 of a page 0.8 s, Compare 1.0 s, a prediction 2 s. With 100 looking and
clicking: p95 of a page or a click 1.5 s, and 300 MB for the web process.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np

import inspector
from benchmarks.support import load_browsers
from benchmarks.support.serving import ROOT, running, unused_port
from benchmarks.support.visitor import PATIENCE_S, Visitor
from benchmarks.support.web_process import Web

SAMPLES = ("bikes", "shapes", "forecast", "reviews")
MOST_THAT_RUN = 20
"""Sessions that run their model; those beyond look and click only."""
_CLICKS = 0.7
"""Share of actions on the Graph page that select a node; the others go to another page."""
_LOOKED_AT = ("overview", "graph", "operations", "optimise", "predict")
_COLUMNS = ("open", "page", "click", "optimise", "Compare", "answers", "predict")

Times = dict[str, list[float]]


@dataclass
class Log:
    """How long actions took, and when each began: seconds, the latter since the start."""

    began: float
    _actions: list[tuple[str, float, float]] = field(default_factory=list)

    def add(self, name: str, seconds: float) -> None:
        """An action that is complete now."""
        self._actions.append((name, time.perf_counter() - self.began - seconds, seconds))

    def between(self, start: float, end: float) -> Times:
        """Actions that began from then to then, those included that ended later."""
        times: Times = defaultdict(list)
        for name, began, seconds in self._actions:
            if start <= began < end:
                times[name].append(seconds)
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", default="1,5,20,100")
    parser.add_argument("--seconds", type=float, default=60, help="of each number of sessions")
    parser.add_argument("--think", type=float, default=7, help="seconds between two actions")
    parser.add_argument("--arrive", type=float, default=60, help="seconds until all have opened")
    parser.add_argument("--storm", type=float, default=4, help="the same in a storm; 0 for none")
    parser.add_argument("--browsers", type=int, default=0, help="Chromiums beside the sessions")
    options = parser.parse_args()
    print("seconds: median / p95 (number of actions)")
    head = "".join(f"{name:>24}" for name in _COLUMNS)
    ends = f"{'errors':>8}{'web CPU':>9}{'ms':>6}{'web RSS':>9}"
    print(f"{'sessions':>20}{head}{ends}", flush=True)
    for sessions in map(int, options.sessions.split(",")):
        pace = Pace(options.think, options.arrive, options.seconds)
        _measure(sessions, pace, options.browsers)
        if sessions > MOST_THAT_RUN and options.storm:
            _measure(sessions, Pace(options.think, options.storm, options.seconds, is_storm=True))


@dataclass(frozen=True)
class Pace:
    """How quickly sessions come and act; seconds."""

    think_s: float
    arrive_s: float
    look_s: float
    is_storm: bool = False


def _measure(sessions: int, pace: Pace, browsers: int = 0) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = [_own_model(folder, number) for number in range(sessions + 1 + browsers)]
        environment = {"INSPECTOR_WORKSPACE": f"{folder}/workspace", "INSPECTOR_ROOTS": name}
        port = unused_port()
        command = [sys.executable, "-m", "inspector", "app", "--no-browser", "--port", str(port)]
        with running(command, cwd=ROOT, env=environment) as address:
            web = Web(port)
            asyncio.run(_visit(address, models[sessions]))
            began = time.perf_counter()
            end = began + pace.arrive_s + pace.look_s
            chromiums = [
                load_browsers.start(address, model, pace.think_s, end)
                for model in models[sessions + 1 :]
            ]
            asyncio.run(_phases(address, models[:sessions], pace, web))
            for thread, _seen in chromiums:
                thread.join(2 * PATIENCE_S)
        _print_browsers([seen for _thread, seen in chromiums], began + pace.arrive_s)


async def _phases(address: str, models: list[Path], pace: Pace, web: Web) -> None:
    """Let all sessions come and look, and print a line for each phase."""
    log = Log(time.perf_counter())
    end = log.began + pace.arrive_s + pace.look_s
    cpu = web.cpu()
    visits = asyncio.ensure_future(_all_sessions(address, models, log, end, pace))
    rows = []
    if not pace.is_storm:
        await asyncio.sleep(pace.arrive_s)
        rows.append(("arriving", 0.0, pace.arrive_s, web.cpu() - cpu))
        cpu = web.cpu()
    errors = await visits
    ended = time.perf_counter() - log.began
    start = 0.0 if pace.is_storm else pace.arrive_s
    rows.append(("in a storm" if pace.is_storm else "looking", start, ended, web.cpu() - cpu))
    for number, (phase, start, stop, used) in enumerate(rows):  # with what ended after its phase
        mark = str(errors) if number == len(rows) - 1 else "-"
        _print_row(
            f"{len(models)} {phase}", log.between(start, stop), mark, used, stop - start, web
        )


def _print_row(name: str, times: Times, errors: str, cpu: float, seconds: float, web: Web) -> None:
    row = "".join(f"{_cell(times.get(column, [])):>24}" for column in _COLUMNS)
    actions = sum(len(times.get(kind, [])) for kind in ("page", "click", "Compare"))
    each = f"{cpu / actions:.0f}" if actions else "-"
    share = cpu / 1e3 / seconds
    print(f"{name:>20}{row}{errors:>8}{share:9.0%}{each:>6}{web.resident():5.0f} MiB", flush=True)


def _print_browsers(browsers: list[load_browsers.Seen], arrived: float) -> None:
    for number, seen in enumerate(browsers):
        pages = [seconds for began, seconds in seen.pages if began >= arrived]
        clicks = [seconds for began, seconds in seen.clicks if began >= arrived]
        errors = "; ".join(seen.errors)
        print(
            f"{f'Chromium {number + 1}':>20}  page {_cell(pages)}, click {_cell(clicks)} {errors}"
        )


def _own_model(folder: Path, number: int) -> Path:
    """A copy of a sample that is a model of its own: one field that no reader knows differs."""
    name = SAMPLES[number % len(SAMPLES)]
    place = folder / f"{name}_{number}"
    shutil.copytree(ROOT / "sample_models" / name / "saved_model", place)
    file = place / "saved_model.pb"
    # Field 10,000 with a number: readers of protobuf skip what they do not know.
    file.write_bytes(file.read_bytes() + b"\x80\xf1\x04" + _varint(number))
    return place


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


@functools.cache
def _some_nodes(sample: str) -> list[str]:
    graph = inspector.open_model(ROOT / "sample_models" / sample / "saved_model").graph
    return [node.name for node in graph][:40]


async def _visit(address: str, model: Path) -> None:
    """Go through everything once, so that no session pays for what the server imports once."""
    await _session(address, model, Log(time.perf_counter()), 0.0, Pace(0.1, 0.0, 0.0))


async def _all_sessions(address: str, models: list[Path], log: Log, end: float, pace: Pace) -> int:
    """Run all sessions at once; gives the number of those that ended with an error."""
    sessions = [_session(address, model, log, end, pace) for model in models]
    results = await asyncio.gather(*sessions, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures[:3]:
        print(f"  {type(failure).__name__}: {str(failure)[:300]}")
    return len(failures)


@dataclass(frozen=True)
class Person:
    """One session: what its visitor looks at, and where the times go."""

    visitor: Visitor
    nodes: list[str]
    log: Log
    chance: random.Random
    think_s: float

    async def think(self) -> None:
        """Wait, as a person who reads."""
        await asyncio.sleep(self.chance.uniform(0.5, 1.5) * self.think_s)


async def _session(address: str, model: Path, log: Log, end: float, pace: Pace) -> None:
    """Open a model and look at it until the end."""
    chance = random.Random(model.name)
    await asyncio.sleep(chance.random() * pace.arrive_s)
    sample, _, number = model.name.rpartition("_")
    async with Visitor(address) as visitor:
        person = Person(visitor, _some_nodes(sample), log, chance, pace.think_s)
        log.add("open", await visitor.go("overview", f"path={quote(str(model))}"))
        await person.think()
        if int(number) < MOST_THAT_RUN:
            await _run_everything(person)
        while time.perf_counter() < end:
            await _look(person)


async def _look(person: Person) -> None:
    """One page, or one node on the Graph page."""
    visitor, chance = person.visitor, person.chance
    if visitor.page == "graph" and chance.random() < _CLICKS:
        selected = {"n": time.time_ns() // 1_000_000, "names": [chance.choice(person.nodes)]}
        value = json.dumps({"selected": selected})
        person.log.add("click", await visitor.send("inspector_canvas", value))
    else:
        page = chance.choice(_LOOKED_AT)
        await visitor.go(page)
        person.log.add("page", visitor.shown_s)
    await person.think()


async def _run_everything(person: Person) -> None:
    """Choose the output, optimise, compare, and predict."""
    visitor = person.visitor
    if "Use this output" in visitor.shown.buttons:
        person.log.add("page", await visitor.press("Use this output"))
        await person.think()
    person.log.add("page", await visitor.go("optimise"))
    await person.think()
    person.log.add("optimise", await visitor.press("Run"))
    if "result=" not in visitor.query:
        texts = " ".join(visitor.shown.texts)
        raise RuntimeError(f"there is no result; the page shows: {texts[:300]}")
    await person.think()
    person.log.add("page", await visitor.go("overview"))
    await person.think()
    person.log.add("answers", await visitor.go("compare"))
    person.log.add("Compare", visitor.shown_s)
    await person.think()
    person.log.add("page", await visitor.go("predict"))
    await person.think()
    person.log.add("predict", await visitor.press("Run"))
    await person.think()


def _cell(values: list[float]) -> str:
    if not values:
        return "-"
    middle, high = np.percentile(values, (50, 95))
    return f"{middle:.2f} / {high:.2f} ({len(values)})"


if __name__ == "__main__":
    main()
