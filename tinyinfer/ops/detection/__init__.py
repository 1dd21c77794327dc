"""From many boxes to few."""
