"""Write what is simulated or recorded: readings as CSV or NDJSON, plain or gzipped, the truth, the sensors."""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from model.instant import format_instant
from model.sensor_file import write_sensor_file
from simulators.instruments import decimals_of
from simulators.platforms import Platform
from simulators.stream import Chunk
from simulators.truth import TruthRow

GZIP_LEVEL = 6


def write_readings(
    path: Path, platform: Platform, chunks: Iterable[Chunk], progress: Callable[[int], None] | None = None
) -> int:
    """Write a stream as a readings file and return the number of readings; `progress` is told it after each chunk.

    The form follows the name: `.ndjson`, `.jsonl` or `.json` is NDJSON, all else CSV; `.gz` is packed, without a date
    in it, so that the same readings give the same bytes. The file appears under its name once it is whole.
    """
    line = _ndjson_line if is_ndjson(path) else _csv_line
    names = [sensor.sensor for sensor in platform.sensors]
    decimals = [decimals_of(instrument.resolution) for instrument in platform.instruments]
    written = 0
    with open_whole(path) as stream:
        if not is_ndjson(path):
            stream.write("time,sensor,value\n")
        for chunk in chunks:
            times = format_instants(chunk)
            sensors, values = chunk.sensor.tolist(), chunk.value.tolist()
            stream.write(
                "".join(
                    line(time, names[k], shortest(value, decimals[k]))
                    for time, k, value in zip(times, sensors, values, strict=True)
                )
            )
            written += len(times)
            if progress is not None:
                progress(written)
    return written


def write_truth(path: Path, rows: Iterable[TruthRow]) -> None:
    """Write truth rows as CSV `sensor,start,end,kind,note`."""
    with open_whole(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(TruthRow._fields)
        for row in rows:
            writer.writerow((row.sensor, format_instant(row.start), format_instant(row.end), row.kind, row.note))


def write_sensors(path: Path, platform: Platform) -> None:
    """Write the platform's sensors as a sensors CSV."""
    write_sensor_file(path, platform.sensors, {platform.city.city: platform.city})


def format_instants(chunk: Chunk) -> list[str]:
    """Return the times of a chunk as RFC 3339 in UTC with milliseconds."""
    moments = chunk.time.astype("datetime64[ms]")
    return [str(text) for text in np.datetime_as_string(moments, unit="ms", timezone="UTC")]


def shortest(value: float, decimals: int) -> str:
    """Return a number with at most that many decimals and no zero at their end: 12.50 is 12.5, 12.0 is 12."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if decimals else text
    return "0" if text == "-0" else text


def is_ndjson(path: Path) -> bool:
    """Return whether a readings file of that name is NDJSON; the same names as in reading."""
    return path.name.removesuffix(".gz").endswith((".ndjson", ".jsonl", ".json"))


@contextmanager
def open_whole(path: Path) -> Iterator[IO[str]]:
    """Open a text file for writing beside its name, packed where it ends in .gz, and move it there when it is whole.

    After an error or an interrupt the old file stands as it was, and what was written remains as `.partial`.
    """
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as raw:
        if path.name.endswith(".gz"):
            with gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed, _text(cast(IO[bytes], packed)) as stream:
                yield stream
        else:
            with _text(raw) as stream:
                yield stream
    os.replace(partial, path)


def _text(binary: IO[bytes]) -> io.TextIOWrapper:
    return io.TextIOWrapper(binary, "utf-8", "backslashreplace", newline="")


def _csv_line(time: str, sensor: str, value: str) -> str:
    return f"{time},{sensor},{value}\n"


def _ndjson_line(time: str, sensor: str, value: str) -> str:
    return f'{{"time":"{time}","sensor":{json.dumps(sensor)},"value":{value}}}\n'
