"""Write what is simulated or recorded: readings as CSV or NDJSON, plain or gzipped, and the sensors."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.reading import Quality
from model.sensor_file import write_sensor_file
from simulators.instruments import Samples, taken
from simulators.platforms import Platform
from simulators.whole_file import is_ndjson, open_whole

ROWS_AT_ONCE = 50_000  # as texts


def write_readings(
    path: Path, platform: Platform, chunks: Iterable[Samples], progress: Callable[[int], None] | None = None
) -> int:
    """Write a stream as a readings file and return the number of readings; `progress` is told it after each chunk.

    The form follows the name: `.ndjson`, `.jsonl` or `.json` is NDJSON, all else CSV; `.gz` is packed, without a date
    in it, so that the same readings give the same bytes. The file appears under its name once it is whole.
    """
    lines = _ndjson_lines if is_ndjson(path) else _csv_lines
    names = [sensor.sensor for sensor in platform.sensors]
    written = 0
    with open_whole(path) as stream:
        if not is_ndjson(path):
            stream.write("time,sensor,value,quality,received_at\n")
        for chunk in chunks:
            for first in range(0, len(chunk.time), ROWS_AT_ONCE):
                stream.write("".join(lines(taken(chunk, slice(first, first + ROWS_AT_ONCE)), names)))
            written += len(chunk.time)
            if progress is not None:
                progress(written)
    return written


def write_sensors(path: Path, platform: Platform) -> None:
    """Write the platform's sensors as a sensors CSV."""
    write_sensor_file(path, platform.sensors, {city.city: city for city in platform.cities})


def format_instants(times: NDArray[np.int64]) -> list[str]:
    """Return times (epoch ms) as RFC 3339 in UTC with milliseconds."""
    texts: list[str] = np.datetime_as_string(times.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return texts


def shortest(value: float) -> str:
    """Return a number as it is written shortest: 12.50 is 12.5, 12.0 is 12."""
    return repr(value).removesuffix(".0")


def quality_word(bits: int) -> str:
    """Return the word for what a device reports of a reading."""
    return "bad" if bits & Quality.REPORTED_BAD else "uncertain" if bits & Quality.REPORTED_UNCERTAIN else "good"


def _columns(chunk: Samples, names: Sequence[str]) -> Iterator[tuple[str, str, str, str, str]]:
    """Of each reading its time, sensor, value, quality (empty where good) and arrival, as texts."""
    words = {bits: quality_word(bits) if bits else "" for bits in np.unique(chunk.quality).tolist()}
    return zip(
        format_instants(chunk.time),
        [names[k] for k in chunk.sensor.tolist()],
        map(shortest, chunk.value.tolist()),
        [words[bits] for bits in chunk.quality.tolist()],
        format_instants(chunk.arrival),
        strict=True,
    )


def _csv_lines(chunk: Samples, names: Sequence[str]) -> list[str]:
    return [f"{','.join(cells)}\n" for cells in _columns(chunk, names)]


def _ndjson_lines(chunk: Samples, names: Sequence[str]) -> list[str]:
    return [
        f'{{"time":"{time}","sensor":{json.dumps(sensor)},"value":{value},{_quality(word)}"received_at":"{arrival}"}}\n'
        for time, sensor, value, word, arrival in _columns(chunk, names)
    ]


def _quality(word: str) -> str:
    return f'"quality":"{word}",' if word else ""
