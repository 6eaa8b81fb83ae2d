"""What an executor may declare, and what its manifest says of it (PT-84)."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from executors import (
    AllocatedPersistentTask,
    DeclaredTask,
    ExecutorDefinitionError,
    PersistentTasksExecutor,
    executor,
)
from executors.manifests import manifest_of


class Params(BaseModel):
    endpoint: str = "a"


class Other(BaseModel):
    endpoint: str = "a"


def define(*declares: object) -> type[PersistentTasksExecutor[Params, Params]]:
    @executor("a.declares", declares=declares)  # type: ignore[arg-type]
    async def run(task: AllocatedPersistentTask[Params], params: Params) -> object:
        return params.endpoint

    return run


def test_pt_84_the_manifest_says_what_is_declared() -> None:
    made = define(
        DeclaredTask("one", Params(endpoint="x"), setting="plugins.geoip.enable"),
        DeclaredTask("two", Params(), default=False),
    )
    assert manifest_of(made.definition).document()["declares"] == [
        {"id": "one", "params": {"endpoint": "x"}, "setting": "plugins.geoip.enable", "default": True},
        {"id": "two", "params": {"endpoint": "a"}, "setting": "", "default": False},
    ]  # fmt: skip


def test_pt_84_nothing_declared_leaves_the_manifest_as_it_was() -> None:
    assert "declares" not in manifest_of(define().definition).document()


def test_pt_84_a_class_declares_by_an_attribute() -> None:
    class Geo(PersistentTasksExecutor[Params, Params]):
        name = "a.geo"
        declares = (DeclaredTask("geo", Params()),)

        async def node_operation(  # type: ignore[override]
            self, task: AllocatedPersistentTask[Params], params: Params, state: Params | None
        ) -> object:
            return None

    assert [one.id for one in Geo.definition.declares] == ["geo"]


@pytest.mark.parametrize(
    "declares, told",
    [
        (("geo",), "no DeclaredTask"),
        ((DeclaredTask("", Params()),), "printable"),
        ((DeclaredTask(" geo", Params()),), "printable"),
        ((DeclaredTask("x" * 256, Params()),), "printable"),
        ((DeclaredTask("geo", Params(), setting="nodes.lease"),), r"plugins\.NAME"),
        ((DeclaredTask("geo", Params(), setting="plugins."),), r"plugins\.NAME"),
        ((DeclaredTask("geo", Other()),), "give a Params"),
        ((DeclaredTask("geo", Params()), DeclaredTask("geo", Params())), "twice"),
        (tuple(DeclaredTask(f"t{n}", Params()) for n in range(101)), "at most 100"),
        ((DeclaredTask("geo", Params(endpoint="x" * 70_000)),), "at most 65536"),
    ],
)
def test_pt_84_what_cannot_be_declared(declares: tuple[object, ...], told: str) -> None:
    with pytest.raises(ExecutorDefinitionError, match=told):
        define(*declares)
