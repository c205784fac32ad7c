"""Exercises that the service plays: each a process of its own, which publishes as devices do and ends with the service.

A crash of it harms nobody. Whatever becomes of it, its sensors are put to rest, so that none of them counts as silent.
"""

import asyncio
import contextlib
import logging
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from app.exercise_orders import Order, Told
from model.instant import format_instant

ENDED_KEPT_MAX = 50
ANSWER_S_MAX = 15.0  # of an order: sensors are registered anew before a long pause ends
END_S_MAX = 10.0
LINE_BYTES_MAX = 1_000_000
WORDS_MAX = 20
ERROR_CHARACTERS_MAX = 500
_CLOSED = (OSError, RuntimeError)  # what asyncio and uvloop raise where the process has gone meanwhile
log = logging.getLogger(__name__)
_told = msgspec.json.Decoder(Told).decode
_encode = msgspec.json.Encoder().encode


class ExerciseRefused(Exception):
    """An exercise that cannot be started, or an order that cannot be done; `remedy` says what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be played: `arguments` are those of `lifeline exercise`."""

    arguments: tuple[str, ...]
    cities: tuple[str, ...]
    platform: str | None = None
    scenario: str | None = None
    size: str | None = None
    seed: int | None = None
    recording: str | None = None


@dataclass
class Played:
    """An exercise that is or was played; times are epoch milliseconds."""

    exercise: str
    plan: Plan
    started_by: str
    started_at: int
    process: asyncio.subprocess.Process
    told: Told | None = None
    ended_at: int | None = None
    ended_by: str | None = None
    error: str | None = None
    words: deque[str] = field(default_factory=lambda: deque(maxlen=WORDS_MAX))
    orders: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    watching: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """One of app.exercise_orders.State."""
        if self.error is not None:
            return "failed"
        if self.ended_at is not None:
            return "ended"
        return "preparing" if self.told is None else self.told.state


class Exercises:
    """All exercises of this process; none where it knows no broker (`environment` is None)."""

    def __init__(
        self,
        clock: Callable[[], int] = lambda: 0,
        *,
        exercises_max: int = 0,
        environment: Mapping[str, str] | None = None,
        rest: Callable[[tuple[str, ...]], Awaitable[object]] | None = None,
        recordings: Path | None = None,
    ) -> None:
        self.exercises_max, self.recordings = exercises_max, recordings
        self._clock, self._environment, self._rest = clock, environment, rest
        self._played: dict[str, Played] = {}
        self._starting = asyncio.Lock()

    @property
    def available(self) -> bool:
        """Whether one can be started here at all."""
        return self._environment is not None and self.exercises_max > 0

    def all(self) -> list[Played]:
        """Return those that run and those that ended last, newest first."""
        return list(reversed(self._played.values()))

    def find(self, exercise: str) -> Played | None:
        """Return one by its id."""
        return self._played.get(exercise)

    def check(self, plan: Plan) -> None:
        """Raise ExerciseRefused where the plan cannot be started now."""
        if not self.available:
            raise ExerciseRefused(
                "no exercise can be played here",
                "ask the service that has the broker, and where LIFELINE_EXERCISES_MAX is above 0",
            )
        running = [one for one in self._played.values() if one.ended_at is None]
        for one in running:
            if taken := sorted(set(plan.cities) & set(one.plan.cities)):
                raise ExerciseRefused(f"an exercise is played in {taken[0]} already", "end that one first")
        if len(running) >= self.exercises_max:
            raise ExerciseRefused(f"{len(running)} of at most {self.exercises_max} exercises run", "end one first")

    async def start(self, plan: Plan, by: str) -> Played:
        """Start one. Raises ExerciseRefused."""
        async with self._starting:
            self.check(plan)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.cli", "exercise", *plan.arguments,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env=dict(self._environment or {}), limit=LINE_BYTES_MAX,
                start_new_session=True,  # the terminal's Ctrl-C is for the service, which ends it in order
            )  # fmt: skip
            now = self._clock()
            stamp = format_instant(now).replace("-", "").replace(":", "").replace(".", "")
            played = Played(f"{plan.cities[0]}.{stamp}", plan, by, now, process)
            played.watching = asyncio.create_task(self._watch(played))
            self._played[played.exercise] = played
            for one in [one for one in self._played.values() if one.ended_at is not None][:-ENDED_KEPT_MAX]:
                del self._played[one.exercise]
            return played

    async def order(self, played: Played, order: Order) -> None:
        """Hand an order on and wait until it is done. Raises ExerciseRefused where it has ended, or does not answer."""
        if played.ended_at is not None or played.process.stdin is None:
            raise ExerciseRefused("this exercise has ended", "start another one")
        played.orders += 1
        order.number = played.orders
        with contextlib.suppress(*_CLOSED):
            played.process.stdin.write(_encode(order) + b"\n")
            await played.process.stdin.drain()
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                while played.ended_at is None and (played.told is None or played.told.seen < order.number):
                    played.changed.clear()
                    await played.changed.wait()
        except TimeoutError:
            raise ExerciseRefused("the exercise does not answer", "try again, or end it") from None

    async def end(self, played: Played, by: str) -> None:
        """End one, in order where it lets itself; nothing where it has ended."""
        if played.ended_at is not None:
            return
        played.ended_by = played.ended_by or by
        if played.told is None or played.told.state == "preparing":
            with contextlib.suppress(ProcessLookupError):
                played.process.terminate()  # it solves networks, and hears nothing meanwhile
        elif played.process.stdin is not None:
            with contextlib.suppress(*_CLOSED):
                played.process.stdin.write(_encode(Order("end")) + b"\n")
                played.process.stdin.close()
        assert played.watching is not None
        await asyncio.wait((played.watching,), timeout=END_S_MAX)
        if played.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                played.process.kill()
        await asyncio.wait((played.watching,), timeout=END_S_MAX)

    async def close(self) -> None:
        """End all: the service ends."""
        await asyncio.gather(*(self.end(one, "lifeline") for one in self._played.values()))

    async def _watch(self, played: Played) -> None:
        process = played.process
        assert process.stdout is not None
        assert process.stderr is not None
        listening = asyncio.create_task(_listen(played, process.stderr))
        try:
            while line := await process.stdout.readline():
                with contextlib.suppress(msgspec.DecodeError):
                    played.told = _told(line)
                    played.changed.set()
        except ValueError:  # a line longer than any of ours
            process.kill()
        code = await process.wait()
        await listening
        if code != 0 and self._rest is not None:
            try:
                await self._rest(played.plan.cities)
            except Exception:
                log.exception("the sensors of exercise %s could not be put to rest", played.exercise)
        if code != 0 and played.ended_by is None:
            played.error = next(reversed(played.words), f"it ended with code {code}")[:ERROR_CHARACTERS_MAX]
            log.warning("exercise %s failed: %s", played.exercise, " / ".join(played.words) or code)
        played.ended_at = self._clock()
        played.changed.set()


async def _listen(played: Played, stream: asyncio.StreamReader) -> None:
    """Keep its last words, which say why it failed."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        if text := line.decode("utf-8", "replace").strip():
            played.words.append(text.removeprefix("lifeline exercise: "))
