"""Fetches packages of a Debian suite into a folder, without installing anything on the machine.

The mirror is the machine's own: its Debian sources are read and only the suite is replaced. apt verifies the signatures
with the machine's Debian archive keyring, works under a configuration and state of its own (proxies and passwords of
the machine's configuration are kept, its hooks are not), and `dpkg-deb` unpacks. Root is not needed.

`fetch` takes the packages alone, from any suite; `fetch_what_lacks` takes them with those that they depend on and that
the machine lacks, from the machine's own suite with its security updates: libraries fit those that are there.
"""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.errors import CommandFailed, DebianUnavailable, last_words
from app.embedded.process import plain_environment, run

SOURCES_TRIED_MAX = 3
UPDATE_TIMEOUT_S = 120.0
DOWNLOAD_TIMEOUT_S = 300.0
DPKG_STATUS = Path("/var/lib/dpkg/status")
_KEYRINGS = tuple(Path("/usr/share/keyrings") / f"debian-archive-keyring.{ending}" for ending in ("gpg", "pgp"))


@dataclass(frozen=True)
class Source:
    """One place of the machine's apt sources: where, which suites, and which keys sign it (empty: apt's own)."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str

    @property
    def is_debian(self) -> bool:
        """Whether this is a mirror of Debian's main archive; its signature decides in the end."""
        named = self.uri.rstrip("/").rsplit("/", 1)[-1] == "debian" or "debian-archive" in self.signed_by
        # bookworm, not bookworm-updates nor bookworm-security, which live elsewhere or hold only a part
        whole = any("-" not in suite and "/" not in suite for suite in self.suites)
        fetchable = self.uri.split(":", 1)[0] in ("http", "https", "file", "copy", "mirror", "mirror+file")
        return named and whole and fetchable and "main" in self.components


def machine_sources(apt: Path = Path("/etc/apt")) -> list[Source]:
    """The Debian mirrors of this machine, each once, from `sources.list` and `sources.list.d`."""
    return list({source.uri: source for source in _all_sources(apt) if source.is_debian}.values())


def _updates(suite: str, apt: Path = Path("/etc/apt")) -> list[tuple[Source, str]]:
    """Where this machine has updates of its suite from: `bookworm-updates`, `bookworm-security`."""
    names = (f"{suite}-updates", f"{suite}-security")
    return [(source, name) for source in _all_sources(apt) if "main" in source.components
            for name in source.suites if name in names]  # fmt: skip


def _all_sources(apt: Path) -> list[Source]:
    found: list[Source] = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if path.suffix == ".list":
            found += one_line_sources(text)
        elif path.suffix == ".sources":
            found += deb822_sources(text)
    return found


def one_line_sources(text: str) -> list[Source]:
    """Sources in the old form: `deb [options] uri suite component…`."""
    found = []
    for line in text.splitlines():
        kind, _, rest = line.split("#", 1)[0].strip().partition(" ")
        if kind != "deb":
            continue
        options = ""
        rest = rest.strip()
        if rest.startswith("["):
            options, _, rest = rest[1:].partition("]")
        signed_by = [option.partition("=")[2] for option in options.split() if option.lower().startswith("signed-by=")]
        uri, *words = rest.split() or [""]
        if words:
            found.append(Source(uri, (words[0],), tuple(words[1:]), "".join(signed_by)))
    return found


def deb822_sources(text: str) -> list[Source]:
    """Sources in the new form: stanzas of `Field: value` lines."""
    found = []
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split() or stanza.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        suites, components = tuple(stanza.get("suites", "").split()), tuple(stanza.get("components", "").split())
        signed_by = stanza.get("signed-by", "")
        found += [Source(uri, suites, components, signed_by) for uri in stanza.get("uris", "").split()]
    return found


def _stanzas(text: str) -> list[dict[str, str]]:
    stanzas: list[dict[str, str]] = [{}]
    field = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if not line.strip():
            stanzas.append({})
        elif line[0] in " \t":
            stanzas[-1][field] = stanzas[-1].get(field, "") + "\n" + line.strip()
        else:
            field, _, value = line.partition(":")
            field = field.strip().lower()
            stanzas[-1][field] = value.strip()
    return stanzas


async def fetch(packages: Sequence[str], suite: str, target: Path, progress: Callable[[str], None]) -> dict[str, str]:
    """Unpack `packages` of Debian `suite` into `target`; gives the version of each.

    Raises:
        DebianUnavailable: no apt, no Debian source, no network, or a signature that does not hold.
    """
    return await _fetch(tuple(packages), suite, target, progress, None)


async def fetch_what_lacks(
    packages: Sequence[str], target: Path, progress: Callable[[str], None], status: Path = DPKG_STATUS
) -> dict[str, str]:
    """Unpack `packages`, and of what they depend on whatever `status` does not have installed; gives the versions.

    Raises:
        DebianUnavailable: as with `fetch`, or the machine runs no release of Debian.
    """
    names = tuple(packages)
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    suite = release.get("VERSION_CODENAME", "")
    if release.get("ID") != "debian" or not suite or not status.is_file():
        raise DebianUnavailable(names, suite or "of this machine", "this machine runs no release of Debian")
    return await _fetch(names, suite, target, progress, status)


async def _fetch(
    names: tuple[str, ...], suite: str, target: Path, progress: Callable[[str], None], status: Path | None
) -> dict[str, str]:
    for program in ("apt-get", "apt-config", "dpkg-deb"):
        if shutil.which(program) is None:
            raise DebianUnavailable(names, suite, f"this machine has no {program}")
    sources = machine_sources()[:SOURCES_TRIED_MAX]
    if not sources:
        raise DebianUnavailable(names, suite, "this machine's apt sources name no Debian mirror")
    target.mkdir(parents=True, exist_ok=True)
    progress(f"fetching {', '.join(names)} from Debian {suite} …")
    reasons = []
    for source in sources:
        with tempfile.TemporaryDirectory(prefix=".apt-", dir=target.parent, ignore_cleanup_errors=True) as work:
            try:
                return await _fetch_from(source, names, suite, target, Path(work), status)
            except CommandFailed as error:
                reasons.append(f"{error.what}: {_errors_in(error.output)}")
    raise DebianUnavailable(names, suite, "; ".join(reasons))


async def _fetch_from(
    source: Source, packages: tuple[str, ...], suite: str, target: Path, work: Path, status: Path | None
) -> dict[str, str]:
    work.chmod(0o755)
    downloads = work / "downloads"
    for directory in (work / "lists" / "partial", work / "cache" / "archives" / "partial", downloads):
        directory.mkdir(parents=True)
    if os.geteuid() == 0:  # then apt downloads as a user of its own, if it can get in
        with contextlib.suppress(KeyError, OSError):
            os.chown(downloads, pwd.getpwnam("_apt").pw_uid, -1)
    lines = [f"deb {_signed_by(source)}{source.uri} {suite} main\n"]
    if status is None:
        (work / "status").touch()
        download = ["download", *packages]
    else:
        # A copy, because apt wants to lock what lies beside it; without what was asked for, which shall be fetched.
        stanzas = status.read_text("utf-8").split("\n\n")
        kept = [text for text in stanzas if text.partition("\n")[0].removeprefix("Package: ") not in packages]
        (work / "status").write_text("\n\n".join(kept), "utf-8")
        lines += [f"deb {_signed_by(found)}{found.uri} {name} main\n" for found, name in _updates(suite)]
        wanted = ["--yes", "--no-install-recommends", "--no-remove", "--download-only"]
        download = ["install", *wanted, "-o", f"Dir::Cache::archives={downloads}/", *packages]
        (downloads / "partial").mkdir()
    (work / "sources.list").write_text("".join(lines))
    (work / "apt.conf").write_text(await _configuration(work))
    # The caller's environment, because a proxy may be named there.
    environment = {**os.environ, **plain_environment(), "APT_CONFIG": str(work / "apt.conf")}
    apt_get = shutil.which("apt-get") or "apt-get"
    dpkg_deb = shutil.which("dpkg-deb") or "dpkg-deb"
    await run("apt-get update", [apt_get, "update"], timeout_s=UPDATE_TIMEOUT_S, environment=environment)
    await run(
        "apt-get download",
        [apt_get, *download],
        timeout_s=DOWNLOAD_TIMEOUT_S,
        directory=downloads,
        environment=environment,
    )
    versions = {}
    for archive in sorted(downloads.glob("*.deb")):
        await run("dpkg-deb", [dpkg_deb, "-x", str(archive), str(target)], timeout_s=DOWNLOAD_TIMEOUT_S)
        name, version, _ = archive.name.split("_", 2)
        versions[name] = version.replace("%3a", ":")
    return versions


def _errors_in(output: str) -> str:
    """apt's errors without its warnings, which come after them."""
    errors = [line for line in output.splitlines() if line.startswith(("E:", "W: GPG error", "Err:"))]
    return last_words("\n".join(errors) or output, lines=2)


def _signed_by(source: Source) -> str:
    for keyring in _KEYRINGS:
        if keyring.exists():
            return f"[signed-by={keyring}] "
    # A path, not a key within the file; without either, apt takes the keys that the machine trusts.
    return f"[signed-by={source.signed_by}] " if source.signed_by.startswith("/") else ""


async def _configuration(work: Path) -> str:
    """The machine's way to the network and nothing else of it, then our own directories and strictness."""
    apt_config = shutil.which("apt-config") or "apt-config"
    dumped = await run("apt-config dump", [apt_config, "dump", "Acquire"], timeout_s=30.0)
    own = {
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::sourcelist": str(work / "sources.list"),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": str(work),
        "Dir::State::lists": str(work / "lists"),
        "Dir::State::status": str(work / "status"),
        "Dir::Cache": str(work / "cache"),
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::AllowWeakRepositories": "false",
        "Acquire::AllowDowngradeToInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "15",
        "Acquire::https::Timeout": "15",
        "APT::Get::AllowUnauthenticated": "false",
        "APT::Update::Error-Mode": "any",
    }
    kept = [line for line in dumped.splitlines() if line.startswith("Acquire::") and "::IndexTargets" not in line]
    return "\n".join([*kept, *(f'{name} "{value}";' for name, value in own.items())]) + "\n"
