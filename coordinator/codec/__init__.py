"""BYTES, VERSIONED: how entries of the log and snapshots are written (MessagePack).

Why a room of its own: these layouts outlive every build, so nothing else may know them. The
replica and the shell enter; the machine never sees bytes. Read `envelope`, then `snapshots`; `history` is what a
backup has beside a snapshot.
"""
