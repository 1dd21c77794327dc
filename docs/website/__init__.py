"""The static site: articles, lessons and interactive pages as files that need no server and ask for nothing outside."""
