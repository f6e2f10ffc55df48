"""Many people at one server: how long an answer takes with 1, 5, 20 and 100 sessions.

    python -m benchmarks.load [--sessions 1,5,20,100] [--seconds 60] [--think 4]

Starts the app as a user does, with an empty workspace. Each session is a WebSocket client that
speaks Streamlit's protocol and has a model of its own, so that no answer comes from the store of
results. Up to 20 sessions open their model, look at pages, select nodes, optimise, compare and
predict; more than that look and click only. Between two actions a session waits for a random time
around `--think` seconds.

An action takes from the message of the client to the end of the run. ``open``, ``optimise`` and
``predict`` include their job; Compare is there before its answers are compared, and ``answers`` is
when they are. Memory and processor time are those of the web process; jobs have processes of their
own.

Targets with 20 sessions: p95 of a page 0.8 s, Compare 1.0 s, a prediction 2 s. With 100: p95 of a
page or a click 1.5 s, and 300 MB for the web process.
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
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

import inspector
from benchmarks.support.serving import ROOT, running, unused_port
from benchmarks.support.visitor import Visitor
from benchmarks.support.web_process import Web

SAMPLES = ("bikes", "shapes", "forecast", "reviews")
MOST_THAT_RUN = 20
"""Sessions that run their model; those beyond look and click only."""
_CLICKS = 0.7
"""Share of actions on the Graph page that select a node; the others go to another page."""
_LOOKED_AT = ("overview", "graph", "operations", "optimise", "predict")
_COLUMNS = ("open", "page", "click", "optimise", "Compare", "answers", "predict")

Times = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", default="1,5,20,100")
    parser.add_argument("--seconds", type=float, default=60, help="of each number of sessions")
    parser.add_argument("--think", type=float, default=4, help="seconds between two actions")
    options = parser.parse_args()
    print("seconds: median / p95 (number of actions)")
    head = "".join(f"{name:>24}" for name in _COLUMNS)
    print(f"{'sessions':>8}{head}{'errors':>8}{'web CPU':>10}{'web RSS':>10}", flush=True)
    for sessions in map(int, options.sessions.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            _measure(sessions, Path(folder), options.seconds, options.think)


def _measure(sessions: int, folder: Path, seconds: float, think: float) -> None:
    models = [_own_model(folder, number) for number in range(sessions)]
    environment = {"INSPECTOR_WORKSPACE": str(folder / "workspace"), "INSPECTOR_ROOTS": str(folder)}
    port = unused_port()
    command = [sys.executable, "-m", "inspector", "app", "--no-browser", "--port", str(port)]
    with running(command, cwd=ROOT, env=environment) as address:
        web = Web(port)
        asyncio.run(_visit(address, _own_model(folder, sessions)))
        times: Times = defaultdict(list)
        cpu, start = web.cpu(), time.perf_counter()
        errors = asyncio.run(_all_sessions(address, models, times, seconds, think))
        share = (web.cpu() - cpu) / 1e3 / (time.perf_counter() - start)
        row = "".join(f"{_cell(times[name]):>24}" for name in _COLUMNS)
        print(f"{sessions:8}{row}{errors:8}{share:9.0%}{web.resident():6.0f} MiB", flush=True)


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
    await _session(address, model, defaultdict(list), 0.0, 0.1)


async def _all_sessions(
    address: str, models: list[Path], times: Times, seconds: float, think: float
) -> int:
    """Run all sessions at once; gives the number of those that ended with an error."""
    end = time.perf_counter() + seconds
    sessions = [_session(address, model, times, end, think) for model in models]
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
    times: Times
    chance: random.Random
    think_s: float

    async def think(self) -> None:
        """Wait, as a person who reads."""
        await asyncio.sleep(self.chance.uniform(0.5, 1.5) * self.think_s)


async def _session(address: str, model: Path, times: Times, end: float, think: float) -> None:
    """Open a model and look at it until the end."""
    chance = random.Random(model.name)
    await asyncio.sleep(chance.random() * think)
    sample, _, number = model.name.rpartition("_")
    async with Visitor(address) as visitor:
        person = Person(visitor, _some_nodes(sample), times, chance, think)
        times["open"].append(await visitor.go("overview", f"path={quote(str(model))}"))
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
        person.times["click"].append(await visitor.send("inspector_canvas", value))
    else:
        page = chance.choice(_LOOKED_AT)
        await visitor.go(page)
        person.times["page"].append(visitor.shown_s)
    await person.think()


async def _run_everything(person: Person) -> None:
    """Choose the output, optimise, compare, and predict."""
    visitor, times = person.visitor, person.times
    if "Use this output" in visitor.shown.buttons:
        times["page"].append(await visitor.press("Use this output"))
        await person.think()
    times["page"].append(await visitor.go("optimise"))
    await person.think()
    times["optimise"].append(await visitor.press("Run"))
    if "result=" not in visitor.query:
        texts = " ".join(visitor.shown.texts)
        raise RuntimeError(f"there is no result; the page shows: {texts[:300]}")
    await person.think()
    times["page"].append(await visitor.go("overview"))
    await person.think()
    times["answers"].append(await visitor.go("compare"))
    times["Compare"].append(visitor.shown_s)
    await person.think()
    times["page"].append(await visitor.go("predict"))
    await person.think()
    times["predict"].append(await visitor.press("Run"))
    await person.think()


def _cell(values: list[float]) -> str:
    if not values:
        return "-"
    middle, high = np.percentile(values, (50, 95))
    return f"{middle:.2f} / {high:.2f} ({len(values)})"


if __name__ == "__main__":
    main()
