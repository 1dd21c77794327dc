"""Learning from a teacher: from its answers, or from what it sees."""
