"""What a member may be called and where it may be found."""

from __future__ import annotations

from ipaddress import ip_address


def parse_name(text: str) -> str:
    """A member's name: letters, digits, `-`, `_` and `.`, at most 63 of them."""
    if not 0 < len(text) <= 63 or not all(c.isalnum() or c in "-_." for c in text):
        raise ValueError("not a name: use 1 to 63 letters, digits, '-', '_' or '.'")
    if not text.isascii():
        raise ValueError("not a name: use ASCII letters")
    return text


def parse_address(text: str) -> str:
    """host:port on loopback. Without TLS no other address is served."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError("not host:port, for instance 127.0.0.1:7101")
    if not is_loopback(host.strip("[]")):
        raise ValueError(
            "not a loopback address; without TLS only 127.0.0.1, ::1 and localhost are served"
        )
    return text


def is_loopback(host: str) -> bool:
    """Whether this host is this very machine, told without asking a name service."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
