"""Who set a group of fields last, where it was not code (TM-23)."""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.model.tasks import Pairs

CODE = "code"  # create, ensure and declarations; it leaves no mark
OPERATOR = "operator"


def marked(set_by: Pairs, who: str, groups: Iterable[str]) -> Pairs:
    """The marks after `who` (code, operator, run) has set these groups: schedule, params, policy, paused."""
    marks = dict(set_by)
    for group in groups:
        if who == CODE:
            marks.pop(group, None)
        else:
            marks[group] = who
    return tuple(sorted(marks.items()))
