"""Elements picked by what values hold, which only a run shows: the best ones, those at computed places."""
