"""How many files and connections the process may hold open."""

import resource


class TooFewOpenFiles(Exception):
    """The machine's hard limit lies below what is needed; the text says how to raise it."""

    def __init__(self, wanted: int, hard: int) -> None:
        super().__init__(
            f"{wanted} open files are needed and {hard} are allowed; raise the hard limit: `ulimit -Hn {wanted}` as "
            f"root, LimitNOFILE={wanted} in a systemd unit, or `--ulimit nofile={wanted}` for a container"
        )


def allow_open_files(wanted: int) -> None:
    """Raise the soft limit of open files to at least so many. Raises TooFewOpenFiles."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise TooFewOpenFiles(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
