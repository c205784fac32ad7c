"""Where each tool writes: Lifeline into its own table, the peers into one of the same key, both hypertables."""

from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.preload import SENSORS, Load, sensors
from store.pool import Pool

SCHEMA = """
    drop table if exists peer_reading cascade;
    create table peer_reading (
        sensor text not null,
        time timestamptz not null,
        value double precision not null,
        primary key (sensor, time)
    );
    do $$ begin
        if exists (select from pg_extension where extname = 'timescaledb') then
            perform create_hypertable('peer_reading', 'time', chunk_time_interval => interval '7 days',
                                      create_default_indexes => false);
        end if;
    end $$;
    -- mq-bridge writes a batch in one statement only where that holds plain values; so the sensor is taken out of the
    -- topic, and the text becomes a time, on this side.
    create view peer_arrival as select sensor as topic, time::text as time, value from peer_reading;
    create rule peer_arrival as on insert to peer_arrival do instead
        insert into peer_reading values (split_part(new.topic, '/', 4), new.time::timestamptz, new.value)
        on conflict do nothing;
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of readings, the column that names the sensor, and an SQL expression of it for a sensor's name `$1`."""

    name: str
    sensor: str
    of_name: str

    async def rows(self, pool: Pool) -> int:
        """Return how many readings are committed."""
        return int(await pool.fetchval(f"select count(*) from {self.name}"))

    async def doubles(self, pool: Pool) -> int:
        """Return how many readings stand there besides another one of their sensor and time."""
        return int(await pool.fetchval(f"select count(*) - count(distinct ({self.sensor}, time)) from {self.name}"))

    async def holds(self, pool: Pool, sensor: str, time: datetime) -> bool:
        """Tell whether one reading is committed; by the key, so that asking often costs little."""
        found = f"select exists (select from {self.name} where {self.sensor} = {self.of_name} and time = $2)"
        return bool(await pool.fetchval(found, sensor, time))


LIFELINE = Table("reading", "sensor_key", "(select sensor_key from sensor where sensor = $1)")
PEER = Table("peer_reading", "sensor", "$1")


def last_reading(load: Load) -> tuple[str, datetime]:
    """Return sensor and time of the load's last reading."""
    number = load.messages * load.readings - 1
    time = datetime.fromtimestamp(load.start_ms / 1_000 + number // SENSORS, UTC)
    return sensors()[0][number % SENSORS].sensor, time
