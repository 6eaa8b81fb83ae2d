"""When: intervals, cron expressions and rrules turned into their next instants.

Comes with a later issue, the one that brings schedules. It will hold the specs of a timetable, the steps from one
instant to the next, and the policies for misfires and overlap, all of it pure: the leader hands in the time, resolves
time zones and logs what it decided, so that no member ever evaluates a timetable on its own.

Who may enter: duties and what stands above them. It imports the model and nothing else of ours.
"""
