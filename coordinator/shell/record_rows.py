"""Rows of the history as they travel, in a backup or from another member, as rows that belong to no entry of ours."""

from __future__ import annotations

import msgspec

from coordinator.codec.history import FateRecord, RunRecord
from coordinator.shell.fates_table import FateRow
from coordinator.shell.run_rows import RunRow


def run_row(record: RunRecord) -> RunRow:
    return RunRow(index=0, **msgspec.structs.asdict(record))


def fate_row(record: FateRecord) -> FateRow:
    return FateRow(record.task_id, record.number, 0, record.at, record.fate)
