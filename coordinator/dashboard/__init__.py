"""Pages, JSON, metrics and health over HTTP, for people and for monitoring.

Comes with a later issue. It will be a plain client of the cluster: what a page shows or does goes through
`coordinator.client` like anybody's request, with the rights of whoever is logged in, so the dashboard has no door that
an operator's own program would not have.

Who may enter: the shell, which starts it. It imports the client and nothing further inside.
"""
