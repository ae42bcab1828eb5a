"""Datasets as the files of an upload."""

from __future__ import annotations

import io
from collections.abc import Iterable

from pydicom.dataset import Dataset

from abscope.core.case import Finding
from abscope.dicom.reader import Draft, Reading, read_upload
from abscope.dicom.sources import SourceFile
from abscope.dicom.write_common import copy_of


def as_bytes(dataset: Dataset) -> bytes:
    """Return a dataset as a DICOM file."""
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def as_files(datasets: Iterable[Dataset]) -> list[SourceFile]:
    """Return datasets as named files."""
    return [SourceFile(label=f"{n:03d}.dcm", data=as_bytes(ds)) for n, ds in enumerate(datasets)]


def read(*groups: Iterable[Dataset], accepted: Iterable[str] = ()) -> Reading:
    """Return the reading of groups of datasets uploaded together."""
    return read_upload(as_files(ds for group in groups for ds in group), frozenset(accepted))


def read_one(*groups: Iterable[Dataset], accepted: Iterable[str] = ()) -> Draft:
    """Return the only draft of an upload."""
    (draft,) = read(*groups, accepted=accepted).drafts
    return draft


def codes(findings: Iterable[Finding], *severities: str) -> set[str]:
    """Return the codes of findings, of all severities when none is named."""
    return {f.code for f in findings if not severities or f.severity in severities}


def copied(dataset: Dataset) -> Dataset:
    """Return a copy whose elements can be set one by one; what lies in sequences is shared."""
    made = copy_of(dataset)
    made.file_meta = dataset.file_meta
    return made


def changed(datasets: list[Dataset], index: int, **values: object) -> list[Dataset]:
    """Return a copy of a series, one slice with other values (None removes an element)."""
    copies = [copied(ds) for ds in datasets]
    _put(copies[index], values)
    return copies


def all_changed(datasets: list[Dataset], **values: object) -> list[Dataset]:
    """Return a copy of a series, every slice with other values (None removes an element)."""
    copies = [copied(ds) for ds in datasets]
    for ds in copies:
        _put(ds, values)
    return copies


def _put(dataset: Dataset, values: dict[str, object]) -> None:
    for keyword, value in values.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
