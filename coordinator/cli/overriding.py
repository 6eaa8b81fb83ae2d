"""`override` without its price: on Python 3.11 it lives in typing_extensions, whose import costs more than our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method):
        """Marks a method that stands in for one of its base; for the type checker only."""
        return method


__all__ = ["override"]
