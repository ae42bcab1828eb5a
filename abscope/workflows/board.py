"""The board pack of a case: composed from what the case holds, exported as PPTX and PDF."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from typing import Any, Literal

import numpy as np

import abscope
from abscope.core.case import Case, DoseInfo, StructureSetInfo
from abscope.core.errors import AbscopeError, RefusedError
from abscope.core.geometry import FloatArray, Grid
from abscope.core.names import is_target
from abscope.core.neutral import neutral_case
from abscope.core.structures import Roi, StructureSet
from abscope.dose.metrics import evaluate
from abscope.figures.dvh import DvhFigure, dvh_curve, dvh_figure
from abscope.figures.palette import Tone, distinct_tones, structure_color
from abscope.figures.scenario import probability_row, scenario_row
from abscope.figures.slice_view import SliceView, slice_view
from abscope.figures.waterfall import WaterfallFigure, waterfall_of
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
from abscope.report.pdf_pages import write_pdf
from abscope.report.pptx_deck import write_pptx
from abscope.store import codec
from abscope.what_if.scenario import read_scenario
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import (
    DoseEvaluation,
    StructureDose,
    choose_dose,
    evaluate_dose,
    image_of,
)
from abscope.workflows.findings import all_findings
from abscope.workflows.prediction import CasePredictions, predict_case, store_predictions
from abscope.workflows.simulation import WhatIf, simulate

#: Isodose levels on the slides, per cent of the prescription: those of the viewer.
LEVELS_PERCENT = (105, 100, 95, 80, 50, 20)
#: What is printed for each structure, where it has a DVH: lungs by mean and V20, targets by D95.
LUNG_METRICS = ("mean", "V20Gy")
TARGET_METRICS = ("D95%", "mean")
ORGAN_METRICS = ("mean", "max")
#: Why pictures are left off the slides (fault D23).
BURNED_IN = (
    "The images say that words are burned into them, perhaps a name. They are left off until "
    "somebody has looked and accepts burned-in-annotation."
)
#: Bars of a waterfall on a slide; the rest is summed up in the last one.
MAX_BARS = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BoardOptions:
    """What the presenter chose."""

    names_hidden: bool = False
    dose_uid: str | None = None
    scenario_id: str | None = None
    show_out_of_domain: bool = False
    title: str = ""
    show_burned_in: bool = False


def compose(context: Context, actor: Actor, case: Case, options: BoardOptions) -> BoardPack:
    """Return the pack of a case; parts that are not there say why instead of failing.

    The predictions on it are stored first, so that the same slides can be made again.
    """
    created = context.archive.now()
    if options.names_hidden:  # also those in the names of structures, plans and series
        case = neutral_case(case).case
    evaluation, dose_missing = _dose_part(context, case, options)
    predictions = predict_case(context, case, dose_uid=options.dose_uid)
    store_predictions(context, actor, predictions)
    rows, waterfalls = _prediction_part(predictions, options)
    slices, slices_missing = _slices(context, case, options, evaluation)
    scenario, scenario_missing = _scenario_part(context, case, options)
    return BoardPack(
        title=options.title or f"Tumor board, {created[:10]}",
        patient=_patient(case, predictions, options),
        provenance=Provenance(
            case_id=case.id,
            data_hash=data_hash(context, case),
            created=created,
            software_version=abscope.__version__,
            models=tuple(f"{r.model} {r.version}" for r in rows),
            scenario_ids=(scenario.id,) if scenario else (),
        ),
        lines=_lines(case, evaluation),
        findings=tuple(
            FindingLine(severity=f.severity, message=f.message)
            for f in all_findings(case)
            if f.severity != "info"
        ),
        slices=slices,
        slices_missing=slices_missing,
        dvh=_dvh_figure(evaluation) if evaluation else None,
        metrics=_metrics(evaluation) if evaluation else (),
        dose_missing=dose_missing,
        predictions=rows,
        waterfalls=waterfalls,
        scenario=scenario,
        scenario_missing=scenario_missing,
    )


def export(context: Context, actor: Actor, pack: BoardPack, form: Literal["pptx", "pdf"]) -> bytes:
    """Return the pack as a file's bytes; the export is audited and the pack's content recorded."""
    target = io.BytesIO()
    if form == "pptx":
        write_pptx(pack, target)
    else:
        write_pdf(pack, target)
    data = target.getvalue()
    context.documents.add(
        pack.provenance.case_id,
        "board",
        {
            "form": form,
            "sha256": hashlib.sha256(data).hexdigest(),
            "created": pack.provenance.created,
            "data_hash": pack.provenance.data_hash,
            "models": list(pack.provenance.models),
            "scenarios": list(pack.provenance.scenario_ids),
            "names_hidden": pack.patient.names_hidden,
        },
        actor.entry("export", pack.provenance.case_id, form=form),
    )
    return data


def data_hash(context: Context, case: Case) -> str:
    """Return a hash over everything a case's numbers come from."""
    files = context.cases.known_files(case.id)
    parts: list[Any] = [sorted(files.items()), codec.facts_text(case.facts)]
    parts += [codec.plain(r) for r in case.labs]
    parts += sorted(s.blob for s in case.structure_sets)
    return hashlib.sha256(codec.dumps(parts).encode()).hexdigest()


def _patient(case: Case, predictions: CasePredictions, options: BoardOptions) -> PatientDisplay:
    features = predictions.items[0].features if predictions.items else None
    age = features.number("age_years") if features else None
    return PatientDisplay(
        name=case.patient.name,
        id=case.patient.id,
        pseudonym=f"Case {case.id}",
        age_years=age,
        sex=case.facts.text("sex") or case.patient.sex,
        names_hidden=options.names_hidden,
        synthetic=case.patient.synthetic,
    )


def _lines(case: Case, evaluation: DoseEvaluation | None) -> tuple[Line, ...]:
    facts = case.facts
    diagnosis = " ".join(t for t in (facts.text("histology"), facts.text("cancer_type")) if t)
    pdl1, tmb = facts.number("pdl1_tps_percent"), facts.number("tmb_mut_per_mb")
    markers = [f"PD-L1 TPS {pdl1:g} %"] if pdl1 is not None else []
    markers += [f"TMB {tmb:g} mut/Mb"] if tmb is not None else []
    plan = case.plan_of(evaluation.dose) if evaluation else None
    prescription = ""
    if evaluation and evaluation.prescribed_gy and evaluation.fractions:
        prescription = f"{evaluation.prescribed_gy:g} Gy in {evaluation.fractions} fractions"
    rt_dates = " to ".join(t for t in (facts.text("rt_start"), facts.text("rt_end")) if t)
    ici = ", ".join(
        t
        for t in (
            facts.text("ici_agent"),
            facts.text("ici_regimen"),
            f"from {facts.text('ici_start')}" if facts.text("ici_start") else None,
        )
        if t
    )
    ecog = facts.get("ecog")
    return tuple(
        Line(label=label, text=text or "not entered")
        for label, text in (
            ("Diagnosis", diagnosis),
            ("Stage", facts.text("stage") or ""),
            ("ECOG", "" if ecog is None else str(ecog)),
            ("Smoking", facts.text("smoking") or ""),
            ("Biomarkers", ", ".join(markers)),
            ("Plan", ", ".join(t for t in (plan.label if plan else "", prescription) if t)),
            ("Radiotherapy", rt_dates),
            ("ICI", ici),
        )
    )


def _dose_part(
    context: Context, case: Case, options: BoardOptions
) -> tuple[DoseEvaluation | None, str]:
    try:
        return evaluate_dose(context, case, dose_uid=options.dose_uid, derived=True), ""
    except RefusedError as error:
        return None, f"{error.what} {error.remedy}"


def _dvh_figure(evaluation: DoseEvaluation) -> DvhFigure:
    curves = []
    for item, tone in zip(evaluation.structures, _tones(evaluation), strict=True):
        if item.dvh is None or _is_external(item):
            continue
        dose_gy, volume_cm3 = item.dvh.curve()
        percent = volume_cm3 / max(float(volume_cm3[0]), 1e-9) * 100
        curves.append(dvh_curve(item.name, dose_gy, percent, tone))
    return dvh_figure(curves)


def _tones(evaluation: DoseEvaluation) -> tuple[Tone, ...]:
    """Return the colors of all structures, the same for the pictures and the DVH."""
    return distinct_tones(
        [
            structure_color(
                Roi(number=item.number or 0, name=item.name, contours=(), color=item.color,
                    standard_name=item.standard_name or item.name)
            )
            for item in evaluation.structures
        ]
    )  # fmt: skip


def _metrics(evaluation: DoseEvaluation) -> tuple[MetricRow, ...]:
    rows: list[MetricRow] = []
    for item in evaluation.structures:
        name = item.standard_name or item.name
        if item.dvh is None:
            note = item.refused.what if item.refused else ""
            rows.append(
                MetricRow(
                    structure=item.name, metric="mean", value=None, unit="Gy", note=note,
                    refused=True,
                )
            )  # fmt: skip
            continue
        if _is_external(item):
            continue
        for text in _metric_names(name):
            value = evaluate(item.dvh, text, plan=evaluation.plan_context(item))
            rows.append(
                MetricRow(
                    structure=item.name,
                    metric=value.name,
                    value=value.value,
                    unit=value.unit,
                    note=value.reason,
                )
            )
    return tuple(rows)


def _is_external(item: StructureDose) -> bool:
    """Whether it is the body outline, which says nothing on a slide."""
    return item.standard_name == "External"


def _metric_names(name: str) -> tuple[str, ...]:
    if name.startswith("Lung"):
        return LUNG_METRICS
    if any(is_target(name, kind) for kind in ("GTV", "CTV", "PTV", "ITV")):
        return TARGET_METRICS
    return ORGAN_METRICS


def _prediction_part(
    predictions: CasePredictions, options: BoardOptions
) -> tuple[tuple[PredictionRow, ...], tuple[WaterfallFigure, ...]]:
    rows = tuple(
        PredictionRow.of(i.card, i.prediction, out_of_domain_accepted=options.show_out_of_domain)
        for i in predictions.items
    )
    shown = [predictions.of(m) for m in ("loris-nsclc", "pneumonitis-any", "rp-appelt")]
    waterfalls = [
        waterfall_of(i.card, i.prediction, i.probability, MAX_BARS)
        for i in shown
        if i is not None
        and i.probability is not None
        and (i.prediction.domain != "out" or options.show_out_of_domain)
    ]
    return rows, tuple(waterfalls[:2])


def _slices(
    context: Context, case: Case, options: BoardOptions, evaluation: DoseEvaluation | None
) -> tuple[tuple[SliceView, ...], str]:
    set_info, dose_info = _drawn(case, options)
    series = (image_of(case, set_info) if set_info else None) or case.planning_series()
    if series is None:
        return (), "The case has no images."
    if series.unit != "HU":
        return (), "The pictures of a page show CT; the structures lie on another kind of image."
    if series.burned_in == "YES" and not options.show_burned_in:
        return (), BURNED_IN
    image = context.cases.volume(series)
    contours = context.cases.structure_set(set_info) if set_info else None
    dose = context.cases.volume(dose_info) if dose_info else None
    prescribed = case.facts.number("prescribed_gy")
    plan = case.plan_of(dose_info) if dose_info else None
    if prescribed is None and plan is not None:
        prescribed = plan.prescribed_gy
    top = prescribed or (dose_info.max_gy if dose_info else 0.0)
    levels = [round(top * p / 100, 1) for p in LEVELS_PERCENT] if dose_info else []
    tones: dict[int, Tone] = {}
    if evaluation and set_info and evaluation.structure_set.uid == set_info.uid:
        pairs = zip(evaluation.structures, _tones(evaluation), strict=True)
        tones = {item.number: tone for item, tone in pairs if item.number is not None}
    try:
        views = tuple(
            slice_view(
                image,
                orientation,
                target_point(contours, series.grid),
                structures=contours,
                tones=tones,
                dose=dose,
                levels_gy=levels,
            )
            for orientation in ("axial", "coronal", "sagittal")
        )  # fmt: skip
    except AbscopeError as error:
        return (), str(error)
    return views, ""


def _drawn(case: Case, options: BoardOptions) -> tuple[StructureSetInfo | None, DoseInfo | None]:
    """Return the structure set and dose to draw, each None when there is none."""
    if case.doses:
        dose = choose_dose(case, options.dose_uid)
        return case.structure_set_for(dose) or _first_set(case), dose
    return _first_set(case), None


def _first_set(case: Case) -> StructureSetInfo | None:
    """Return the first clinical set, else the first there is: no version replaces it unasked."""
    return next(
        iter([s for s in case.structure_sets if s.is_clinical] or case.structure_sets), None
    )


def target_point(contours: StructureSet | None, grid: Grid) -> FloatArray:
    """Return the centre (LPS mm) of the GTV, else the PTV, else of the image."""
    for kind in ("GTV", "PTV", "CTV"):
        for roi in contours.rois if contours else ():
            if is_target(roi.standard_name, kind) and roi.closed:
                points = np.concatenate([c.points_mm for c in roi.closed])
                return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2)
    return grid.to_mm([[(n - 1) / 2 for n in grid.shape_zyx]])[0]


def _scenario_part(
    context: Context, case: Case, options: BoardOptions
) -> tuple[ScenarioPart | None, str]:
    stored = context.documents.of_case(case.id, "scenario")
    chosen = [d for d in stored if options.scenario_id in (None, d.id)]
    if not chosen:
        return None, "No scenario has been saved for this case."
    document = chosen[0]
    try:
        result = simulate(context, case, read_scenario(document.content["input"]))
    except RefusedError as error:
        return None, f"{error.what} {error.remedy}"
    return scenario_part(document.id, result, document.created, len(stored) - 1), ""


def scenario_part(
    identifier: str, result: WhatIf, saved: str = "", others: int = 0
) -> ScenarioPart:
    """Return the rows of a what-if for its page; `others` is how many more are saved."""
    rows = [scenario_row(r.name, r.delivered, r.scenario, r.unit, r.reason) for r in result.metrics]
    planned = {p.card.id: p for p in (result.planned.predictions if result.planned else ())}
    for item in result.delivered.predictions:
        after = planned.get(item.card.id)
        if after is not None:
            rows.append(probability_row(item.card.short_title, item.prediction, after.prediction))
    return ScenarioPart(
        id=identifier,
        name=result.scenario.name,
        rows=tuple(rows),
        saved=saved,
        others=others,
        refusals=tuple(f"{n.what} {n.remedy}" for n in result.assessment.refusals),
        notes=("Plan scaled, not re-optimized.", *(n.what for n in result.assessment.warnings)),
    )
