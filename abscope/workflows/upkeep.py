"""Care of the archive: backup, restore, and whether everything in it is whole."""

from __future__ import annotations

import pathlib

from abscope.core.settings import Settings
from abscope.store import backup as backups
from abscope.store import integrity
from abscope.store import restore as restoring
from abscope.store.backup import Backup
from abscope.store.integrity import BlobReport
from abscope.store.restore import Restored
from abscope.workflows.context import Actor, Context


def back_up(context: Context, actor: Actor, target: pathlib.Path) -> Backup:
    """Write the whole archive to one new file while it is in use; audited.

    Raises
    ------
    RefusedError, InputError
        See `abscope.store.backup.write_backup`.
    """
    written = backups.write_backup(context.archive, target)
    if not context.archive.read_only:
        context.archive.record(actor.entry("backup", cases=written.cases, blobs=written.blobs))
    return written


def restore(
    settings: Settings, actor: Actor, source: pathlib.Path, *, replace: bool = False
) -> Restored:
    """Put a backup in the place of the archive, which need not work; audited in the restored one.

    Raises
    ------
    RefusedError
        See `abscope.store.restore.restore`; the present archive is then untouched.
    """
    return restoring.restore(settings, source, actor.entry("restore"), replace=replace)


def verify(context: Context) -> BlobReport:
    """Read every stored array and compare it with its hash."""
    return integrity.verify(context.archive)
