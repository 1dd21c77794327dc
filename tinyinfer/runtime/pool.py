"""Contexts between calls."""

from __future__ import annotations

from typing import Any

from tinyinfer.runtime.threads import Lock

PERIOD = 64  # calls: enough for as many threads as a server has to meet


class Pool:
    """What no call is using, no more than were in use at once lately: a burst of calls leaves no arenas behind.

    Fewer would be made anew all the time while many threads call one model, which takes longer than many a run.
    """

    def __init__(self) -> None:
        self.free: list[Any] = []
        self._lock = Lock()
        self._used = self._most = self._calls = 0

    def take(self) -> Any:
        """One that is free, or None: then the caller makes one and gives that back."""
        with self._lock:
            self._used += 1
            self._most = max(self._most, self._used)
            return self.free.pop() if self.free else None

    def give_back(self, context: Any) -> None:
        """Keep it for another call."""
        with self._lock:
            self._used -= 1
            self._calls += 1
            self.free.append(context)
            if self._calls == PERIOD:
                del self.free[: max(0, self._used + len(self.free) - self._most)]
                self._most, self._calls = self._used, 0
