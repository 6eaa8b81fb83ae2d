"""Texts and numbers that leave a run: looked at where the author gave them, cut where they may be cut.

What a frame, an entry or a JSON document cannot carry would fail far away, in a process that others share.
"""

from __future__ import annotations

import math
from typing import SupportsFloat, SupportsIndex

NAME_BYTES_MAX = 255  # of a key, an executor
REASON_BYTES_MAX = 1024


def checked_text(what: str, value: object, bytes_max: int | None = None) -> str:
    """`value`. Raises TypeError for no str, ValueError for what is no UTF-8 (a file name may be so) or too long."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a {type(value).__name__}, give a str")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{what} cannot be written as UTF-8: {value[:80]!a} ({error.reason})"
        ) from None
    if bytes_max is not None and size > bytes_max:
        raise ValueError(f"{what} is {size} bytes, at most {bytes_max}")
    return value


def finite(what: str, value: object) -> float:
    """`value` as a float. Raises TypeError for no number, ValueError for one that is not finite."""
    if not isinstance(value, (SupportsFloat, SupportsIndex)):  # str and bytes are neither
        raise TypeError(f"{what} is a {type(value).__name__}, give a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{what} is not finite: {value!r}")
    return number


def cut(text: str, bytes_max: int) -> str:
    """So much of the text as UTF-8; what is no UTF-8 becomes a question mark."""
    data = text.encode(errors="replace")
    if len(data) <= bytes_max:
        return data.decode()
    return data[: bytes_max - 3].decode(errors="ignore") + "..."
