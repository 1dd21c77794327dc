"""The page of a profile, for passing on: where the time of one run goes, or of two side by side."""
