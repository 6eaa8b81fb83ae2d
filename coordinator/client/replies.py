"""What calls of the client return: the thing asked for beside the `Answer` that says what it reflects."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from coordinator.client.errors import ClientError
from coordinator.client.series_views import FireTime, SchedulePreview
from coordinator.client.views import Answer, Explanation, Json, Run, Task


class Created(Struct, frozen=True):
    """Of `create`. `created` is false when the same task was there already; `validated` is full or schema_only."""

    answer: Answer
    task: Task
    created: bool
    validated: str
    fire_times: Sequence[FireTime] = ()  # of a dry run: the first ten
    deduplicated: bool = False  # another task of its executor has the dedup key: this is that one


class Ensured(Struct, frozen=True):
    """Of `ensure`. `result`: created, updated or unchanged; `changed` names the fields that differed, `kept` those that
    differ and stay as an operator or a run set them.
    """

    answer: Answer
    task: Task
    result: str
    changed: list[str]
    kept: list[str]
    validated: str


class Previewed(Struct, frozen=True):
    """Of `preview_schedule`."""

    answer: Answer
    preview: SchedulePreview


class CreatedItem(Struct, frozen=True):
    """One entry of `create_many`, in the order asked: a task or an error. `validated` as in `Created`, empty if refused."""

    id: str
    created: bool
    status: str
    allocation_id: int
    node: str | None
    task: Task | None
    error: ClientError | None
    validated: str = ""
    deduplicated: bool = False


class CreatedMany(Struct, frozen=True):
    """Of `create_many`."""

    answer: Answer
    items: list[CreatedItem]


class Found(Struct, frozen=True):
    """Of `get`. Without a task: `matches` are the first of `match_count` ids that the prefix fits."""

    answer: Answer
    task: Task | None
    matches: list[str]
    match_count: int
    fire_times: Sequence[FireTime] = ()


class Page(Struct, frozen=True):
    """Of `list`: one page, and the token of the next (empty at the end)."""

    answer: Answer
    tasks: list[Task]
    next_page: str
    list_revision: int
    count: int


class Changed(Struct, frozen=True):
    """Of what changes one task. `task` is the record after the change, or as it was when it is gone (`removed`).

    `effect` is now, next_run or unchanged; of a pause stops or finishes; of a cancelled run cancelled or runs_again.
    `now` and `next_run` name the fields of an edit that count already, and those that the current run does not see.
    """

    answer: Answer
    task: Task | None
    unchanged: bool
    removed: bool
    effect: str
    now: Sequence[str] = ()
    next_run: Sequence[str] = ()
    validated: str = ""
    fire_times: Sequence[FireTime] = ()  # of a dry run that changes the schedule: the next ten
    notes: Sequence[str] = ()  # for people


class Explained(Struct, frozen=True):
    """Of `explain`."""

    answer: Answer
    task: Task | None
    explanation: Explanation


class RunPage(Struct, frozen=True):
    """Of `runs`, newest first."""

    answer: Answer
    runs: list[Run]
    next_page: str


class FoundRun(Struct, frozen=True):
    """Of `run`."""

    answer: Answer
    run: Run


class RunCount(Struct, frozen=True):
    """Of `count_runs`."""

    answer: Answer
    count: int


class RunGroup(Struct, frozen=True):
    """Runs of one node or parent (`-`: of none). `words`: how many by outcome, or by status while in progress."""

    group: str
    runs: int
    words: dict[str, int]


class RunGroups(Struct, frozen=True):
    """Of `run_groups`."""

    answer: Answer
    groups: list[RunGroup]


class Waited(Struct, frozen=True):
    """Of `wait`: `met` by `condition`, or ended without; `gone`: there is no such task any more."""

    answer: Answer
    task: Task | None
    met: bool
    gone: bool
    condition: str


class EndedTask(Struct, frozen=True):
    """One of `wait_all`. `status` is that of the task, or `gone`; `met`: what was asked for came about."""

    id: str
    status: str
    task: Task | None
    met: bool


class WaitedMany(Struct, frozen=True):
    """Of `wait_all`: what it ended with, in that order, and the ids still waited for where one was enough."""

    answer: Answer
    ended: list[EndedTask]
    pending: list[str]


class ChangedItem(Struct, frozen=True):
    """One of `cancel_many` or `pause_many` and the like. `result`: updated, unchanged, deferred (it counts from the
    next run on), not_found, conflict, refused, or skipped (it does not match). `validated` as in `Created`, empty where
    there is an error.
    """

    id: str
    result: str
    task: Task | None
    removed: bool
    error: ClientError | None
    validated: str = ""


class ChangedMany(Struct, frozen=True):
    """Of `cancel_many`, `pause_many` and the like: one entry for each id."""

    answer: Answer
    items: list[ChangedItem]


class Called(Struct, frozen=True):
    """Of `call`: what the run's code answered, and which run that was."""

    answer: Answer
    payload: Json
    allocation_id: int
    node: str


class StatePart(Struct, frozen=True):
    """One part of the replicated state: where it stands, and what."""

    path: str
    value: Json


class StatePage(Struct, frozen=True):
    """Of `cluster.state`."""

    answer: Answer
    parts: list[StatePart]
    next_page: str
