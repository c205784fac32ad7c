"""What the command line knows by name only."""

import importlib

import pytest

from app.cli import PLAIN


@pytest.mark.parametrize(("module", "name"), PLAIN.items())
def test_an_error_whose_text_is_enough_is_where_its_name_says(module: str, name: str) -> None:
    kind = getattr(importlib.import_module(module), name)
    assert issubclass(kind, Exception)
    assert kind.__module__ == module
