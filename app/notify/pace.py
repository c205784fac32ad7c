"""How many messages a minute a channel is given: chat robots shut out who sends more, and alarms come in floods."""

BURST_S = 6.0  # so many seconds' worth may go at once


class Pace:
    """A place for each message: a channel's places fill up again evenly with time (token bucket)."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[float, int]] = {}  # by channel: places, and when they were counted

    def has_place(self, channel: str, per_minute: int, now: int) -> bool:
        """Whether a message may go through a channel at `now` (epoch milliseconds)."""
        most = max(1.0, per_minute * BURST_S / 60)
        places, counted = self._places.get(channel, (most, now))
        places = min(most, places + max(now - counted, 0) * per_minute / 60_000)
        self._places[channel] = places, now
        return places >= 1 - 1e-9

    def take_place(self, channel: str) -> None:
        """Count a message that goes."""
        places, counted = self._places.get(channel, (1.0, 0))
        self._places[channel] = places - 1, counted
