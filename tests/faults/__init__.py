"""Trials of the fault catalogue: processes are killed at random instants, and nobody may be able to tell afterwards."""

import pytest

pytest.register_assert_rewrite("tests.faults.outcome")
