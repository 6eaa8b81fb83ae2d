"""The methods of service Tasks: path, encoder, decoder. Apart from `client.py` for its length's sake only."""

from __future__ import annotations

from coordinator.client.channels import Method
from coordinator.wire.v1 import tasks_pb2 as wire

_PATH = "/ptasks.v1.Tasks/"

CREATE: Method[wire.CreateRequest, wire.CreateResponse] = Method(
    _PATH + "Create", wire.CreateRequest.SerializeToString, wire.CreateResponse.FromString
)
CREATE_MANY: Method[wire.CreateManyRequest, wire.CreateManyResponse] = Method(
    _PATH + "CreateMany",
    wire.CreateManyRequest.SerializeToString,
    wire.CreateManyResponse.FromString,
)
GET: Method[wire.GetRequest, wire.GetResponse] = Method(
    _PATH + "Get", wire.GetRequest.SerializeToString, wire.GetResponse.FromString
)
LIST: Method[wire.ListRequest, wire.ListResponse] = Method(
    _PATH + "List", wire.ListRequest.SerializeToString, wire.ListResponse.FromString
)
UPDATE: Method[wire.UpdateRequest, wire.ChangeResponse] = Method(
    _PATH + "Update", wire.UpdateRequest.SerializeToString, wire.ChangeResponse.FromString
)
CANCEL: Method[wire.CancelRequest, wire.ChangeResponse] = Method(
    _PATH + "Cancel", wire.CancelRequest.SerializeToString, wire.ChangeResponse.FromString
)
CANCEL_MANY: Method[wire.CancelManyRequest, wire.ChangeManyResponse] = Method(
    _PATH + "CancelMany",
    wire.CancelManyRequest.SerializeToString,
    wire.ChangeManyResponse.FromString,
)
CHANGE_MANY: Method[wire.ChangeManyRequest, wire.ChangeManyResponse] = Method(
    _PATH + "ChangeMany",
    wire.ChangeManyRequest.SerializeToString,
    wire.ChangeManyResponse.FromString,
)
RUN_NOW: Method[wire.RunNowRequest, wire.ChangeResponse] = Method(
    _PATH + "RunNow", wire.RunNowRequest.SerializeToString, wire.ChangeResponse.FromString
)
ENSURE: Method[wire.EnsureRequest, wire.EnsureResponse] = Method(
    _PATH + "Ensure", wire.EnsureRequest.SerializeToString, wire.EnsureResponse.FromString
)
PREVIEW_SCHEDULE: Method[wire.PreviewScheduleRequest, wire.PreviewScheduleResponse] = Method(
    _PATH + "PreviewSchedule",
    wire.PreviewScheduleRequest.SerializeToString,
    wire.PreviewScheduleResponse.FromString,
)
PAUSE: Method[wire.PauseRequest, wire.ChangeResponse] = Method(
    _PATH + "Pause", wire.PauseRequest.SerializeToString, wire.ChangeResponse.FromString
)
RESUME: Method[wire.ResumeRequest, wire.ChangeResponse] = Method(
    _PATH + "Resume", wire.ResumeRequest.SerializeToString, wire.ChangeResponse.FromString
)
RETRY: Method[wire.RetryRequest, wire.ChangeResponse] = Method(
    _PATH + "Retry", wire.RetryRequest.SerializeToString, wire.ChangeResponse.FromString
)
EXPLAIN: Method[wire.ExplainRequest, wire.ExplainResponse] = Method(
    _PATH + "Explain", wire.ExplainRequest.SerializeToString, wire.ExplainResponse.FromString
)
RUNS: Method[wire.RunsRequest, wire.RunsResponse] = Method(
    _PATH + "Runs", wire.RunsRequest.SerializeToString, wire.RunsResponse.FromString
)
FATES: Method[wire.FatesRequest, wire.FatesResponse] = Method(
    _PATH + "Fates", wire.FatesRequest.SerializeToString, wire.FatesResponse.FromString
)
LOGS: Method[wire.LogsRequest, wire.LogsResponse] = Method(
    _PATH + "Logs", wire.LogsRequest.SerializeToString, wire.LogsResponse.FromString
)
WAIT: Method[wire.WaitRequest, wire.WaitResponse] = Method(
    _PATH + "Wait", wire.WaitRequest.SerializeToString, wire.WaitResponse.FromString
)
CALL: Method[wire.CallRequest, wire.CallResponse] = Method(
    _PATH + "Call", wire.CallRequest.SerializeToString, wire.CallResponse.FromString
)
WATCH: Method[wire.WatchRequest, wire.WatchResponse] = Method(
    _PATH + "Watch", wire.WatchRequest.SerializeToString, wire.WatchResponse.FromString
)
