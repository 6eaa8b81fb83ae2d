"""Rows that are read off the source."""

from __future__ import annotations

import re
from pathlib import Path

import raftos

from scripts.raftos_evidence.rows import Row, Seen, Trial
from scripts.raftos_evidence.stub import lab

PACKAGE = Path(str(raftos.__file__)).parent


def occurrences(pattern: str) -> int:
    """How often the pattern stands in the package, case left aside."""
    return sum(
        len(re.findall(pattern, path.read_text(encoding="utf-8"), re.IGNORECASE))
        for path in sorted(PACKAGE.glob("*.py"))
    )


def empty(path: Path) -> None:
    """As a crash between truncation and write leaves it."""
    path.write_bytes(b"")


async def no_durability(trial: Trial) -> Seen:
    storage = (PACKAGE / "storage.py").read_text(encoding="utf-8")
    absent = {
        word: len(re.findall(word, storage))
        for word in ("fsync", "rename", "replace\\(.*tmp", "crc|checksum")
    }
    truncating = storage.count("'wb'")
    with lab(trial.work) as one:
        await one.ask_vote(1, term=7)
        empty(Path(one.state.storage.filename))
        one.restart()
        term = one.state.storage.term
    fsync, rename, _, checksums = absent.values()
    text = (
        f"fsync {fsync}, rename {rename}, checksums {checksums} times; opened with truncation {truncating} times; "
        f"an emptied file starts again at term {term} (was 7)"
    )
    return Seen(text, not any(absent.values()) and truncating > 0 and term == 0)


async def not_there(_: Trial) -> Seen:
    words = {
        "snapshots": "snapshot|compact",
        "membership change": "conf_?change|remove_(node|member|server)|joint",
        "pre-vote": "pre_?vote",
        "linearizable reads": r"read_?index|\blease",
    }
    counts = {name: occurrences(pattern) for name, pattern in words.items()}
    text = ", ".join(f"{name} {count} times" for name, count in counts.items())
    return Seen(text, not any(counts.values()))


async def security(_: Trial) -> Seen:
    conf = (PACKAGE / "conf.py").read_text(encoding="utf-8")
    key = re.search(r"'secret_key': (b'[^']*')", conf)
    replay = occurrences(r"nonce|ttl=|sequence")
    shown = key.group(1) if key is not None else "none"
    return Seen(
        f"default key {shown}; nonce, time limit or sequence {replay} times",
        key is not None and not replay,
    )


ROWS = (
    Row("no durability", "read storage.py; empty the vote file, restart", no_durability),
    Row("not there", "search the source", not_there),
    Row("security", "read conf.py", security),
)
