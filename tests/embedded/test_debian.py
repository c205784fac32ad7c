from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from app.embedded import debian
from app.embedded.debian import (
    Source,
    deb822_sources,
    fetch,
    fetch_what_lacks,
    machine_sources,
    one_line_sources,
)
from app.embedded.errors import DebianUnavailable

DEB822 = """\
# the machine's own
Types: deb deb-src
URIs: http://mirror.example/debian http://second.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQ==

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def test_deb822_stanzas_give_one_source_for_each_address() -> None:
    first, second, security = deb822_sources(DEB822)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    suites = ("bookworm", "bookworm-updates")
    assert first == Source("http://mirror.example/debian", suites, ("main", "contrib"), keyring)
    assert second.uri == "http://second.example/debian/"
    assert security.signed_by.startswith("\n-----BEGIN")


def test_one_line_sources_with_options_and_comments() -> None:
    text = (
        "# deb http://off.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # ours\n"
        "deb-src http://mirror.example/debian bookworm main\n"
        "deb http://flat.example/ ./\n"
        "deb\n"
    )
    assert one_line_sources(text) == [
        Source("http://mirror.example/debian", ("bookworm",), ("main", "contrib"), "/k.gpg"),
        Source("http://flat.example/", ("./",), (), ""),
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source("http://m.example/debian", ("bookworm",), ("main",), ""), True),
        (Source("http://m.example/mirrors/debian/", ("stable", "stable-updates"), ("main",), ""), True),
        (
            Source("http://m.example/any", ("bookworm",), ("main",), "/usr/share/keyrings/debian-archive-keyring.gpg"),
            True,
        ),
        (Source("mirror+file:/etc/apt/mirrors/debian", ("trixie",), ("main",), ""), True),
        (Source("http://m.example/debian", ("bookworm-updates",), ("main",), ""), False),
        (Source("http://m.example/debian-security", ("bookworm-security",), ("main",), "debian-archive"), False),
        (Source("http://m.example/debian-security", ("buster/updates",), ("main",), "debian-archive"), False),
        (Source("http://m.example/ubuntu", ("noble",), ("main",), ""), False),
        (Source("https://m.example/node_20.x", ("nodistro",), ("main",), "/usr/share/keyrings/nodesource.gpg"), False),
        (Source("http://m.example/debian", ("bookworm",), ("contrib",), ""), False),
        (Source("cdrom:[Debian]/debian", ("bookworm",), ("main",), ""), False),
    ],
)
def test_only_a_mirror_of_debians_main_archive_is_taken(source: Source, expected: bool) -> None:
    assert source.is_debian is expected


def test_sources_of_the_machine_come_from_both_places_each_once(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (tmp_path / "sources.list").write_text("deb http://second.example/debian/ bookworm main\n")
    (folder / "debian.sources").write_text(DEB822)
    (folder / "old.list.disabled").write_text("deb http://third.example/debian bookworm main\n")
    assert [source.uri for source in machine_sources(tmp_path)] == [
        "http://second.example/debian/",
        "http://mirror.example/debian",
    ]


def test_machine_without_apt_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(DebianUnavailable, match="no apt-get") as caught:
        asyncio.run(fetch(["libc6"], "trixie", tmp_path / "out", lambda _: None))
    assert caught.value.packages == ("libc6",)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt")
def test_mirror_that_cannot_be_reached_is_told_with_apts_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(f"file:{tmp_path}/debian", ("bookworm",), ("main",), "")
    monkeypatch.setattr(debian, "machine_sources", lambda: [source])
    with pytest.raises(DebianUnavailable, match="apt-get update ended with code 100"):
        asyncio.run(fetch(["libc6"], "trixie", tmp_path / "out", lambda _: None))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt")
@pytest.mark.parametrize(
    ("there", "fetched"),
    [
        (("libc6",), {"libvorbis0a", "libogg0"}),
        (("libc6", "libogg0"), {"libvorbis0a"}),
        (("libc6", "libogg0", "libvorbis0a"), {"libvorbis0a"}),  # asked for, so that it is where it was asked for
    ],
)
def test_what_the_machine_lacks_is_fetched_and_nothing_else(
    tmp_path: Path, there: tuple[str, ...], fetched: set[str]
) -> None:
    kind = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    status = tmp_path / "status"
    status.write_text(
        "".join(
            f"Package: {name}\nStatus: install ok installed\nVersion: 99\nArchitecture: {kind}\nMulti-Arch: same\n\n"
            for name in there
        )
    )
    before = status.read_text()
    versions = asyncio.run(fetch_what_lacks(["libvorbis0a"], tmp_path / "out", lambda _: None, status))
    assert set(versions) == fetched
    assert list((tmp_path / "out").glob("usr/lib/*/libvorbis.so.0"))
    assert bool(list((tmp_path / "out").glob("usr/lib/*/libogg.so.0"))) is ("libogg0" in fetched)
    assert status.read_text() == before


def test_a_machine_of_another_kind_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path / "status"
    status.touch()
    monkeypatch.setattr(
        debian.platform, "freedesktop_os_release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "noble"}
    )
    with pytest.raises(DebianUnavailable, match="no release of Debian"):
        asyncio.run(fetch_what_lacks(["chromium"], tmp_path / "out", lambda _: None, status))
