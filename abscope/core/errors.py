"""Every error that Abscope raises on purpose, as one tree.

::

    AbscopeError
    ├── UsageError             the call's words are off (exit status 2)
    └── RefusedError           the data or the request cannot be honoured (exit status 3)
        ├── InputError         a file or a table cell is unreadable or contradicts itself
        │   ├── GeometryError  positions, orientations or sizes would give wrong millimetres
        │   └── IdentityError  one linked set carries two patients
        ├── DoseError          the dose cannot be used as asked
        │   └── CoverageError  the dose grid does not cover the structure
        ├── UnitError          a value has no unit, or one that does not fit
        ├── ScenarioError      a what-if outside what can be derived from the plan
        ├── ModelError         a model cannot be applied, or its file cannot be trusted
        ├── EngineError        a contouring engine cannot run or found nothing
        ├── ConflictError      two versions of one thing, or two people editing one case
        │   └── BusyError      another process is writing; it passes
        ├── JobCancelledError  a person stopped a background job
        ├── NotFoundError      no such case, series, structure, dose or model
        └── AccessError        the person may not see this

A message says what happened, where, what was expected and what to do. It never carries patient
data: names, identifiers, birth dates and words chosen by people (of files, structures, plans) stay
out. Where the person at the screen needs such a word to find the place, it goes into `label`, which
is shown and never part of the text of the exception, so that no log can pick it up.
"""

from __future__ import annotations


class AbscopeError(Exception):
    """Base of all errors; four sentences and a code.

    Parameters
    ----------
    code : str
        Kebab-case word, stable, listed in ``docs/finding-codes.md``.
    what : str
        What happened.
    where : str
        Which kind of object, field or parameter.
    expected : str
        What would have been right.
    remedy : str
        What the person can do now.
    label : str
        The place by the name that people gave it, cleaned; for the screen only.
    """

    exit_status = 1

    def __init__(
        self,
        code: str,
        what: str,
        *,
        where: str = "",
        expected: str = "",
        remedy: str = "",
        label: str = "",
    ) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.where = where
        self.expected = expected
        self.remedy = remedy
        self.label = label

    @property
    def shown_where(self) -> str:
        """Where it happened, by its label when it has one: for the person at the screen."""
        return self.label or self.where

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all fields when a worker process hands the error back."""
        fields = (self.code, self.what, self.where, self.expected, self.remedy, self.label)
        return (_rebuild, (type(self), *fields))

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"Where: {self.where}.")
        if self.expected:
            parts.append(f"Expected: {self.expected}.")
        if self.remedy:
            parts.append(self.remedy)
        return " ".join(parts)

    def as_dict(self) -> dict[str, str]:
        """Return the error as the command line's JSON shows it."""
        return {
            "code": self.code,
            "what": self.what,
            "where": self.shown_where,
            "expected": self.expected,
            "remedy": self.remedy,
        }


def _rebuild(
    kind: type[AbscopeError],
    code: str,
    what: str,
    where: str,
    expected: str,
    remedy: str,
    label: str,
) -> AbscopeError:
    return kind(code, what, where=where, expected=expected, remedy=remedy, label=label)


class UsageError(AbscopeError):
    """The call itself is wrong: an unknown option, a malformed metric."""

    exit_status = 2


class RefusedError(AbscopeError):
    """The request was understood and is refused."""

    exit_status = 3


class InputError(RefusedError):
    """A file, a header or a table cell is unreadable or contradicts itself."""


class GeometryError(InputError):
    """Going on would give wrong millimetres."""


class IdentityError(InputError):
    """One linked set of objects carries two identities."""


class DoseError(RefusedError):
    """The dose cannot be used as asked."""


class CoverageError(DoseError):
    """The dose grid does not cover enough of the structure."""


class UnitError(RefusedError):
    """A value has no unit, or a unit that does not fit the quantity."""


class ScenarioError(RefusedError):
    """A what-if scenario outside what the delivered plan can tell."""


class ModelError(RefusedError):
    """A model cannot be applied to this input, or its file cannot be trusted."""


class EngineError(RefusedError):
    """A contouring engine cannot run here, or found nothing."""


class ConflictError(RefusedError):
    """Two versions of one object, or two people editing one case."""


class BusyError(ConflictError):
    """The archive is being written by another process; another attempt may work."""


class JobCancelledError(RefusedError):
    """A person stopped a background job."""


class NotFoundError(RefusedError):
    """No such case, series, structure, dose, plan or model."""


class AccessError(RefusedError):
    """The person signed in may not see this."""
