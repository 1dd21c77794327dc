"""Numbers moved and not changed: layouts, joins and shuffles."""
