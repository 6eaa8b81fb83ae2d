"""One word for how a task stands, by status and by how severe its last run was (TM-72)."""

from __future__ import annotations

from coordinator.client.views import FINISHED, ON_A_NODE

TEXTS = {
    "waiting": "Waiting to run",
    "running": "Running",
    "paused": "Paused",
    "successful": "Successful",
    "warning": "Warning",
    "error": "Error",
    "cancelled": "Cancelled",
}
_OF_OUTCOME = {
    "succeeded": "successful",
    "warning": "warning",
    "failed": "error",
    "timed_out": "error",
    "lost": "error",
    "cancelled": "cancelled",
    "aborted": "cancelled",
}


def label_of(status: str, outcome: str | None) -> str:
    """A key of `TEXTS`. While a run goes on nothing it logged counts; after its end the outcome says the most severe level."""
    if status in ON_A_NODE:
        return "running"
    if status == "succeeded":
        return "warning" if outcome == "warning" else "successful"
    if status in FINISHED:
        return "error" if status == "failed" else "cancelled"
    return "paused" if status == "paused" else "waiting"


def label_text(status: str, outcome: str | None, *, recurring: bool) -> str:
    """For people; of a series that waits with the label of its last run beside it."""
    text = TEXTS[label_of(status, outcome)]
    if not recurring or outcome is None or status in FINISHED or status in ON_A_NODE:
        return text
    return f"{text} (last: {TEXTS[_OF_OUTCOME.get(outcome, 'error')]})"
