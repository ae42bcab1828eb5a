"""Progress by structure, from what an engine tells while it runs.

An engine says a TG-263 name when it begins to draw that structure, and other sentences in between
(``abscope.contour.engine.Report``). What it draws only because another structure needs it counts as
preparing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Literal

StepState = Literal["waiting", "running", "done", "not found"]
_STATES: tuple[StepState, ...] = ("waiting", "running", "done", "not found")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One structure that was asked for.

    Parameters
    ----------
    name : str
        TG-263 name.
    state : str
        ``not found`` once the run is over without it.
    seconds : float
        Time spent on it until `since_s`, or in all.
    since_s : float or None
        When it was begun or taken up again (seconds since 1970); None unless it is running.
    """

    name: str
    state: StepState = "waiting"
    seconds: float = 0.0
    since_s: float | None = None

    def seconds_at(self, now_s: float) -> float:
        """Return the time spent on it until now (seconds)."""
        return self.seconds + (max(0.0, now_s - self.since_s) if self.since_s is not None else 0.0)

    def as_json(self) -> dict[str, str | float | None]:
        """Return it as JSON can hold it."""
        return {
            "name": self.name,
            "state": self.state,
            "seconds": round(self.seconds, 2),
            "since_s": self.since_s,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Step:
        """Read what `as_json` wrote."""
        since = stored.get("since_s")
        state: StepState = next((s for s in _STATES if s == stored.get("state")), "waiting")
        return cls(
            name=str(stored["name"]),
            state=state,
            seconds=float(str(stored.get("seconds", 0.0))),
            since_s=None if since is None else float(str(since)),
        )


class StepsTold:
    """Follows a run by its messages.

    Parameters
    ----------
    asked : iterable of str
        TG-263 names, in the order in which they are listed.

    Examples
    --------
    >>> told = StepsTold(["Lung_L", "Heart"])
    >>> told.tell("External", 100.0), told.tell("Lung_L", 102.0), told.tell("Heart", 105.0)
    ('Preparing: External', 'Lung_L', 'Heart')
    >>> [(s.name, s.state, s.seconds_at(106.0)) for s in told.steps]
    [('Lung_L', 'done', 3.0), ('Heart', 'running', 1.0)]
    """

    def __init__(self, asked: Iterable[str]) -> None:
        self._steps = {name: Step(name=name) for name in asked}
        self._current = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The structures as far as they are."""
        return tuple(self._steps.values())

    def tell(self, message: str, now_s: float) -> str:
        """Take a message; return the words for the screen."""
        name = self._structure(message)
        if name != self._current:
            self._pause(now_s)
            self._current = name
            if name:
                step = self._steps[name]
                self._steps[name] = dataclasses.replace(step, state="running", since_s=now_s)
        if message in self._steps or " " in message.strip():
            return message
        return f"Preparing: {message}"

    def end(self, found: Iterable[str], now_s: float) -> tuple[Step, ...]:
        """Close the run: what was found is done, the rest was not found."""
        self._pause(now_s)
        self._current, there = "", set(found)
        for name, step in self._steps.items():
            state: StepState = "done" if name in there else "not found"
            self._steps[name] = dataclasses.replace(step, state=state)
        return self.steps

    def _structure(self, message: str) -> str:
        """Return the structure that a message is about; a lone one is what all are about."""
        if message in self._steps:
            return message
        return next(iter(self._steps)) if len(self._steps) == 1 else ""

    def _pause(self, now_s: float) -> None:
        if self._current:
            step = self._steps[self._current]
            self._steps[self._current] = dataclasses.replace(
                step, state="done", seconds=step.seconds_at(now_s), since_s=None
            )
