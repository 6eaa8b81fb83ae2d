"""All services of a coordinator on one gRPC server."""

from __future__ import annotations

from typing import Any

from coordinator.api.cluster import ClusterService
from coordinator.api.door import Door
from coordinator.api.hub import Hub
from coordinator.api.node_session import NodeSessionService
from coordinator.api.road import Road
from coordinator.api.tasks import TasksService
from coordinator.wire.v1.cluster_pb2_grpc import add_ClusterServicer_to_server
from coordinator.wire.v1.internal_pb2_grpc import add_NodeSessionServicer_to_server
from coordinator.wire.v1.tasks_pb2_grpc import add_TasksServicer_to_server


def add_services(server: Any, door: Door) -> Hub:
    """Tasks, Cluster and NodeSession, added to a grpc.aio server or what stands in for one. Peer is the shell's own."""
    road, hub = Road(door), Hub(door)
    add_TasksServicer_to_server(TasksService(door, road, hub), server)
    add_ClusterServicer_to_server(ClusterService(door, road), server)
    add_NodeSessionServicer_to_server(NodeSessionService(door), server)
    return hub
