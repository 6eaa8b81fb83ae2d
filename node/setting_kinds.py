"""How the text of a setting becomes a value. Each raises ValueError saying what is allowed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path

from coordinator.client.durations import format_duration, parse_duration

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
LEVELS = ("debug", "info", "warning", "error")


def name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name; letters, digits, dot, dash, underscore, at most 63, a letter or digit first"
        )
    return text


def path(text: str) -> Path:
    if not text:
        raise ValueError("an empty path")
    return Path(text)


def level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise ValueError(f"{text!r} is no level; one of {', '.join(LEVELS)}")
    return text.lower()


def word_list(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in word_list(text):
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ValueError(f"{word!r} is not key=value")
        found[key] = value
    return found


def address_list(text: str) -> tuple[str, ...]:
    addresses = tuple(address(word) for word in word_list(text))
    if not addresses:
        raise ValueError("no address; write host:port,host:port")
    return addresses


def address(text: str) -> str:
    """host:port. Without TLS nothing but the loopback interface is spoken to."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r} is not host:port")
    if not _is_loopback(host.strip("[]")):
        raise ValueError(
            f"{text!r} is not a loopback address, and there is no TLS here to go further"
        )
    return text


def optional_address(text: str) -> str | None:
    """host:port; an empty text is none."""
    return address(text) if text else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def count(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.strip().isdigit() or not low <= int(text) <= high:
            raise ValueError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def duration(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        millis = parse_duration(text)
        if not low <= millis <= high:
            raise ValueError(
                f"{text!r} is not from {format_duration(low)} to {format_duration(high)}"
            )
        return millis

    return read


def fraction(low: float, high: float) -> Callable[[str], float]:
    """A reader of numbers within bounds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ValueError(f"{text!r}: a number between {low:g} and {high:g}")
        return value

    return read
