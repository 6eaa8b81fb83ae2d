"""`task-coordinator restore FILE`: a new cluster from a backup (EX-79, B2). Offline; the file is only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import msgspec

from coordinator.client.backup_file import Header, SealBroken
from coordinator.client.instants import rfc3339
from coordinator.machine.invariants import check
from coordinator.machine.restoring import EpochRefused, begin_anew
from coordinator.model.events import RunEnded
from coordinator.shell.backup_reading import (
    Backup,
    audit_of,
    fates_of,
    key_in,
    read_backup,
    runs_of,
)
from coordinator.shell.fates_table import FateRow
from coordinator.shell.new_directory import (
    Begun,
    Myself,
    check_empty,
    make_alone,
    make_seeded,
    unfinished,
)
from coordinator.shell.offline import Command, NotDone, Words, say
from coordinator.shell.options import ServerSettings
from coordinator.shell.record_rows import fate_row, run_row
from coordinator.shell.run_rows import RunRow
from coordinator.shell.settings import load_settings

USAGE = """usage: task-coordinator restore FILE --data-dir DIR [--name NAME] [--peers N=H:P,...] [settings]
                                [--key-file FILE] [--epoch N]

Makes the data directory of a new cluster from a backup that `taskctl cluster snapshot save` wrote.
The directory must be absent or empty; the backup is only read. Without --peers the new cluster has
one member, and others are added later. With --peers restore the same file for each of them, each
with its own --name, --listen and --data-dir, then start them all: they found the cluster together.
--epoch N: when this very backup was restored before, a number above the one printed then (default:
one above that of the backup). The other settings are those of a start; cluster settings are those of
the backup, so --set has no effect.

exit codes: 0 done, 2 wrong settings, 70 the state contradicts itself, 74 the backup is damaged or
the disk fails, 78 no backup, another key, a later format, or a directory that is not empty."""


def run_restore(words: Words, environ: Mapping[str, str]) -> None:
    """Raises NotDone, SettingsError, StoreError, BackupError, OSError and what a state raises."""
    if len(words.alone) != 1:
        raise NotDone(f"name one backup\n{USAGE}")
    settings = load_settings(words.settings, environ)
    check_empty(settings.data_dir)
    backup = read_backup(Path(words.alone[0]), key_in(words.flags.get("--key-file")))
    if backup.header.is_sealed and not backup.seal_checked:
        raise SealBroken(
            f"{backup.path}: it is sealed: give --key-file with the key it was saved with"
        )
    begun = begun_from(backup, _epoch(words, backup))
    me = Myself(settings.name, settings.listen, settings.http)
    cluster_id = None
    with unfinished(settings.data_dir) as fresh:
        if len(settings.peers) == 1:
            cluster_id = make_alone(fresh, me, begun)
        else:
            make_seeded(fresh, me, begun, seed_header(backup, begun))
    say("\n".join(told(backup, begun, settings, cluster_id)))


RESTORE = Command(USAGE, ("--key-file", "--epoch"), (), run_restore)


def begun_from(backup: Backup, epoch: int) -> Begun:
    """The backup's state begun anew and checked. Raises NotDone, InvariantBroken."""
    try:
        events = begin_anew(backup.state, epoch)
    except EpochRefused as error:
        raise NotDone(f"--epoch: {error}") from error
    check(backup.state)
    return Begun(
        backup.state,
        backup.header.term + 1,
        _rows(backup),
        _fates(backup),
        chain.from_iterable(audit_of(backup)),
        events,
    )


def seed_header(backup: Backup, begun: Begun) -> Header:
    """The same on every member that restores this backup under this epoch."""
    return msgspec.structs.replace(
        backup.header,
        revision=begun.state.revision,
        term=begun.term,
        restore_epoch=begun.state.restore_epoch,
        last_allocation_id=begun.state.last_allocation_id,
        has_history=False,
        is_sealed=False,
        source=backup.totals.digest,
    )


def told(
    backup: Backup, begun: Begun, settings: ServerSettings, cluster_id: str | None
) -> list[str]:
    """What was done, what is lost, and what comes next."""
    header, state = backup.header, begun.state
    name, epoch = settings.name, state.restore_epoch
    lost = sum(isinstance(event, RunEnded) for event in begun.events)
    if cluster_id is not None:
        done = f"cluster {cluster_id} of {name} alone"
        then = f"start it: task-coordinator --data-dir {settings.data_dir} --name {name} ..."
    else:
        names = ", ".join(peer for peer, _ in settings.peers if peer != name)
        done = f"one of {len(settings.peers)} members, {name}, of a cluster yet to be founded"
        then = f"restore the same backup for {names} (--epoch {epoch}), then start all with the same --peers"
    return [
        f"restored {settings.data_dir}: {done}, epoch {epoch}",
        f"from       {backup.path}, cluster {header.cluster_id}, revision {header.revision}",
        f"lost       whatever that cluster acknowledged after {rfc3339(header.state_at)}",
        f"runs       {lost} were under way: they count as lost and start anew",
        f"tokens     allocation ids go on above {state.last_allocation_id}, older ones are refused",
        "members    those of the old cluster are none of this one: never start them again",
        "nodes      are forgotten; the old cluster's stop their runs and register anew when they call; none is",
        f"           taken in for {state.reassign_ms / 1000:g} s after the start: exclusive runs of before have ended by then",
        f"next       {then}",
    ]


def _epoch(words: Words, backup: Backup) -> int:
    text = words.flags.get("--epoch")
    if text is None:
        return backup.header.restore_epoch + 1
    if not text.isascii() or not text.isdigit():
        raise NotDone(f"--epoch: {text}: not a whole number")
    return int(text)


def _rows(backup: Backup) -> Iterator[RunRow]:
    for records in runs_of(backup):
        yield from map(run_row, records)


def _fates(backup: Backup) -> Iterator[FateRow]:
    for records in fates_of(backup):
        yield from map(fate_row, records)
