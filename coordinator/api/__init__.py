"""gRPC DOOR: handlers translate, authorise and answer, nothing else.

Any coordinator answers any request: what only the leader can do, a follower hands on once. Read
`door` (what the shell offers us), then `server`, `tasks`, `cluster`, `node_session`, `translate`.
"""
