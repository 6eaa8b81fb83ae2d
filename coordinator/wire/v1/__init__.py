"""Messages and stubs generated from `proto/` by `scripts/generate-wire`. Committed, never edited by hand."""
