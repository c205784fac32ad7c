"""`make fuzz`: so many inputs over all targets, in processes that may hang or die; prints a report.

python -m tests.fuzz.run --inputs 1000000 --seed 1 [--workers 2] [--target NAME …] [--report FILE.json]
python -m tests.fuzz.run --seed 1 --target NAME --again NUMBER      one input of them once more, shown and tried

Exit code 1 where an input broke the word: an undeclared error, 50 ms, 64 MB, a hang or the death of the process.
"""

import argparse
import asyncio
import json
import mmap
import os
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS, shares
from tests.fuzz.trying import Finding, Tally, input_of, try_inputs

HANG_S = 60.0  # without a step of processor or wall clock: far more than any machine is slow
CHUNK = 20_000  # inputs that a process tries; then it is replaced, and what it remembers with it
ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run the command."""
    chosen = _arguments()
    if chosen.again is not None:
        return _again(chosen.target[0], chosen.seed, chosen.again)
    if chosen.work:
        _work(chosen)
        return 0
    began = time.monotonic()
    planned = {name: count for name, count in shares(chosen.inputs).items() if name in (chosen.target or TARGETS)}
    tallies = asyncio.run(_all(planned, chosen))
    report = {
        "seed": chosen.seed,
        "inputs": sum(one["inputs"] for one in tallies.values()),
        "accepted": sum(one["accepted"] for one in tallies.values()),
        "refused": sum(one["refused"] for one in tallies.values()),
        "longest_ms": max(one["longest_ms"] for one in tallies.values()),
        "most_bytes": max(one["most_bytes"] for one in tallies.values()),
        "findings": [finding for one in tallies.values() for finding in one["findings"]],
        "took_s": round(time.monotonic() - began, 1),
        "targets": list(tallies.values()),
    }
    _print(report)
    if chosen.report:
        chosen.report.write_text(json.dumps(report, indent=1, ensure_ascii=True), "utf-8")
    return 1 if report["findings"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="over all targets, by their shares")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    parser.add_argument("--report", type=Path)
    parser.add_argument("--again", type=int, metavar="NUMBER", help="show and try one input of a target")
    parser.add_argument("--work", nargs=3, metavar=("FIRST", "LAST", "FILE"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _again(name: str, seed: int, number: int) -> int:
    target: Target = TARGETS[name][1]()
    print(input_of(target, name, seed, number))
    tally = try_inputs(name, seed, [number])
    for finding in tally.findings:
        print(f"{finding.what}: {finding.detail}")
    print(f"{'accepted' if tally.accepted else 'refused'} in {tally.longest_ms:.1f} ms, {tally.most_bytes} bytes")
    return 1 if tally.findings else 0


def _work(chosen: argparse.Namespace) -> None:
    """The process that tries: tells the number of each input through a shared file, and prints its tally."""
    first, last, path = int(chosen.work[0]), int(chosen.work[1]), chosen.work[2]
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 8) as shared:

        def begun(number: int) -> None:
            shared[:8] = struct.pack("<q", number)

        print(json.dumps(try_inputs(chosen.target[0], chosen.seed, range(first, last), begun).told()))


async def _all(planned: dict[str, int], chosen: argparse.Namespace) -> dict[str, dict[str, Any]]:
    tallies = {name: Tally(name).told() for name in planned}
    chunks = [
        (name, first, min(count, first + CHUNK)) for name, count in planned.items() for first in range(0, count, CHUNK)
    ]
    waiting = iter(chunks)

    async def worker() -> None:
        for name, first, last in waiting:
            began = time.monotonic()
            for part in await _chunk(name, chosen.seed, first, last):
                _add(tallies[name], part)
            print(f"{name} {first} to {last}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    await asyncio.gather(*(worker() for _ in range(chosen.workers)))
    return tallies


async def _chunk(name: str, seed: int, first: int, last: int) -> list[dict[str, Any]]:
    """Have inputs tried, over as many processes as it takes; who hangs or dies is named and passed over."""
    parts = []
    while first < last:
        with tempfile.NamedTemporaryFile() as file:
            file.write(struct.pack("<q", -1))
            file.flush()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "ignore", "-m", "tests.fuzz.run", "--seed", str(seed), "--target", name,
                "--work", str(first), str(last), file.name, cwd=ROOT,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            telling = asyncio.create_task(process.communicate())
            hung = await _watched(process.pid, telling, Path(file.name))
            if hung:
                process.kill()
            told, _ = await telling
            [reached] = struct.unpack("<q", Path(file.name).read_bytes())
        if process.returncode == 0:
            return [*parts, json.loads(told)]
        what = "hang" if hung else "died"
        lost = Tally(name, inputs=max(0, reached - first))  # what became of those before it died with the process
        lost.findings.append(Finding(name, reached, what, f"exit code {process.returncode}"))
        parts.append(lost.told())
        if reached < 0:  # it did not get as far as its first input
            return parts
        first = reached + 1
    return parts


async def _watched(pid: int, telling: asyncio.Task[Any], file: Path) -> bool:
    """Wait until a process has told its tally; return whether it stood still instead."""
    seen, since = b"", time.monotonic()
    while True:
        done, _ = await asyncio.wait((telling,), timeout=1.0)
        if done:
            return False
        now = file.read_bytes()
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > HANG_S:
            return True


def _add(whole: dict[str, Any], part: dict[str, Any]) -> None:
    for name in ("inputs", "accepted", "refused"):
        whole[name] += part[name]
    if part["longest_ms"] > whole["longest_ms"]:
        whole["longest_ms"], whole["longest_number"] = part["longest_ms"], part["longest_number"]
    for name in ("most_bytes", "grown_bytes"):
        whole[name] = max(whole[name], part[name])
    whole["findings"] += part["findings"]


def _print(report: dict[str, Any]) -> None:
    print(
        f"{'target':28}{'inputs':>9}{'accepted':>10}{'refused':>10}{'longest ms':>12}"
        f"{'most MB':>9}{'grown MB':>10}  broken"
    )
    for one in report["targets"]:
        print(
            f"{one['target']:28}{one['inputs']:9}{one['accepted']:10}{one['refused']:10}{one['longest_ms']:12.1f}"
            f"{one['most_bytes'] / 1e6:9.1f}{one['grown_bytes'] / 1e6:10.1f}  {len(one['findings'])}"
        )
    print(
        f"seed {report['seed']}: {report['inputs']} inputs, {report['accepted']} accepted, "
        f"{report['refused']} refused, "
        f"longest {report['longest_ms']:.1f} ms, {report['most_bytes'] / 1e6:.0f} MB at most, {report['took_s']} s"
    )
    for finding in report["findings"]:
        print(f"{finding['what'].upper()} {finding['target']} {finding['number']}: {finding['detail']}")
        print(
            f"  once more: python -m tests.fuzz.run --seed {report['seed']} --target '{finding['target']}'"
            f" --again {finding['number']}"
        )


if __name__ == "__main__":
    sys.exit(main())
