"""What the project promises of its speed, measured on real processes, with the machine's own limits beside it.

Each module measures one subject and lists its figures in `FIGURES`; `main` runs those that were asked for. Figures of
one module share a cluster where that does no harm. Nothing here is a test: a figure is printed, and says itself
whether it is good enough.

Reading order: `figure` (what is printed, and what is good enough), `cluster` and `processes` (real processes in a
directory of their own), `callers` (load from one cheap process), then any module with figures.
"""
