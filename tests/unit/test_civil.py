"""Civil time of many instants: the zone's offset at each, summer time included."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.civil import local_time

ZONES = ["Asia/Shanghai", "Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Etc/UTC", "Africa/Casablanca"]


@pytest.mark.parametrize("zone", ZONES)
@given(st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)), min_size=1, max_size=50))
def test_as_zoneinfo_says(zone: str, instants: list[datetime]) -> None:
    aware = [instant.replace(tzinfo=UTC, microsecond=0) for instant in instants]
    times = np.array([round(instant.timestamp() * 1000) for instant in aware], np.int64)
    expected = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC).timestamp() * 1000 for instant in aware]
    assert local_time(zone, times).tolist() == expected


def test_the_second_of_a_change() -> None:
    change = round(datetime(2024, 3, 31, 1, tzinfo=UTC).timestamp()) * 1000
    shifts = local_time("Europe/Rome", np.array([change - 1, change], np.int64)) - [change - 1, change]
    assert shifts.tolist() == [3_600_000, 7_200_000]
