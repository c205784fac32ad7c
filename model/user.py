"""What a user may be called: the name stands in the journal as the actor."""

import re

NAME_PATTERN = r"^[^\W_][\w.@-]{0,63}$"
_NAME = re.compile(NAME_PATTERN)


def is_user_name(text: str) -> bool:
    """Return whether a user may be called so: letters and digits of any script, and `_ . @ -` from the second on."""
    return _NAME.fullmatch(text) is not None
