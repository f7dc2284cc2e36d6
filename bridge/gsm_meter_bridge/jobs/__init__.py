"""Jobs: stored before they are acknowledged, sent at most once, finished or known to be uncertain."""
