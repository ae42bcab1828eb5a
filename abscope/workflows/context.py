"""What every workflow is handed: the archive's tables and the two registries."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Mapping

from abscope.contour import registry as engine_registry
from abscope.contour.engine import ContourEngine
from abscope.core.ports import Clock
from abscope.core.settings import Settings
from abscope.predict.registry import Registry, load_registry
from abscope.store import erasure
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.cases import CaseTable
from abscope.store.documents import DocumentTable
from abscope.store.job_table import JobTable
from abscope.store.scorecards import ScorecardTable

#: The package whose ``BUILTIN`` lists our own models; the engine never imports them by name.
MODEL_PACKAGE = "models"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who is doing it, for the audit trail: a sign-in name, ``local`` or ``command line``."""

    name: str
    roles: frozenset[str] = frozenset({"clinician"})

    def entry(self, action: str, case_id: str = "", **detail: object) -> AuditEntry:
        """Return an audit entry of this person; `detail` holds ids and counts only."""
        return AuditEntry(actor=self.name, action=action, case_id=case_id, detail=detail)


class Context:
    """The archive and the registries of one process.

    The models are loaded when they are first asked for: scikit-learn takes seconds to import, and
    most commands need none.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.cases = CaseTable(archive)
        self.documents = DocumentTable(archive)
        self.jobs = JobTable(archive)
        self.scorecards = ScorecardTable(archive)

    @functools.cached_property
    def models(self) -> Registry:
        """The prediction models, ours and those of plug-ins."""
        return load_registry(importlib.import_module(MODEL_PACKAGE).BUILTIN)

    @property
    def engines(self) -> Mapping[str, ContourEngine]:
        """The contouring engines by id, ours and those of plug-ins."""
        return engine_registry.engines()


def open_context(settings: Settings | None = None, clock: Clock | None = None) -> Context:
    """Open the archive, creating it when missing, and remove what a crash has left in it."""
    archive = Archive(settings or Settings.from_environment(), clock)
    if not archive.read_only:
        erasure.clean(archive)
    return Context(archive)
