"""Before a member starts: whether this release can follow what its directory holds (U2, EX-69)."""

from __future__ import annotations

from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import UnknownFormat, level_of
from coordinator.shell.options import ServerSettings
from coordinator.shell.store_port import DataDirError, Recovered


def check_level(settings: ServerSettings, kept: Recovered) -> None:
    """Raises DataDirError for a directory that a later release left behind.

    A member takes a snapshot as soon as the level has risen, so the snapshot says it. If it died before, the entry in
    the log says it, and stops the member when it is applied.
    """
    if kept.snapshot is None or not kept.snapshot.data:
        return
    remedy = f"start {settings.name} with the release that the others run"
    try:
        level = level_of(next(unframed(kept.snapshot.data)))
    except UnknownFormat as error:
        raise DataDirError(f"{settings.data_dir}: {error}; {remedy}") from error
    supports = settings.build.supports
    if level > supports:
        raise DataDirError(
            f"{settings.data_dir} is of a cluster with feature level {level}, and this release supports "
            f"{supports}: there is no way back once the level has risen; {remedy}"
        )
