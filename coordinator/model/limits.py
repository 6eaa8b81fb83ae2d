"""Every limit of design section 11 in one place, and the relations between them."""

from __future__ import annotations

from coordinator.model.instants import DAY, HOUR

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

TASK_ID_BYTES_MAX = 255
PARAMS_BYTES_MAX = 256 * KIB
CALL_BYTES_MAX = 256 * KIB  # of what a run is asked, and of its answer
STATE_BYTES_MAX = 1 * MIB
MESSAGE_BYTES_MAX = 4 * MIB
LABELS_MAX = 64
LABEL_KEY_BYTES_MAX, LABEL_VALUE_BYTES_MAX = 63, 255
NAME_BYTES_MAX = 255  # of an executor, an object's kind and id, a node
JSON_NESTING_MAX = 32  # of params and state
HEADERS_BYTES_MAX = 4 * KIB
RESULT_BYTES_MAX = 64 * KIB
RESULT_BYTES_IN_STATE = 1 * KIB
ERROR_BYTES_MAX = 16 * KIB
RUN_LOG_BYTES_MAX = 64 * KIB
REASON_BYTES_MAX = 1 * KIB
REQUEST_ID_CHARS_MAX = 128

ACTIVE_TASKS_MAX = 200_000
RECORDS_BYTES_MAX = 1 * GIB  # all records together
RECORD_BYTES = 1 * KIB  # what a record takes beside its params and state, for that sum
NODES_MAX = 5_000
COORDINATORS_MAX = 5
NODE_CAPACITY_MAX = 100_000
REQUESTS_REMEMBERED = 200_000
REQUESTS_REMEMBERED_MS = 24 * HOUR
UNCOMMITTED_BYTES_MAX = 64 * MIB
CHANGE_BYTES_MAX = 4 * MIB  # of changes of many tasks that are one command (TM-32)
ENTRY_BYTES_MAX = 8 * MIB  # one that cannot travel between members would hold up all behind it
PAGE_MAX = 1_000
PAGE_DEFAULT = 100
PAGE_BYTES = 2 * MIB  # of records in one message; a larger record is a page of its own
CREATE_MANY_MAX = 1_000
LIMITS_PER_TASK_MAX = 16
AFTER_MAX = 100  # tasks that one task waits for
LIMIT_KEY_BYTES_MAX = 511
LIMIT_MAX = 1_000_000
LIMIT_OVERRIDES_MAX = 1_000
PAUSED_EXECUTORS_MAX = 1_000
CALLS_IN_PROGRESS_MAX = 4_096

RETENTION_SUCCEEDED_MS = 24 * HOUR
RETENTION_FAILED_MS = 30 * DAY
FINISHED_KEPT_MAX = 50_000  # succeeded ones, and failed and cancelled ones, beyond age (TM-74)

DIGEST_EVERY_ENTRIES = 1_000  # replicas are compared (I3)
LOG_ENTRIES_KEPT = 5_000  # before a snapshot
SNAPSHOT_EVERY_ENTRIES = 10_000
SNAPSHOT_EVERY_BYTES = 64 * MIB


def require(condition: bool, why: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise ValueError unless the relation between limits holds."""
    if not condition:
        raise ValueError(f"limits contradict one another: {why}")


require(STATE_BYTES_MAX + PARAMS_BYTES_MAX < MESSAGE_BYTES_MAX, "a task fits into one message")
require(MESSAGE_BYTES_MAX < ENTRY_BYTES_MAX, "what came in one message fits into one entry")
require(CHANGE_BYTES_MAX < ENTRY_BYTES_MAX, "changes that are one command fit into one entry")
require(RESULT_BYTES_IN_STATE <= RESULT_BYTES_MAX, "what the state keeps is part of a result")
require(PAGE_DEFAULT <= PAGE_MAX, "the default page is a page")
require(
    PAGE_BYTES + STATE_BYTES_MAX + PARAMS_BYTES_MAX < MESSAGE_BYTES_MAX,
    "a page fits into one message",
)
