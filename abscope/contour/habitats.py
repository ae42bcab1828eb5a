"""Habitats: parts of a tumor that look alike on CT, and in uptake where there is a PET.

Gatenby et al. 2013 (doi:10.1148/radiol.13122697) and O'Connor et al. 2015
(doi:10.1158/1078-0432.CCR-14-0990) on the idea; Wu et al. 2016 (PMC4969127) on lung tumors by CT
and FDG-PET. Here:

1. CT numbers are smoothed by a median, which keeps borders. Not fitted are the outermost voxels,
   which hold lung as well, and the steepest, which lie between habitats.
2. Gaussian mixtures of one to `MOST` parts are fitted to voxels so far apart that their noise is
   independent; the one with the lowest Bayesian information criterion (Schwarz 1978,
   doi:10.1214/aos/1176344136) is kept whose parts are each large enough and lie apart (Ashman's
   D above 2: Ashman et al. 1994, doi:10.1086/117248).
3. Each voxel belongs to what most of its neighbourhood belongs to.
4. All of it is done again with noise added; the adjusted Rand index (Hubert and Arabie 1985,
   doi:10.1007/BF01908075) of the two says how steady the habitats are.

Exploratory: what a habitat is made of is not known from these images.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from abscope.contour.engine import spacing_of
from abscope.contour.engines.working import bounding_box
from abscope.core.errors import EngineError
from abscope.core.geometry import FloatArray, Grid, Volume
from abscope.core.resample import resample_to

BoolArray = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int8]
#: The most habitats that are looked for.
MOST = 4
#: Each has at least this volume (cm3) and this many voxels.
LEAST_CM3 = 1.0
LEAST_VOXELS = 100
#: A mixture is fitted to this many voxels or more.
FEWEST = 40
#: A tumor is divided from twice that volume on (cm3).
SMALLEST_TUMOR_CM3 = 2.0 * LEAST_CM3
#: CT numbers are smoothed over about this to each side, labels by this standard deviation (mm).
MEDIAN_MM = 2.0
SMOOTH_MM = 1.5
#: Not fitted: voxels up to this depth (mm; a PET is blurred further), and all but this share of
#: those with least slope.
RIM_MM = 2.0
RIM_PET_MM = 4.0
CALM_SHARE = 0.5
#: Voxels that are fitted lie at least about this far apart (mm).
APART_MM = 4.0
#: Two habitats lie apart from this value of Ashman's D on.
ASHMAN = 2.0
#: CT numbers are compared between these (HU): below is air, above is calcium or bone.
WINDOW_HU = (-300.0, 300.0)
#: Noise for the steadiness (HU, standard deviation), and how often it is tried.
NOISE_HU = 20.0
REPEATS = 3
SEED = 20130501


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Habitat:
    """One habitat in numbers; SUV is None without a PET.

    ``share`` is of the tumor's volume, 0 to 1.
    """

    number: int
    volume_cm3: float
    share: float
    hu_mean: float
    hu_sd: float
    suv_mean: float | None = None
    suv_max: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Habitats:
    """A tumor divided.

    Parameters
    ----------
    items : tuple of Habitat
        By rising mean SUV, else HU; `Habitat.number` counts from 1.
    labels_zyx : ndarray of int8
        The number of the habitat on the image's own voxels, 0 outside the tumor.
    bic : tuple of float
        For 1, 2, ... habitats: lower fits better for its number of parameters.
    with_suv : bool
        Whether SUV took part.
    steadiness : float
        Mean adjusted Rand index with noise of `NOISE_HU`: 1 the same habitats, 0 chance.
    """

    items: tuple[Habitat, ...]
    labels_zyx: Labels
    bic: tuple[float, ...]
    with_suv: bool
    steadiness: float


def find_habitats(image: Volume, tumor_zyx: BoolArray, pet: Volume | None = None) -> Habitats:
    """Return the habitats of a tumor.

    Parameters
    ----------
    image : Volume
        In HU.
    tumor_zyx : ndarray of bool
        On the image's own voxels.
    pet : Volume, optional
        SUV in g/mL in the image's frame of reference. It is used where it covers the whole tumor.

    Raises
    ------
    EngineError
        ``habitats-tumor-too-small``, ``engine-image-one-plane``.
    """
    spacing = spacing_of(image)
    voxel_cm3 = float(np.prod(spacing)) / 1000.0
    _check_size(int(np.count_nonzero(tumor_zyx)), voxel_cm3)
    box = bounding_box(tumor_zyx)
    assert box is not None, "a tumor of some size"
    tumor = tumor_zyx[box]
    hu = image.array_zyx[box].astype(np.float32)
    suv = None if pet is None else resample_to(pet, _part(image.grid, box)).array_zyx
    if suv is not None and not bool(np.isfinite(suv[tumor]).all()):
        suv = None
    depth = _depth_mm(tumor, spacing)
    labels, bic = _divide(hu, suv, tumor, depth, spacing)
    noise = np.random.default_rng(SEED)
    again = []
    for _ in range(REPEATS):
        noisy = hu + noise.normal(0.0, NOISE_HU, hu.shape).astype(np.float32)
        other, _ = _divide(noisy, suv, tumor, depth, spacing)
        again.append(float(adjusted_rand_score(labels[tumor], other[tumor])))
    labels_zyx = np.zeros(tumor_zyx.shape, dtype=np.int8)
    labels_zyx[box] = labels
    return Habitats(
        items=_numbers(labels, hu, suv, voxel_cm3),
        labels_zyx=labels_zyx,
        bic=bic,
        with_suv=suv is not None,
        steadiness=float(np.mean(again)),
    )


def _check_size(voxels: int, voxel_cm3: float) -> None:
    volume_cm3 = voxels * voxel_cm3
    if volume_cm3 >= SMALLEST_TUMOR_CM3 and voxels >= 2 * LEAST_VOXELS:
        return
    raise EngineError(
        "habitats-tumor-too-small",
        f"The tumor is too small to be divided: {volume_cm3:.1f} cm3 in {voxels} voxels.",
        where="structure",
        expected=f"{SMALLEST_TUMOR_CM3:g} cm3 or more, and {2 * LEAST_VOXELS} voxels or more",
        remedy="Choose a larger structure; of a small tumor its mean values say enough.",
    )


def _part(grid: Grid, box: tuple[slice, slice, slice]) -> Grid:
    return grid.part([s.start for s in box], [s.stop for s in box])


def _depth_mm(tumor: BoolArray, spacing: tuple[float, float, float]) -> FloatArray:
    """Return how deep each voxel lies below the tumor's surface (mm); beyond the box is none."""
    padded = ndimage.distance_transform_edt(np.pad(tumor, 1), sampling=spacing)
    return np.asarray(padded[1:-1, 1:-1, 1:-1])


def _divide(
    hu: npt.NDArray[np.float32],
    suv: npt.NDArray[np.float32] | None,
    tumor: BoolArray,
    depth_mm: FloatArray,
    spacing: tuple[float, float, float],
) -> tuple[Labels, tuple[float, ...]]:
    """Return labels from 1 on, 0 outside the tumor, and the criterion for each number."""
    inside = np.asarray(depth_mm > (RIM_MM if suv is None else RIM_PET_MM), dtype=np.bool_)
    if np.count_nonzero(inside) < LEAST_VOXELS:
        inside = tumor
    size = [2 * round(MEDIAN_MM / s) + 1 for s in spacing]
    values = [ndimage.median_filter(np.clip(hu, *WINDOW_HU), size=size)]
    if suv is not None:
        values.append(suv)
    values = [_scaled(v, inside) for v in values]
    features = np.stack([v[inside] for v in values], axis=1).astype(np.float64)
    models = _models(features[_fitted(values, inside, spacing)[inside]])
    bic = tuple(criterion for _, criterion in models)
    least = max(LEAST_CM3 / (float(np.prod(spacing)) / 1000.0), float(LEAST_VOXELS))
    for index in np.argsort(bic):
        model = models[index][0]
        if not _lie_apart(model):
            continue
        parts = np.zeros(tumor.shape, dtype=np.int8)
        parts[inside] = model.predict(features) + 1
        labels = _settled(parts, tumor, spacing)
        counts = np.bincount(labels[tumor], minlength=model.n_components + 1)[1:]
        if float(counts.min()) >= least:
            return _ordered(labels, values[-1]), bic
    return tumor.astype(np.int8), bic


def _scaled(values: npt.NDArray[np.float32], inside: BoolArray) -> npt.NDArray[np.float32]:
    """Return values less their mean, in standard deviations."""
    spread = float(values[inside].std())
    scaled = (values - float(values[inside].mean())) / (spread if spread > 1e-3 else 1.0)
    return np.asarray(scaled, dtype=np.float32)


def _fitted(
    values: list[npt.NDArray[np.float32]], inside: BoolArray, spacing: tuple[float, float, float]
) -> BoolArray:
    """Return the calm voxels on a lattice of about `APART_MM`; on none when these are few."""
    slope = sum(
        np.asarray(ndimage.sobel(v, axis=a) / s) ** 2 for v in values for a, s in enumerate(spacing)
    )
    calm = inside & (slope <= np.quantile(np.asarray(slope)[inside], CALM_SHARE))
    lattice = np.zeros_like(inside)
    lattice[tuple(slice(None, None, max(1, round(APART_MM / s))) for s in spacing)] = True
    for chosen in (calm & lattice, calm):
        if np.count_nonzero(chosen) >= FEWEST:
            return np.asarray(chosen, dtype=np.bool_)
    return inside


def _models(features: FloatArray) -> list[tuple[GaussianMixture, float]]:
    """Return the mixture of 1, 2, ... parts and its criterion."""
    found = []
    for parts in range(1, MOST + 1):
        model = GaussianMixture(
            parts, covariance_type="diag", n_init=2, reg_covar=1e-3, random_state=SEED,
            init_params="k-means++",
        )  # fmt: skip
        model.fit(features)
        found.append((model, float(model.bic(features))))
    return found


def _lie_apart(model: GaussianMixture) -> bool:
    """Whether each two parts of a mixture are `ASHMAN` apart, by their mean variances."""
    for i in range(model.n_components):
        for j in range(i):
            between = model.means_[i] - model.means_[j]
            shared = (model.covariances_[i] + model.covariances_[j]) / 2.0
            if float(np.sum(between**2 / shared)) < ASHMAN**2:
                return False
    return True


def _settled(parts: Labels, tumor: BoolArray, spacing: tuple[float, float, float]) -> Labels:
    """Return for each voxel of the tumor the part that most of its neighbourhood belongs to."""
    nearest = ndimage.distance_transform_edt(
        parts == 0, sampling=spacing, return_distances=False, return_indices=True
    )
    parts = np.where(tumor, parts[tuple(nearest)], 0)
    sd = [SMOOTH_MM / s for s in spacing]
    near = [
        ndimage.gaussian_filter((parts == n).astype(np.float32), sd)
        for n in range(1, int(parts.max()) + 1)
    ]
    return np.where(tumor, np.argmax(near, axis=0) + 1, 0).astype(np.int8)


def _ordered(labels: Labels, values: npt.NDArray[np.float32]) -> Labels:
    """Return labels counted by rising mean value."""
    numbers = np.arange(1, int(labels.max()) + 1)
    means = [float(values[labels == n].mean()) for n in numbers]
    renamed = np.zeros(numbers.size + 1, dtype=np.int8)
    renamed[numbers[np.argsort(means)]] = numbers
    return np.asarray(renamed[labels], dtype=np.int8)


def _numbers(
    labels: Labels,
    hu: npt.NDArray[np.float32],
    suv: npt.NDArray[np.float32] | None,
    voxel_cm3: float,
) -> tuple[Habitat, ...]:
    total = int(np.count_nonzero(labels))
    items = []
    for number in range(1, int(labels.max()) + 1):
        mask = labels == number
        count = int(np.count_nonzero(mask))
        items.append(
            Habitat(
                number=number,
                volume_cm3=count * voxel_cm3,
                share=count / total,
                hu_mean=float(hu[mask].mean()),
                hu_sd=float(hu[mask].std()),
                suv_mean=None if suv is None else float(suv[mask].mean()),
                suv_max=None if suv is None else float(suv[mask].max()),
            )
        )
    return tuple(items)
