"""What travels between processes: messages and services generated from `proto/`.

`v1` is written by `scripts/generate-wire` from `proto/coordinator/wire/v1/*.proto`, committed so that an installation
needs no compiler, and never edited by hand; `scripts/check` compares the two.

Who may enter: only the edges, that is client, api and shell. They translate to values of the model at once; inside,
nobody knows that protobuf exists.
"""
