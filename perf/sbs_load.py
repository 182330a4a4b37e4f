"""A judging session under load: 200 simulated annotators against the real server on loopback, and its books afterwards.

    python perf/sbs_load.py [--annotators 200] [--votes 3000]

One in ten judgements is posted twice, one in fifty leases is abandoned, and the server is killed with SIGKILL halfway;
while it is down every lease runs out, so that annotators come back to slots that are theirs no more. Prints
`what | ours | other | ratio | bar`: judgements lost, doubled, given out too often, slots not accounted for, CPU of the
server for each judgement. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, status
from vlmeval.sbs.content import Content, Entry, Setting
from vlmeval.sbs.records import LEASE_SECONDS, Shown
from vlmeval.sbs.study import make_study, open_study
from vlmeval.sbs.tokens import make_tokens

MODELS = tuple(f"model-{letter}" for letter in "abcdef")
OVERLAP = 3
REPEATED, ABANDONED = 0.10, 0.02
OUTCOMES = ("left", "right", "tie", "both_bad")
CPU_MILLISECONDS = 1.0
START_SECONDS, LONGEST_SECONDS = 60.0, 300.0


@dataclass
class Told:
    """What clients were told: the acknowledged outcome of each key, and how often something was refused or repeated."""

    outcomes: dict[str, tuple[int, str]] = field(default_factory=dict)
    bodies: Counter[str] = field(default_factory=Counter)
    unequal: int = 0
    seconds: list[float] = field(default_factory=list)


class Server:
    """`vlmeval sbs serve` as a process; its CPU seconds since it was ready."""

    def __init__(self, folder: Path, tokens: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._command = [
            sys.executable, "-m", "vlmeval", "sbs", "serve", str(folder), "--port", str(self.port), "--tokens",
            str(tokens), "--rate", "100000",
        ]  # fmt: skip
        self.cpu = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def start(self) -> None:
        """Start it, and wait until it answers."""
        root = Path(__file__).resolve().parent.parent
        environment = {**os.environ, "PYTHONPATH": str(root)}
        self._process = subprocess.Popen(self._command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise SystemExit("perf/sbs_load.py: the server does not start") from None
                time.sleep(0.05)
        self._started = self._used()

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        assert self._process is not None
        self.cpu += self._used() - self._started
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _used(self) -> float:
        """Return user and system seconds of the process, all threads."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    """One annotator: a connection kept alive, and the same post again until it is answered."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._cookie = ""

    async def enter(self) -> None:
        """Sign in."""
        reply = await self._post("/enter", urlencode({"token": self._token}), "application/x-www-form-urlencoded")
        self._cookie = reply[1]["set-cookie"].split(";")[0]

    async def ask(self, path: str, value: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Post JSON; return status and answer."""
        code, _, body = await self._post(path, json.dumps(value), "application/json")
        return code, json.loads(body)

    async def _post(self, path: str, body: str, kind: str) -> tuple[int, dict[str, str], bytes]:
        while True:
            try:
                return await self._once(path, body, kind)
            except (OSError, asyncio.IncompleteReadError, IndexError):
                self.close()
                await asyncio.sleep(0.2)

    async def _once(self, path: str, body: str, kind: str) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        host = f"127.0.0.1:{self._port}"
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\ncookie: {self._cookie}\r\n"
            f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        return int(head[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", "0")))

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def annotate(client: Client, draw: random.Random, told: Told) -> None:
    """Judge until nothing is left, or until a lease is abandoned for good."""
    await client.enter()
    while True:
        code, answer = await client.ask("/api/pairs", {})
        if code != 200 or not answer["open"]:
            break
        assignment = answer["open"][0]
        while assignment is not None:
            if draw.random() < ABANDONED:
                client.close()
                return
            assignment = await judge(client, draw, told, assignment)
    client.close()


async def judge(client: Client, draw: random.Random, told: Told, assignment: int) -> int | None:
    """Post a judgement, one in ten twice; return the next assignment, None to ask for pairs again."""
    key = str(uuid.UUID(int=draw.getrandbits(128), version=4))
    body = {"assignment": assignment, "key": key, "outcome": draw.choice(OUTCOMES), "seconds": 3.0}
    start = time.monotonic()
    code, answer = await client.ask("/api/judgements", body)
    told.seconds.append(time.monotonic() - start)
    told.bodies[str(code)] += 1
    if code != 200:
        return None
    told.outcomes[key] = (assignment, str(body["outcome"]))
    if draw.random() < REPEATED:
        again, repeated = await client.ask("/api/judgements", body)
        told.bodies["repeated"] += 1
        told.unequal += again != 200 or repeated["kept"] != answer["kept"]
    return answer["open"][0] if answer["open"] else None


async def session(server: Server, folder: Path, tokens: list[str], told: Told, half: int) -> None:
    """Run all annotators; kill and restart the server once `half` of the judgements are in."""
    tasks = [
        asyncio.create_task(annotate(Client(server.port, token), random.Random(number), told))  # noqa: S311
        for number, token in enumerate(tokens)
    ]
    running = asyncio.gather(*tasks)
    while len(told.outcomes) < half and not running.done():
        await asyncio.sleep(0.01)
    server.kill()
    with open_study(folder) as store:
        store.expire(time.time() + LEASE_SECONDS + 1)
    await asyncio.to_thread(server.start)
    await asyncio.wait_for(running, LONGEST_SECONDS)


def content(votes: int) -> Content:
    """Return a study that wants about so many votes."""
    pairs = len(MODELS) * (len(MODELS) - 1) // 2
    prompts = max(1, votes // (pairs * OVERLAP))
    return Content(
        MODELS,
        tuple(
            Entry(
                f"q{number}", (Shown(text=f"What is in picture {number}?"),),
                {model: f"**{place}** things in {number}.\n\n- one\n- two" for place, model in enumerate(MODELS)},
                dict.fromkeys(MODELS, "answered"),
            )
            for number in range(prompts)
        ),
    )  # fmt: skip


def lines(annotators: int, votes: int) -> Iterator[Line | Skipped]:
    """Yield the figures of one session."""
    if not Path("/proc/self/stat").exists():
        yield Skipped("CPU of a judgement", "no /proc here")
        return
    told = Told()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "load"
        made = content(votes)
        study = make_study(
            folder, made, Setting(overlap=OVERLAP), task="load", sources=(), now=time.time(), created="", version=""
        )
        tokens = make_tokens(Path(root) / "tokens.csv", annotators=annotators)
        server = Server(folder, Path(root) / "tokens.csv")
        server.start()
        start = time.monotonic()
        asyncio.run(
            session(server, folder, [token for _, token in tokens.annotators], told, study.items * OVERLAP // 2)
        )
        wall = time.monotonic() - start
        server.kill()
        with open_study(folder) as store:
            stored = list(store.ballots())
            counts, problems = store.counts(), store.verify()
            over = sum(item.open < 0 or item.open > item.need for item in store.items())
        held = Counter(one.item for one in stored)
        over += sum(number > OVERLAP for number in held.values())
    acknowledged = dict(told.outcomes.values())
    kept = {one.assignment: one.outcome for one in stored}
    lost = sum(kept.get(assignment) != outcome for assignment, outcome in acknowledged.items())
    doubled = len(stored) - len({(one.item, one.annotator) for one in stored})
    doubled += len(told.outcomes) - len(acknowledged)
    balance = counts["need"] - counts["open"] - counts["leased"] - counts["voted"]
    judged = len(told.outcomes)
    slowest = sorted(told.seconds)[int(0.99 * len(told.seconds))]
    print(
        f"{annotators} annotators, {judged} judgements in {wall:.1f} s ({judged / wall:.0f}/s), "
        f"{told.bodies['repeated']} posted twice, {counts['leased']} leases open, {counts['open']} slots open, "
        f"{told.bodies['409']} refused after their lease was lost, 99 % answered within {1e3 * slowest:.0f} ms"
    )
    for problem in problems:
        print(f"verify: {problem}")
    yield Line("judgements lost", lost, most=0, unit="")
    yield Line("judgements doubled", doubled, most=0, unit="")
    yield Line("items given out too often", over, most=0, unit="")
    yield Line("slots not accounted for", abs(balance), most=0, unit="")
    yield Line("repeated posts answered otherwise", told.unequal, most=0, unit="")
    yield Line("problems found by verify", len(problems), most=0, unit="")
    yield Line("CPU of a judgement", 1e3 * server.cpu / max(1, judged), most=CPU_MILLISECONDS, unit="ms")


def main() -> int:
    """Run the session and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, default=200)
    parser.add_argument("--votes", type=int, default=3_000)
    given = parser.parse_args()
    return status(lines(given.annotators, given.votes))


if __name__ == "__main__":
    sys.exit(main())
