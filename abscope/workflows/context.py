"""What every workflow is handed: the archive's tables and the two registries."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping

from abscope.contour import registry as engine_registry
from abscope.contour.engine import ContourEngine
from abscope.core.ports import Clock
from abscope.core.settings import Settings
from abscope.predict.registry import Registry, load_registry
from abscope.store.archive import Archive
from abscope.store.audit import AuditEntry
from abscope.store.cases import CaseTable
from abscope.store.documents import DocumentTable
from abscope.store.job_table import JobTable

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Context:
    """The archive and the registries of one process."""

    archive: Archive
    cases: CaseTable
    documents: DocumentTable
    jobs: JobTable
    models: Registry
    engines: Mapping[str, ContourEngine]


def open_context(settings: Settings | None = None, clock: Clock | None = None) -> Context:
    """Open the archive (creating it when missing) and load models and engines."""
    models = load_registry(importlib.import_module(MODEL_PACKAGE).BUILTIN)
    archive = Archive(settings or Settings.from_environment(), clock)
    return Context(
        archive=archive,
        cases=CaseTable(archive),
        documents=DocumentTable(archive),
        jobs=JobTable(archive),
        models=models,
        engines=engine_registry.engines(),
    )
