from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from app.embedded.accounts import Account, account_for, hand_over
from app.embedded.errors import AccountRefused


def test_account_is_never_root(tmp_path: Path) -> None:
    # /bin/sh's exit code says under which number it runs
    account = asyncio.run(account_for(tmp_path, ["/bin/sh", "-c", "test $(id -u) != 0"]))
    assert account.owner == os.geteuid() or account.spelling.startswith("account")


def test_reason_of_each_refusal_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccountRefused, match="no such thing") as caught:
        asyncio.run(account_for(tmp_path, ["/bin/sh", "-c", "echo no such thing; exit 1"]))
    assert len(caught.value.reasons) >= 1


def test_account_that_cannot_see_its_own_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccountRefused):
        asyncio.run(account_for(tmp_path, ["/bin/sh", "-c", "echo 'invalid binary: Permission denied'"]))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_are_handed_over_with_the_top_last(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    (inner / "link").symlink_to("/etc/passwd")
    hand_over(tmp_path / "tree", Account("account:65534:65534", 65534, 65534))
    for path in (tmp_path / "tree", inner, inner / "file", inner / "link"):
        assert path.lstat().st_uid == 65534
    assert Path("/etc/passwd").stat().st_uid == 0
