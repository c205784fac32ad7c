"""Becomes another program that dies with its parent: run as a script between Lifeline and each server it starts.

A program of its own and not a `preexec_fn`, because Python code between fork and exec is unsafe beside threads.
Usage: `python -I -S launch.py PARENT SIGNAL ACCOUNT DIRECTORY PROGRAM ARGUMENT…`, where ACCOUNT is `own`,
`namespace:UID:GID`, `account:UID:GID` or `account-with-files:UID:GID`. It imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

# Exit codes: far from those that the programs we start use themselves.
CANNOT_BECOME = 97
PARENT_GONE = 98

# linux/prctl.h, linux/capability.h, linux/sched.h
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522
_CLONE_NEWUSER = 0x10000000

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _prctl(option: int, *values: int) -> None:
    padded = [*values, 0, 0, 0, 0][:4]
    _call("prctl", option, *(ctypes.c_ulong(value) for value in padded))


def _enter_namespace(uid: int, gid: int) -> None:
    """A user namespace in which the present user bears another number and has no capability after exec."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),  # the kernel asks for this before it takes a group map without privilege
        ("gid_map", f"{gid} {outer_gid} 1"),
        ("uid_map", f"{uid} {outer_uid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _keep_file_access() -> None:
    """Keep the one capability to pass directories that only root may enter; all others are gone."""
    mask = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable; low word, high word
    _call("capset", header, data)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def become(account: str) -> None:
    """Change to the account named in the module's words.

    Raises:
        OSError: the kernel does not permit it.
    """
    kind, *numbers = account.split(":")
    if kind == "own":
        return
    uid, gid = (int(number) for number in numbers)
    if kind == "namespace":
        _enter_namespace(uid, gid)
        return
    if kind == "account-with-files":
        # Changing the user then leaves capabilities alone, and access(2), by which PostgreSQL finds itself, heeds them.
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if kind == "account-with-files":
        _keep_file_access()


def main(arguments: list[str]) -> int:
    """Become what the arguments say; returns an exit code only where that failed."""
    parent, death_signal, account, directory, *command = arguments
    try:
        become(account)
    except OSError as error:
        print(f"the kernel refuses: {error.strerror}", file=sys.stderr)
        return CANNOT_BECOME
    try:
        # After the change of account, which resets it; before the look at the parent, so that no death is missed.
        _prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != int(parent):
            return PARENT_GONE
        # A shell may hand on an ignored or blocked SIGINT; the servers are stopped by signals.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.chdir(directory)
        os.execv(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        return CANNOT_BECOME


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
