"""The table of a coordinator's settings: one line each, with four spellings made from its name (EX-65).

`data_dir` in TOML, `--data-dir`, `PTASKS_DATA_DIR`, and a line in `--help`. Tables of TOML join with `_`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coordinator.machine.features import THIS_BUILD, Build
from coordinator.model.addresses import parse_address, parse_name
from coordinator.model.limits import (
    LOG_ENTRIES_KEPT,
    SNAPSHOT_EVERY_BYTES,
    SNAPSHOT_EVERY_ENTRIES,
)
from coordinator.model.settings import RULES
from coordinator.shell.logs import LEVELS
from coordinator.shell.standing import Places

Parse = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `many`: may be given more than once, or as a list in TOML."""

    name: str
    kind: str  # as --help shows it
    meaning: str
    parse: Parse
    default: str | None = None  # None: there is none
    many: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "PTASKS_" + self.name.upper()


def parse_peers(text: str) -> tuple[tuple[str, str], ...]:
    """`name=host:port,...` as pairs in name order."""
    peers: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, address = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is not name=host:port")
        try:
            name, address = parse_name(name), parse_address(address)
        except ValueError as error:
            raise ValueError(f"{part!r} is {error}") from None
        if name in peers:
            raise ValueError(f"{name!r} is named twice")
        peers[name] = address
    if len(set(peers.values())) < len(peers):
        raise ValueError("two peers have one address")
    return tuple(sorted(peers.items()))


def parse_level(text: str) -> str:
    if text not in LEVELS:
        raise ValueError(f"not a level; use one of {', '.join(LEVELS)}")
    return text


def parse_count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError("not a whole number of at least 1")
    return int(text)


def parse_first_value(text: str) -> tuple[str, str]:
    """`key=value` of a replicated setting, in canonical text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError("not key=value, for instance nodes.lease=5s")
    rule = RULES.get(key)
    if rule is None:
        raise ValueError(f"no setting {key!r}; there are {', '.join(RULES)}")
    try:
        return key, rule.parse(value)
    except ValueError as error:
        raise ValueError(f"{key}: {error} (got {value})") from None


def parse_path(text: str) -> Path:
    """An absolute path, so that the process may be started from anywhere."""
    if not text:
        raise ValueError("is empty")
    return Path(text).expanduser().absolute()


OPTIONS: tuple[Option, ...] = (
    Option("name", "NAME", "this coordinator's name among --peers", parse_name, "c1"),
    Option(
        "data_dir", "DIR", "where log and snapshots are kept; belongs to one member", parse_path
    ),
    Option("listen", "HOST:PORT", "gRPC, for everybody", parse_address, "127.0.0.1:7101"),
    Option(
        "peer_listen",
        "HOST:PORT",
        "framed streams of the other members, faster than gRPC; '' for none",
        parse_address,
        "",
    ),
    Option("http", "HOST:PORT", "pages, metrics and health; '' for none", parse_address, ""),
    Option(
        "peers",
        "N=H:P,...",
        "all members of the cluster, this one too; default: this one alone",
        parse_peers,
        "",
    ),
    Option(
        "executors",
        "MODULE[:CLASS]",
        "plugins beside the installed ones, for validate and get_assignment",
        str,
        many=True,
    ),
    Option("log_file", "FILE", "where log lines go instead of stderr", parse_path, ""),
    Option("log_level", "LEVEL", ", ".join(LEVELS), parse_level, "info"),
    Option(
        "set",
        "KEY=VALUE",
        "first value of a cluster setting; counts at the birth of a cluster only",
        parse_first_value,
        many=True,
    ),
    Option(
        "snapshot_every",
        "N",
        "applied entries from one snapshot to the next",
        parse_count,
        str(SNAPSHOT_EVERY_ENTRIES),
    ),
    Option(
        "keep_entries",
        "N",
        "entries that stay in the log before a snapshot, for members a little behind",
        parse_count,
        str(LOG_ENTRIES_KEPT),
    ),
    Option(
        "snapshot_bytes",
        "N",
        "bytes of log from one snapshot to the next",
        parse_count,
        str(SNAPSHOT_EVERY_BYTES),
    ),
)

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What one coordinator was told to be. `origin`: where each value came from."""

    name: str
    data_dir: Path
    listen: str
    peer_listen: str
    http: str
    peers: tuple[tuple[str, str], ...]  # in name order, this one included
    executors: tuple[str, ...]
    log_file: Path | None
    log_level: str
    set: tuple[tuple[str, str], ...]
    snapshot_every: int
    snapshot_bytes: int
    keep_entries: int
    origin: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    build: Build = THIS_BUILD  # or of a release that is not there, where an upgrade is rehearsed

    @property
    def places(self) -> Places:
        """Where it is to be found, as it says to other members."""
        supports = self.build.supports
        return Places(self.listen, self.peer_texts, self.http, self.peer_listen, supports)

    @property
    def peer_texts(self) -> list[str]:
        """`name=address` of all, as founding compares them."""
        return [f"{name}={address}" for name, address in self.peers]
