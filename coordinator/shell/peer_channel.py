"""Channels between coordinators."""

from __future__ import annotations

import grpc.aio

MESSAGE_BYTES_MAX = (
    16 * 1024 * 1024
)  # a frame between members; an entry can outgrow a client's call

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 250),  # also how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 500),  # a link waits about as long beside it
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to another member; made at once, connected when first used."""
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
