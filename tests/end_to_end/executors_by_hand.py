"""Executors for what callers do by hand: one that says with which params it runs, one that starts children."""

from __future__ import annotations

from pydantic import BaseModel

from executors import AllocatedPersistentTask, executor

Handle = AllocatedPersistentTask[BaseModel]


class Named(BaseModel):
    """`fails`: raise instead of waiting."""

    word: str = "a"
    fails: bool = False


class Family(BaseModel):
    """How many children."""

    count: int = 2


class Said(BaseModel):
    """The word a run was started with."""

    word: str


@executor("hand.says")
async def says(task: AllocatedPersistentTask[Said], params: Named, state: Said | None) -> None:
    """Writes its word into its state and waits to be stopped."""
    if params.fails:
        raise LookupError("told to")
    await task.update_state(Said(word=params.word))
    await task.sleep("1h")


@executor("hand.family")
async def family(task: Handle, params: Family) -> list[bool]:
    """Starts its children, each twice under one key; says for each call whether it made one; waits."""
    made = []
    for number in range(params.count):
        for _ in range(2):
            child = await task.start_child("hand.says", Named(), key=f"c{number}", priority="low")
            made.append(child.created)
    task.log.info("children", made=made)
    await task.sleep("1h")
    return made
