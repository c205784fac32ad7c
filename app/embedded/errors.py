"""What can go wrong with the embedded database and broker: one type each, with the facts in attributes.

`str()` of every one of them says what happened, where, and how to mend it, in one sentence.
"""

from __future__ import annotations

from pathlib import Path


class EmbeddedError(Exception):
    """An embedded part could not be had; `what`, `where` and `remedy` say it in words."""

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} ({self.where}): {self.remedy}"


class PortInUse(EmbeddedError):
    """Another process listens on the port already."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} is in use", f"{host}:{port}", "choose another port, or end what listens on it")
        self.host = host
        self.port = port


class PortRefused(EmbeddedError):
    """The system does not let us listen on this host and port."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"cannot listen on port {port}: {reason}",
            f"{host}:{port}",
            "choose an address of this machine and a port above 1023",
        )
        self.host = host
        self.port = port
        self.reason = reason


class CredentialsMissing(EmbeddedError):
    """A broker that other machines can reach was asked for without user and password."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "a broker open to other machines needs a user and a password",
            host,
            "give both, or listen on 127.0.0.1",
        )
        self.host = host


class SettingRefused(EmbeddedError):
    """A setting has a value that would not work."""

    def __init__(self, name: str, value: str, allowed: str) -> None:
        super().__init__(f"{name} cannot be {value!r}", name, f"use {allowed}")
        self.name = name
        self.value = value
        self.allowed = allowed


class ProgramMissing(EmbeddedError):
    """A program that should be there is not."""

    def __init__(self, program: str, looked_in: str, remedy: str) -> None:
        super().__init__(f"the program {program} is missing", looked_in, remedy)
        self.program = program
        self.looked_in = looked_in


class DirectoryUnusable(EmbeddedError):
    """A directory cannot be made or written to."""

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(
            f"cannot write: {reason}", str(directory), "make it writable for this user, or name another directory"
        )
        self.directory = directory
        self.reason = reason


class DirectoryInUse(EmbeddedError):
    """Another process works on the directory and did not end in time."""

    def __init__(self, directory: Path, holder: int | None, waited_s: float) -> None:
        by = f"process {holder}" if holder else "another process"
        super().__init__(
            f"{by} still uses this directory after a wait of {waited_s:g} s",
            str(directory),
            "stop the other Lifeline, or give this one a directory of its own",
        )
        self.directory = directory
        self.holder = holder
        self.waited_s = waited_s


class DebianUnavailable(EmbeddedError):
    """Debian's packages cannot be fetched on this machine."""

    def __init__(self, packages: tuple[str, ...], suite: str, reason: str) -> None:
        super().__init__(
            f"cannot fetch {', '.join(packages)} of Debian {suite}: {reason}",
            "apt-get",
            "check the network and this machine's Debian sources and archive keyring",
        )
        self.packages = packages
        self.suite = suite
        self.reason = reason


class CommandFailed(EmbeddedError):
    """A command that should end by itself failed, or took too long."""

    def __init__(self, name: str, code: int | None, output: str) -> None:
        how = "took too long" if code is None else f"ended with code {code}"
        super().__init__(f"{name} {how}", last_words(output), "see the words in brackets")
        self.name = name
        self.code = code
        self.output = output


class ServerEnded(EmbeddedError):
    """A server ended before it was ready, or was not ready in time."""

    def __init__(self, name: str, code: int | None, log: Path, words: str) -> None:
        how = "was not ready in time" if code is None else f"ended with code {code} before it was ready"
        super().__init__(f"{name} {how}", words or "it said nothing", f"read {log}")
        self.name = name
        self.code = code
        self.log = log
        self.words = words


class AccountRefused(EmbeddedError):
    """No account was found under which PostgreSQL, which refuses to run as root, can work here."""

    def __init__(self, home: Path, reasons: tuple[str, ...]) -> None:
        super().__init__(
            f"PostgreSQL cannot run as another account: {'; '.join(reasons)}",
            str(home),
            "start Lifeline as an ordinary user, or permit user namespaces, or set LIFELINE_DATABASE_URL",
        )
        self.home = home
        self.reasons = reasons


class DataNeedsOther(EmbeddedError):
    """The data directory was made with programs that are not the ones at hand."""

    def __init__(self, directory: Path, needs: str, has: str) -> None:
        super().__init__(
            f"this data needs {needs}, but here is {has}",
            str(directory),
            f"provide {needs}, or restore a backup into a new directory",
        )
        self.directory = directory
        self.needs = needs
        self.has = has


def last_words(text: str, lines: int = 3, characters: int = 400) -> str:
    """The last lines of a program's output on one line, for an error message."""
    kept = [line.strip() for line in text.splitlines() if line.strip()][-lines:]
    return " / ".join(kept)[-characters:]
