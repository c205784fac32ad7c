"""Recordings that can be exercised: readings files in a folder, each with its sensors file beside it."""

from pathlib import Path
from typing import NamedTuple

READINGS = (".csv", ".csv.gz", ".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
SENSORS = (".sensors.csv", ".sensors.geojson")
RECORDINGS_MAX = 500


class RecordingFile(NamedTuple):
    """A recording, named as its file is without the kind; `sensors` is None where that file is missing."""

    recording: str
    path: Path
    sensors: Path | None
    size_bytes: int
    changed_ms: int


def find_recordings(folder: Path | None) -> list[RecordingFile]:
    """Return the recordings of a folder by name; none where there is no folder. Links out of it are left out."""
    if folder is None or not folder.is_dir():
        return []
    found = []
    root = folder.resolve()
    for path in sorted(folder.iterdir()):
        kind = next((end for end in READINGS if path.name.endswith(end)), None)
        if kind is None or path.name.endswith(SENSORS) or not path.is_file() or path.resolve().parent != root:
            continue
        name = path.name.removesuffix(kind)
        beside = (folder / (name + end) for end in SENSORS)
        sensors = next((one for one in beside if one.is_file() and one.resolve().parent == root), None)
        facts = path.stat()
        found.append(RecordingFile(name, path, sensors, facts.st_size, facts.st_mtime_ns // 1_000_000))
    return found[:RECORDINGS_MAX]
