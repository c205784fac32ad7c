"""What a thing that is fuzzed is: how it takes an input, what is good input of it, and how long it may take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fuzz.changing import Form

TEXT_BYTES_MAX = 2_000
SLOW_S = 0.05  # of processor time for one input


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`take` returns whether an input was accepted, and raises only where the product breaks its word.

    `good` is what inputs are made of, `words` what means something within them.
    """

    take: Callable[[bytes], bool]
    good: Sequence[bytes]
    words: Sequence[bytes] = ()
    form: Form = "bytes"
    bytes_max: int = TEXT_BYTES_MAX
    slow_s: float = SLOW_S


Make = Callable[[], Target]
"""Makes a target: what it needs is imported, compiled and written only where it is tried."""


def text_of(data: bytes) -> str:
    """Return the input as whoever wrote it may send it: any text that Unicode knows."""
    return data.decode("utf-8", "replace")


def words_in(text: str) -> list[bytes]:
    """Return words that stand with blanks between them, as bytes."""
    return [word.encode() for word in text.split()]


def must_say(refusal: object) -> None:
    """Check that whoever is refused is told something."""
    assert str(refusal).strip(), "refused without a word"
