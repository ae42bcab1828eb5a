"""What ``engine.json`` beside a model says: how to hand it an image and what comes back.

Nothing about axes, directions or units is guessed: each has a field of its own, by name of the
patient axis (x to the patient's left, y to the back, z to the head), because a list of three
numbers reads both ways.
"""

from __future__ import annotations

import dataclasses
import itertools
import re

from abscope.contour.plugins.fields import Fields, refuse
from abscope.core.names import standard_name

#: Orders of a tensor's spatial axes; two axes are a model for single axial planes.
AXES = ("zyx", "zxy", "yxz", "yzx", "xyz", "xzy", "yx", "xy")
#: To which side the index along x, along y and along z grows, one letter each.
ORIENTATIONS = tuple("".join(o) for o in itertools.product("LR", "PA", "SI"))
#: What the numbers that come back are.
OUTPUTS = ("logits", "softmax", "sigmoid_logits", "sigmoid", "labels")
#: Label names that are no structure.
NOTHING = frozenset({"", "background"})
#: More structures than this in one model do not fit the bit field of a run.
MOST_STRUCTURES = 64

Labels = dict[int, tuple[str, ...]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """How a model wants its image.

    Parameters
    ----------
    spacing_zyx_mm : tuple of float
    axes : str
        Order of the tensor's spatial axes behind batch and channel, such as ``"zyx"``.
    orientation : str
        To which side the indices along x, y, z grow, such as ``"LPS"``.
    window_hu : tuple of float
        Values are cut off here; the image is padded with the lower one.
    scale, offset : float
        The model sees ``scale * HU + offset``.
    patch_zyx : tuple of int, optional
        Size of a patch in voxels; None for the whole volume at once.
    overlap : float
        Share of a patch that the next one covers again.
    multiple_zyx : tuple of int
        Without patches, sizes are padded up to a multiple of these.
    """

    spacing_zyx_mm: tuple[float, float, float]
    axes: str
    orientation: str
    window_hu: tuple[float, float]
    scale: float
    offset: float
    patch_zyx: tuple[int, int, int] | None
    overlap: float
    multiple_zyx: tuple[int, int, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a model gives back.

    Parameters
    ----------
    kind : str
        One of `OUTPUTS`.
    labels : mapping of int to tuple of str
        Channel or label value -> TG-263 names, none for what is no structure.
    """

    kind: str
    labels: Labels

    @property
    def is_exclusive(self) -> bool:
        """Whether a voxel has one label; otherwise each channel stands for itself."""
        return not self.kind.startswith("sigmoid")

    @property
    def structures(self) -> tuple[str, ...]:
        """TG-263 names in the order of the labels, each once."""
        return structures_of(self.labels)


def structures_of(labels: Labels) -> tuple[str, ...]:
    """Return the TG-263 names of labels in their order, each once.

    Examples
    --------
    >>> structures_of({0: (), 1: ("Lung_L", "Lungs"), 2: ("Lung_R", "Lungs")})
    ('Lung_L', 'Lungs', 'Lung_R')
    """
    return tuple(dict.fromkeys(name for index in sorted(labels) for name in labels[index]))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What every description says of its model, whatever its kind."""

    title: str
    version: str
    description: str
    licence: str
    limits: tuple[str, ...]


def read_about(fields: Fields) -> About:
    """Return title, version, licence and limits."""
    return About(
        title=fields.text("title")[:80],
        version=fields.text("version")[:20],
        description=fields.text("description")[:900],
        licence=fields.text("licence")[:300],
        limits=tuple(limit[:400] for limit in fields.texts("limits")),
    )


def read_sha256(value: object, where: str) -> str:
    """Return a checksum in lower case."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        refuse(
            where,
            "The checksum of a model file is not one.",
            "64 hexadecimal digits",
            "Take them from `sha256sum FILE`, best where the model was published.",
        )
    return value.lower()


def read_input(fields: Fields) -> Input:
    """Return how the image goes in."""
    axes = fields.one_of("axes", AXES)
    spacing = _xyz(fields, "spacing_mm", 0.1, 20.0)
    window = fields.child("window_hu")
    low, high = window.number("low", -32768, 32767), window.number("high", -32768, 32767)
    window.close()
    if low >= high:
        refuse(fields.where("window_hu"), "The HU window is empty.", "low below high")
    scale, offset = _normalization(fields.child("normalization"), low, high)
    patch, overlap = _patch(fields, flat="z" not in axes)
    multiple = (1, 1, 1)
    if fields.has("multiple_of"):
        multiple = _whole(_xyz(fields, "multiple_of", 1, 512), fields.where("multiple_of"))
    found = Input(
        spacing_zyx_mm=spacing,
        axes=axes,
        orientation=fields.one_of("orientation", ORIENTATIONS),
        window_hu=(low, high),
        scale=scale,
        offset=offset,
        patch_zyx=patch,
        overlap=overlap,
        multiple_zyx=multiple,
    )
    fields.close()
    return found


def _normalization(fields: Fields, low: float, high: float) -> tuple[float, float]:
    """Return scale and offset of HU."""
    kind = fields.one_of("kind", ("none", "range", "zscore"))
    scale, offset = 1.0, 0.0
    if kind == "range":
        bottom, top = fields.number("low", -1e6, 1e6), fields.number("high", -1e6, 1e6)
        if bottom >= top:
            refuse(fields.where("low"), "The range of values is empty.", "low below high")
        scale = (top - bottom) / (high - low)
        offset = bottom - scale * low
    elif kind == "zscore":
        scale = 1.0 / fields.number("sd", 1e-3, 1e6)
        offset = -scale * fields.number("mean", -1e6, 1e6)
    fields.close()
    return scale, offset


def _patch(fields: Fields, *, flat: bool) -> tuple[tuple[int, int, int] | None, float]:
    """Return patch size and overlap; a model for single planes has patches one plane thick."""
    if not fields.has("patch"):
        if flat:
            refuse(
                fields.where("patch"),
                "A model for single planes needs a patch size.",
                'a patch such as {"size": {"x": 512, "y": 512, "z": 1}, "overlap": 0}',
            )
        return None, 0.0
    patch = fields.child("patch")
    size = _whole(_xyz(patch, "size", 1, 1024), patch.where("size"))
    if flat and size[0] != 1:
        refuse(patch.where("size.z"), "A model for single planes has thick patches.", "1")
    overlap = patch.number("overlap", 0.0, 0.9)
    patch.close()
    return size, overlap


def _xyz(fields: Fields, key: str, low: float, high: float) -> tuple[float, float, float]:
    """Return three numbers by axis, in the order z, y, x."""
    part = fields.child(key, 'numbers by axis, such as {"x": 1, "y": 1, "z": 3}')
    z, y, x = (part.number(axis, low, high) for axis in "zyx")
    part.close()
    return z, y, x


def _whole(numbers: tuple[float, float, float], where: str) -> tuple[int, int, int]:
    if any(n != int(n) for n in numbers):
        refuse(where, "A size in voxels is not whole.", "whole numbers")
    z, y, x = (int(n) for n in numbers)
    return z, y, x


def read_output(fields: Fields) -> Output:
    """Return what comes back, with TG-263 names."""
    kind = fields.one_of("kind", OUTPUTS)
    where = fields.where("labels")
    labels: Labels = {}
    for key, value in fields.child("labels").items():
        if not re.fullmatch(r"\d{1,3}", key):
            refuse(where, "A label is not a number.", 'numbers as keys, such as "1": "Lung_L"')
        labels[int(key)] = names_of(value, where)
    if kind != "labels" and sorted(labels) != list(range(len(labels))):
        refuse(
            where, "Channels of the model are left out.", "each channel from 0 on, with its name"
        )
    found = Output(kind=kind, labels=labels)
    if found.is_exclusive and labels.get(0):
        refuse(where, "Label 0 carries a structure.", '"0": "background"')
    check_structures(found.structures, where)
    fields.close()
    return found


def names_of(value: object, where: str) -> tuple[str, ...]:
    """Return the TG-263 names of a label: one, several, or none for what is no structure."""
    given = value if isinstance(value, list) else [value]
    names = []
    for name in given:
        if not isinstance(name, str):
            refuse(where, "A label has no name.", "a TG-263 name, a list of them, or background")
        if name in NOTHING:
            continue
        if standard_name(name) != name:
            refuse(
                where,
                "A label is not named as in TG-263.",
                "a name such as Lung_L, Heart or SpinalCord"
                + (f" (here {standard_name(name)})" if standard_name(name) else ""),
            )
        names.append(name)
    return tuple(names)


def check_structures(names: tuple[str, ...], where: str) -> None:
    """Refuse models that draw nothing, or more than a run can hold."""
    if not 1 <= len(names) <= MOST_STRUCTURES:
        refuse(where, "No structure, or too many.", f"1 to {MOST_STRUCTURES} TG-263 names")
