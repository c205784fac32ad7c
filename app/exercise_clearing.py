"""An exercise begins with an empty list: what an earlier one left is withdrawn, and seen to by the exercise itself."""

from collections.abc import Callable, Sequence

from alerts.lifecycle import acknowledge, reset
from alerts.recording import record
from model.alarm import LATCHED_STATES, Alarm, State
from store.exercises import clear_cities, load_left
from store.journal import Place, Transition, lock_journal
from store.pool import Pool

ACTOR = CAUSE = "exercise"
COMMENT = "left by an earlier exercise when another one began / 上一次演练遗留，新的演练开始时结束"
AT_A_TIME = 500  # alarms, for which the journal's lock is held


async def begin_anew(pool: Pool, cities: Sequence[str], clock: Callable[[], int]) -> int:
    """Bring all alarms of these cities of exercises to their end; those of others are left alone.

    The evaluator withdraws what stands. What has returned and waits for a person still is acknowledged, and reset where
    it latched, by the exercise: its lines bear the cause `exercise`, so that no figure takes them for a trainee's.
    Return how many it saw to. `clock` gives epoch milliseconds.
    """
    await clear_cities(pool, cities)
    seen_to = 0
    async with pool.acquire() as connection:
        while True:
            async with connection.transaction():
                await lock_journal(connection)
                left = await load_left(connection, cities, AT_A_TIME)
                now = clock()
                await record(connection, [line for alarm, place in left.values() for line in _ended(alarm, place, now)])
            seen_to += len(left)
            if len(left) < AT_A_TIME:
                return seen_to


def _ended(alarm: Alarm, place: Place, time: int) -> list[Transition]:
    done: list[Transition] = []
    if alarm.state in LATCHED_STATES:
        done.append(Transition(*reset(alarm, actor=ACTOR, time=time, comment=COMMENT, cause=CAUSE), place))
        alarm = done[-1].alarm
    if alarm.state is State.RETURNED_UNACKNOWLEDGED:
        done.append(Transition(*acknowledge(alarm, actor=ACTOR, time=time, comment=COMMENT, cause=CAUSE), place))
    return done
