"""The room of the consultation, for the pages about the DMP."""

from tests.dmp.conftest import room

__all__ = ["room"]
