"""A small synthetic chest and a full pack of it."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.figures.dvh import dvh_curve, dvh_figure
from abscope.figures.palette import structure_color
from abscope.figures.scenario import scenario_row
from abscope.figures.slice_view import slice_view
from abscope.figures.waterfall import waterfall_figure
from abscope.predict.model import Explanation
from abscope.report.pack import (
    BoardPack,
    FindingLine,
    Line,
    MetricRow,
    PatientDisplay,
    PredictionRow,
    Provenance,
    ScenarioPart,
)


def _tube(number: int, name: str, x: float, y: float, radius: float, **more: object) -> Roi:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    contours = tuple(
        Contour(
            points_mm=np.stack(
                [x + radius * np.cos(turn), y + radius * np.sin(turn), np.full(40, z)], axis=1
            )
        )
        for z in np.arange(-60.0, 61.0, 5.0)
    )
    return Roi(number=number, name=name, contours=contours, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def chest() -> tuple[Volume, StructureSet, Volume]:
    """CT of 300 x 220 x 150 mm with two lungs and a tumor, its structures, and a dose hill."""
    grid = Grid.regular(
        origin_mm=(-150, -110, -75), spacing_zyx_mm=(5, 2.5, 2.5), shape_zyx=(31, 89, 121)
    )
    z, y, x = np.meshgrid(
        np.arange(31) * 5.0 - 75, np.arange(89) * 2.5 - 110, np.arange(121) * 2.5 - 150,
        indexing="ij",
    )  # fmt: skip
    hu = np.where((x / 145) ** 2 + (y / 105) ** 2 < 1, 40.0, -1000.0)
    for side in (-70, 70):
        hu[((x - side) / 48) ** 2 + (y / 70) ** 2 < 1] = -800
    hu[(x + 70) ** 2 + y**2 + z**2 < 20**2] = 30
    dose = 66 * np.exp(-((x + 70) ** 2 + y**2 + z**2) / (2 * 45.0**2))
    structures = StructureSet(
        uid="1.2.3",
        label="plan",
        source="clinical",
        frame_of_reference_uid="",
        rois=(
            _tube(1, "Lung_R", -70, 0, 48, standard_name="Lung_R"),
            _tube(2, "Lung_L", 70, 0, 48, standard_name="Lung_L"),
            _tube(3, "GTV", -70, 0, 20, standard_name="GTV", interpreted_type="GTV"),
            _tube(4, "Heart", 15, -25, 30, standard_name="Heart"),
            _tube(5, "SpinalCord", 0, 80, 8, standard_name="SpinalCord"),
        ),
    )
    ct = Volume(array_zyx=hu.astype(np.int16), grid=grid, unit="HU")
    return ct, structures, Volume(array_zyx=dose.astype(np.float32), grid=grid, unit="Gy")


def _curves(structures: StructureSet) -> object:
    dose = np.linspace(0, 68, 681)
    curves = []
    for roi, middle in zip(structures.rois, (14, 3, 64, 7, 11), strict=True):
        volume = 100 / (1 + np.exp((dose - middle) / (0.9 if middle > 60 else 4)))
        curves.append(dvh_curve(roi.name, dose, volume / volume[0] * 100, structure_color(roi)))
    return dvh_figure(curves)


PROB_RP = dataclasses.replace(
    scenario_row("Radiation pneumonitis", 18.3, 14.9, "%"),
    is_probability=True,
    delivered_interval=(12.0, 27.0),
    scenario_interval=(9.5, 23.0),
    level=0.95,
)
PREDICTIONS = (
    PredictionRow(
        label="Symptomatic radiation pneumonitis", endpoint="rp", horizon="grade 2+, 12 months",
        model="rp-appelt", version="1.0.0", probability=0.183, interval=(0.12, 0.27), level=0.95,
        domain="in", population="IPD of 586 patients, conventional fractionation",
        performance="AUC 0.65 (0.60 to 0.70)",
    ),
    PredictionRow(
        label="Checkpoint-inhibitor pneumonitis", endpoint="cip", horizon="any grade, 12 months",
        model="cip", version="1.1.0", probability=0.061, interval=None, level=None,
        interval_reason="the source gives none", domain="edge",
        domain_reasons=("age 91 above 88",), missing=("FEV1", "Eosinophils"),
        notes=("coefficients not verified by a second source",),
        population="n = 1,204, one center", performance="AUC 0.71",
    ),
    PredictionRow(
        label="Response to checkpoint inhibitor", endpoint="response", horizon="best response",
        model="loris-nsclc", version="1.0.0", probability=0.34, interval=(0.25, 0.45), level=0.95,
        domain="out", domain_reasons=("stage III consolidation after chemoradiation",),
        population="metastatic NSCLC, n = 2,881", performance="AUC 0.72",
    ),
    PredictionRow(
        label="Esophagitis", endpoint="esophagitis", model="esophagitis-wijsman", version="1.0.0",
        probability=None, interval=None, level=None, domain="in",
        reason="Mean esophagus dose is missing.", missing=("Mean esophagus dose",),
    ),
)  # fmt: skip


@pytest.fixture(scope="session")
def pack(chest: tuple[Volume, StructureSet, Volume]) -> BoardPack:
    ct, structures, dose = chest
    views = tuple(
        slice_view(
            ct, orientation, (-70, 0, 0), structures=structures, dose=dose,
            levels_gy=(5, 20, 40, 60), window=(-400, 1600),
        )
        for orientation in ("axial", "coronal", "sagittal")
    )  # fmt: skip
    values = {"mld": 0.052, "comorbidity": 0.031, "age": 0.012, "smoking": -0.028, "site": -0.014}
    explanation = Explanation(
        model="rp-appelt", space="probability", base=0.13, values=values,
        output=0.13 + sum(values.values()), baseline="mean patient of the source",
    )  # fmt: skip
    odds = {"mld": 0.4, "comorbidity": 0.2, "age": -0.55}
    second = Explanation(
        model="cip", space="log-odds", base=-2.7, values=odds, output=-2.7 + sum(odds.values()),
        baseline="patient without risk factors",
    )  # fmt: skip
    rows = (
        scenario_row("Prescribed dose", 66.0, 55.0, "Gy"),
        scenario_row("Fractions", 33.0, 20.0, ""),
        scenario_row("Mean lung dose, EQD2 (α/β 3 Gy)", 15.2, 13.1, "Gy"),
        PROB_RP,
        dataclasses.replace(
            scenario_row("Any pneumonitis", 23.0, 19.8, "%"),
            is_probability=True,
            interval_reason="the parts are correlated",
        ),
        dataclasses.replace(
            scenario_row("Checkpoint-inhibitor pneumonitis", 6.1, 6.1, "%"),
            is_probability=True,
            interval_reason="the source gives none",
        ),
        scenario_row("Esophagitis grade 2+", None, None, "%", note="mean esophagus dose missing"),
    )
    return BoardPack(
        title="Thoracic tumor board, 2026-11-23",
        patient=PatientDisplay(
            name="Testperson^Ada", id="MRN-0012345", pseudonym="Case K7", age_years=67, sex="F",
            synthetic=True,
        ),
        lines=(
            Line(label="Diagnosis", text="NSCLC, adenocarcinoma, right upper lobe"),
            Line(label="Stage", text="IIIB (cT3 cN2 cM0)"),
            Line(label="Plan", text="66 Gy in 33 fractions, 2026-09-01 to 2026-10-15, VMAT"),
            Line(label="Immunotherapy", text="Durvalumab 1500 mg Q4W from 2026-10-29"),
            Line(label="PD-L1", text="TPS 45 % (2026-08-12)"),
            Line(label="Question", text="Start of durvalumab given lung dose and emphysema?"),
        ),
        findings=(
            FindingLine(severity="warning", message="Dose grid covers 99.4 % of Lung_L."),
            FindingLine(severity="info", message="Age entered (67) differs from the header (66)."),
        ),
        slices=views,
        dvh=_curves(structures),  # type: ignore[arg-type]
        metrics=(
            MetricRow(structure="Lungs-GTV", metric="mean", value=14.2, unit="Gy", goal="≤ 20 Gy",
                      verdict="met"),
            MetricRow(structure="Lungs-GTV", metric="V20Gy", value=27.3, unit="%", goal="≤ 35 %",
                      verdict="met"),
            MetricRow(structure="Heart", metric="V50Gy", value=3.2, unit="%", goal="≤ 25 %",
                      verdict="met"),
            MetricRow(structure="SpinalCord", metric="D0.03cm3", value=46.1, unit="Gy",
                      goal="≤ 45 Gy", verdict="variation"),
            MetricRow(structure="Esophagus", metric="mean", value=None, unit="Gy",
                      note="grid covers 91 %"),
            MetricRow(structure="GTV", metric="D95%", value=64.0, unit="Gy", goal="≥ 62.7 Gy",
                      verdict="met"),
        ),
        predictions=PREDICTIONS,
        waterfalls=(
            waterfall_figure(
                explanation, title="Radiation pneumonitis",
                labels={"mld": "Mean lung dose", "comorbidity": "Pulmonary comorbidity",
                        "age": "Age", "smoking": "Smoking", "site": "Tumor location"},
                values={"mld": "14.2 Gy", "comorbidity": "yes", "age": "67 years",
                        "smoking": "current", "site": "upper"},
            ),
            waterfall_figure(second, title="Checkpoint-inhibitor pneumonitis"),
        ),
        scenario=ScenarioPart(
            id="sc-1", name="55 Gy in 20", rows=rows,
            refusals=("SBRT in 5 fractions: conversion into the SBRT range is not supported.",),
            notes=("α/β 3 Gy for lungs; dose scaled voxel by voxel, beams unchanged.",),
        ),
        provenance=Provenance(
            case_id="demo-1", data_hash="9f86d081884c7d659a2feaa0c55ad015", created="2026-11-23",
            software_version="0.1.0", models=("rp-appelt 1.0.0", "cip 1.1.0", "loris-nsclc 1.0.0"),
            scenario_ids=("sc-1",),
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def empty_pack(pack: BoardPack) -> BoardPack:
    return BoardPack(title="Empty", patient=pack.patient, provenance=pack.provenance)


#: What a hostile file or a clumsy person may write.
HOSTILE = (
    "<img src=x onerror=1>",
    "=cmd|' /C calc'!A0",
    '<a href="http://evil.example/">GTV</a>',
    "x" * 200,
    "long words " * 20,
    "\U0001fac1 tumor \U0001f600",
    "$\\frac{1}{2}$ %{x} _under",
    "nul\x00 bell\x07 turned\u202egtv lone\ud800",
    "http://evil.example/a",
    '<img src="file:///etc/passwd"/>',
)


@pytest.fixture(scope="session")
def spoiled(pack: BoardPack) -> Callable[[str], BoardPack]:
    """Return a function that writes a text into every place of a pack that holds free text."""

    def spoil(text: str) -> BoardPack:
        views = tuple(
            dataclasses.replace(
                v, outlines=tuple(dataclasses.replace(o, name=text) for o in v.outlines)
            )
            for v in pack.slices[:1]
        )
        assert pack.dvh is not None
        assert pack.scenario is not None
        curves = tuple(dataclasses.replace(c, name=text) for c in pack.dvh.curves)
        return dataclasses.replace(
            pack,
            title=text,
            patient=dataclasses.replace(pack.patient, name=text, id=text),
            lines=tuple(Line(label=text, text=text) for _ in range(8)),
            findings=tuple(FindingLine(severity="error", message=text) for _ in range(8)),
            slices=views,
            dvh=dataclasses.replace(pack.dvh, curves=curves),
            metrics=tuple(dataclasses.replace(m, structure=text) for m in pack.metrics * 4),
            predictions=tuple(
                dataclasses.replace(p, label=text, notes=(text, text), population=text)
                for p in pack.predictions
            ),
            waterfalls=tuple(
                dataclasses.replace(
                    w, title=text,
                    bars=tuple(dataclasses.replace(b, label=text) for b in w.bars),
                )
                for w in pack.waterfalls
            ),
            scenario=dataclasses.replace(
                pack.scenario, name=text, refusals=(text,), notes=(text,),
                rows=tuple(dataclasses.replace(r, metric=text) for r in pack.scenario.rows),
            ),
        )  # fmt: skip

    return spoil


#: One text of each kind is put into whole packs in `make test`: a link, overlong, odd characters;
#: unit tests of `figures.text` try all of them.
FEW = (2, 3, 7)
MARKED = [
    pytest.param(text, id=f"hostile{n}", marks=pytest.mark.slow if n in FEW else pytest.mark.long)
    for n, text in enumerate(HOSTILE)
]


@pytest.fixture(params=MARKED)
def hostile(request: pytest.FixtureRequest) -> str:
    return str(request.param)
