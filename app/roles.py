"""The roles that a key or a user may have."""

from enum import StrEnum


class Role(StrEnum):
    """The roles; the three administrators are kept apart from operation and from one another."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    FIELD = "field"
    ENGINEER = "engineer"
    SUPERVISOR = "supervisor"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    AUDITOR = "auditor"


ROLES = tuple(role.value for role in Role)
