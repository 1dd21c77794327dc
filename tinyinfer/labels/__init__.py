"""Names of classes: sets that are known, files that users have, and which output is which class."""
