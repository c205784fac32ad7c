"""The processes at work for another (app.own_process), looked for among all of this machine."""

from pathlib import Path

from tests.api.service import until


def workers(parent: int) -> list[int]:
    """Return those of a process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, stat = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
        except OSError:
            continue  # it has ended meanwhile
        if b"app.own_process\0" in words and int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(folder.name))
    return found


def is_there(process: int) -> bool:
    """Whether it has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def the_worker(parent: int) -> int:
    """Wait until a process has one, and return it."""
    await until(lambda: bool(workers(parent)))
    return workers(parent)[0]
