"""What people hand in as files, on stdin and as JSON: whatever is wrong with it is said in words, never as a traceback.

A number that is not finite is no JSON, though Python's reader takes it: encoded again it would silently become null.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from coordinator.cli.failures import usage


class NotFinite(ValueError):
    """A number that JSON cannot hold: NaN, Infinity, 1e999."""


def read_source(path: str, where: str) -> str:
    """The text of a file, or of stdin for `-`. Raises Failure, exit 2, beginning with `where`."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise usage(f"{where}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise usage(f"{where}: no text in UTF-8: {error.reason} at byte {error.start}") from None
    except ValueError as error:  # a name that no file can have
        raise usage(f"{where}: {error}") from None


def parse_json(text: str, field: str = "") -> Any:
    """The value; `field` is what it is called. Raises ValueError (NotFinite naming the part that is not)."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    refuse_not_finite(value, field)
    return value


def refuse_not_finite(value: Any, field: str = "") -> None:
    """Raises NotFinite, naming the part: `params.a.0`."""
    left = [(field, value)]
    while left:
        name, one = left.pop()
        if isinstance(one, float) and not math.isfinite(one):
            raise NotFinite(f"{name + ': ' if name else ''}must be a finite number (got {one})")
        parts = one if isinstance(one, dict) else {}
        if isinstance(one, list):
            parts = dict(enumerate(one))
        left += [(f"{name}.{key}" if name else str(key), part) for key, part in parts.items()]
