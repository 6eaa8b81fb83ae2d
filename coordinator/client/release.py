"""The release of this code, as `taskctl version` says it. Apart, so that asking costs no other import."""

RELEASE = "0.1.0"
