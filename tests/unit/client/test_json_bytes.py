"""Numbers that JSON lacks are refused by the client, with the name of the field, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from coordinator.client import Client, Condition, Edit, InvalidRequest, NewTask, SyncClient
from coordinator.client.json_bytes import json_bytes
from tests.unit.client.fake_member import member

NAN, INF = math.nan, math.inf
Wish = Callable[[Client], Awaitable[Any]]


def new(**params: Any) -> NewTask:
    return NewTask(executor="demo.noop", id="x", params=params)


@pytest.mark.parametrize(
    "wish, field, got",
    [
        (lambda c: c.create(new(x=NAN)), "params.x", "nan"),
        (lambda c: c.create(new(a=[1, {"b": (None, -INF)}])), "params.a.1.b.1", "-inf"),
        (lambda c: c.create_many([new(x=1), new(x=INF)]), "tasks.1.params.x", "inf"),
        (lambda c: c.ensure(new(x=INF)), "params.x", "inf"),
        (lambda c: c.update("x", Edit(params={"x": NAN})), "params.x", "nan"),
        (lambda c: c.update("x", Edit(state=[NAN])), "state.0", "nan"),
        (lambda c: c.update("x", Edit(state=NAN)), "state", "nan"),
        (lambda c: c.retry("x", params={"x": NAN}), "params.x", "nan"),
        (lambda c: c.call("x", "ask", {"x": NAN}), "payload.x", "nan"),
        (
            lambda c: c.wait("x", [Condition(kind="path", path="state.x", op=">", value=NAN)]),
            "value",
            "nan",
        ),
    ],
)
async def test_ex_51_a_number_that_json_lacks_is_refused_by_name(
    wish: Wish, field: str, got: str
) -> None:
    async with member() as only, Client([only.address], timeout_s=0.5) as client:
        with pytest.raises(InvalidRequest) as caught:
            await wish(client)
    error = caught.value
    wrong = f"must be a finite number (got {got})"
    reason = "invalid_params" if "params" in field else "invalid_field"
    assert (error.reason, error.message) == (reason, f"{field}: {wrong}")
    assert error.violations == ((field, wrong),)
    assert only.requests == []


def test_ex_51_the_synchronous_face_refuses_it_too() -> None:
    with SyncClient(["127.0.0.1:1"]) as client, pytest.raises(InvalidRequest):
        client.create(new(x=NAN))


def test_what_json_has_goes_through_as_it_is() -> None:
    value = {"a": None, "b": [1.5, 1e308, {"null": "nan"}], "c": ("x", None)}
    assert json_bytes(value, "params") == (
        b'{"a":null,"b":[1.5,1e308,{"null":"nan"}],"c":["x",null]}'
    )
