"""The measured quantities that laboratory tables are read for, with their names and bounds.

Bounds are physiological: a value beyond them is refused. ``usual`` is narrower and serves one
purpose: whether a value without a unit could be in a unit at all (fault L1).
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Analyte:
    """A measured quantity: key, name on screen, canonical unit, kind, possible and usual range.

    ``kind`` names its table of units in `abscope.core.units.FACTORS`.
    """

    key: str
    name: str
    unit: str
    kind: str
    lowest: float
    highest: float
    usual: tuple[float, float]
    spellings: tuple[str, ...]


def _cells(
    key: str, name: str, highest: float, usual: tuple[float, float], *spellings: str,
    lowest: float = 0.0,
) -> Analyte:  # fmt: skip
    return Analyte(key=key, name=name, unit="10^9/L", kind="cells", lowest=lowest,
                   highest=highest, usual=usual, spellings=spellings)  # fmt: skip


def _percent(key: str, name: str, usual: tuple[float, float], *spellings: str) -> Analyte:
    return Analyte(key=key, name=name, unit="%", kind="percent", lowest=0, highest=100,
                   usual=usual, spellings=spellings)  # fmt: skip


def _other(
    key: str, name: str, unit: str, kind: str, bounds: tuple[float, float],
    usual: tuple[float, float], *spellings: str,
) -> Analyte:  # fmt: skip
    return Analyte(key=key, name=name, unit=unit, kind=kind, lowest=bounds[0], highest=bounds[1],
                   usual=usual, spellings=spellings)  # fmt: skip


#: What the tables understand, in the order of the screen.
ANALYTES: tuple[Analyte, ...] = (
    _cells("wbc", "Leukocytes (WBC)", 500, (0.1, 100), "wbc", "leukocytes", "leucocytes",
           "white blood cells", "white cell count", "white blood cell count", "leukozyten",
           "leukos", "leucocitos", "globulos blancos", "leucociti", "globuli bianchi",
           "leukocyten", "leukocyty", "leucos", lowest=0.01),
    _cells("anc", "Neutrophils (ANC)", 200, (0.1, 60), "anc", "neutrophils", "neutrophil",
           "neutrophil count", "absolute neutrophils", "absolute neutrophil count", "neut", "neu",
           "neut abs", "neutrophile", "neutrophile granulozyten", "neutrophiles",
           "polynucleaires neutrophiles", "neutrofilos", "neutrofili", "neutrofielen",
           "neutrophils abs", "neutrofile"),
    _cells("alc", "Lymphocytes (ALC)", 100, (0.05, 15), "alc", "lymphocytes", "lymphocyte",
           "lymphocyte count", "absolute lymphocytes", "absolute lymphocyte count", "lymph", "lym",
           "lymphs", "lymphozyten", "linfocitos", "linfociti", "lymfocyten", "lymfocyty",
           "lymphocytes abs"),
    _cells("amc", "Monocytes", 50, (0.02, 5), "amc", "monocytes", "monocyte count", "mono",
           "absolute monocytes", "monozyten", "monocitos", "monociti", "monocyten"),
    _cells("aec", "Eosinophils", 50, (0.005, 5), "aec", "eosinophils", "eosinophil count", "eos",
           "absolute eosinophils", "eosinophile", "eosinophile granulozyten", "eosinofilos",
           "eosinofili", "eosinofielen", "eosinophiles"),
    _percent("neutrophil_percent", "Neutrophils (%)", (15, 98), "neutrophils %", "neutrophil %",
             "neutrophil percent", "neutrophils percent", "neut %", "neu %", "% neutrophils",
             "neutrophile %", "neutrofilos %", "neutrofili %", "neutrophil percentage"),
    _percent("lymphocyte_percent", "Lymphocytes (%)", (1, 80), "lymphocytes %", "lymphocyte %",
             "lymphocyte percent", "lymphocytes percent", "lymph %", "lym %", "% lymphocytes",
             "lymphozyten %", "linfocitos %", "linfociti %", "lymphocyte percentage"),
    _percent("monocyte_percent", "Monocytes (%)", (0.5, 40), "monocytes %", "monocyte %",
             "monocyte percent", "mono %", "% monocytes", "monozyten %"),
    _percent("eosinophil_percent", "Eosinophils (%)", (0.1, 60), "eosinophils %", "eosinophil %",
             "eosinophil percent", "eos %", "% eosinophils", "eosinophile %"),
    _cells("plt", "Platelets", 3000, (5, 1500), "plt", "platelets", "thrombocytes",
           "platelet count", "thrombozyten", "plaquettes", "plaquetas", "piastrine",
           "trombocyten", "trombociti", lowest=1),
    _other("hb", "Hemoglobin", "g/L", "hemoglobin", (20, 250), (40, 230), "hb", "hgb",
           "hemoglobin", "haemoglobin", "hamoglobin", "hemoglobine", "hemoglobina",
           "emoglobina"),
    _other("albumin", "Albumin", "g/L", "protein", (10, 70), (12, 65), "albumin", "alb",
           "serum albumin", "albumine", "albumina"),
    _other("protein", "Total protein", "g/L", "protein", (20, 150), (35, 120), "total protein",
           "protein total", "protein", "gesamteiweiss", "proteines totales", "proteinas totales",
           "proteine totali"),
    _other("ldh", "LDH", "U/L", "enzyme", (20, 20000), (60, 5000), "ldh", "lactate dehydrogenase",
           "ld", "laktatdehydrogenase", "lactate deshydrogenase", "lactato deshidrogenasa"),
    _other("crp", "CRP", "mg/L", "low_protein", (0, 1000), (0.05, 600), "crp",
           "c-reactive protein", "c reactive protein", "c reaktives protein",
           "proteine c reactive", "proteina c reactiva", "pcr"),
    _other("alt", "ALT", "U/L", "enzyme", (1, 20000), (3, 3000), "alt", "sgpt", "alat", "gpt",
           "alanine aminotransferase", "alt (gpt)"),
    _other("ast", "AST", "U/L", "enzyme", (1, 20000), (3, 3000), "ast", "sgot", "asat", "got",
           "aspartate aminotransferase", "ast (got)"),
    _other("alp", "Alkaline phosphatase", "U/L", "enzyme", (1, 10000), (15, 3000), "alp",
           "alkaline phosphatase", "alk phos", "alkalische phosphatase", "ap",
           "phosphatase alcaline", "fosfatasa alcalina"),
    _other("bilirubin", "Bilirubin (total)", "µmol/L", "bilirubin", (0.5, 1000), (2, 600),
           "bilirubin", "total bilirubin", "bilirubin total", "bili", "gesamtbilirubin",
           "bilirubine", "bilirrubina", "bilirubina"),
    _other("creatinine", "Creatinine", "µmol/L", "creatinine", (5, 3000), (20, 1500),
           "creatinine", "creat", "crea", "kreatinin", "creatinina", "serum creatinine"),
    _other("urea_nitrogen", "Urea nitrogen (BUN)", "mmol/L", "urea_nitrogen", (0.2, 100),
           (0.7, 60), "urea nitrogen", "bun", "urea n", "blood urea nitrogen"),
    _other("urea", "Urea", "mmol/L", "urea", (0.2, 100), (0.7, 60), "urea", "harnstoff", "uree"),
    _other("calcium", "Calcium", "mmol/L", "calcium", (0.5, 6), (1.2, 4.5), "calcium", "ca",
           "kalzium", "calcio"),
    _other("sodium", "Sodium", "mmol/L", "electrolyte", (90, 200), (100, 190), "sodium", "na",
           "natrium", "sodio"),
    _other("potassium", "Potassium", "mmol/L", "electrolyte", (1, 12), (1.5, 9), "potassium", "k",
           "kalium", "potasio", "potassio"),
    _other("glucose", "Glucose", "mmol/L", "glucose", (0.3, 110), (1.1, 55), "glucose", "glu",
           "glukose", "blood glucose", "glucosa", "glicemia", "glycemie"),
    _other("cea", "CEA", "µg/L", "marker", (0, 100000), (0.1, 20000), "cea",
           "carcinoembryonic antigen"),
    _percent("pdl1_tps", "PD-L1 TPS", (1, 100), "pd-l1 tps", "pdl1 tps", "tps",
             "tumor proportion score", "tumour proportion score", "pdl1 tps percent",
             "pd-l1 tps %", "pd-l1 %"),
    _other("pdl1_cps", "PD-L1 CPS", "points", "points", (0, 100), (0, 100), "pd-l1 cps",
           "pdl1 cps", "cps", "combined positive score"),
    _other("tmb", "TMB", "mut/Mb", "burden", (0, 1000), (0, 1000), "tmb",
           "tumor mutational burden", "tumour mutational burden", "tumor mutation burden",
           "tmb mut per mb"),
)  # fmt: skip
BY_KEY: dict[str, Analyte] = {a.key: a for a in ANALYTES}
#: A count and the percentage of the same cells: a unit of % makes the one the other.
AS_PERCENT: dict[str, str] = {
    "anc": "neutrophil_percent",
    "alc": "lymphocyte_percent",
    "amc": "monocyte_percent",
    "aec": "eosinophil_percent",
}
#: Names that stand for more than one quantity: a person says which.
AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "pd-l1": ("pdl1_tps", "pdl1_cps"),
    "pdl1": ("pdl1_tps", "pdl1_cps"),
    "pd l1": ("pdl1_tps", "pdl1_cps"),
    "pd-l1 expression": ("pdl1_tps", "pdl1_cps"),
}


def plain_name(name: str) -> str:
    """Return a name in lower case without accents, doubled blanks and final punctuation.

    Examples
    --------
    >>> plain_name(" Hämoglobin:"), plain_name("Neutrophils_abs")
    ('hamoglobin', 'neutrophils abs')
    """
    text = unicodedata.normalize("NFKD", name[:80]).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    return re.sub(r"[\s_]+", " ", text.replace("\ufeff", "")).strip(" :;.")


_SPELLED = {spelling: a for a in ANALYTES for spelling in (*a.spellings, a.key.replace("_", " "))}
_SPELLED |= {plain_name(a.name): a for a in ANALYTES}


_COUNT_MARKS = frozenset(("#", "abs", "absolut", "absolute", "absolu", "absolus", "absoluto",
                          "absolutos", "assoluti"))  # fmt: skip
_PERCENT_MARKS = frozenset(("%", "percent", "percentage", "pct", "rel", "relativ", "relative"))
#: Short names of the differential that are certain only beside such a mark (analyzer labels).
_MARKED = {"ne": "anc", "neuts": "anc", "ly": "alc", "mo": "amc", "monos": "amc", "eo": "aec"}


def _marked_analyte(wanted: str) -> Analyte | None:
    """Return the count or percentage that a label such as ``neut#`` or ``eos, abs`` says."""
    spaced = re.sub(r"([#%])", r" \1 ", re.sub(r"[-,:.()\[\]]", " ", wanted))
    words = spaced.split()
    is_count = not _COUNT_MARKS.isdisjoint(words)
    if is_count != _PERCENT_MARKS.isdisjoint(words):
        return None  # neither mark, or both
    base = " ".join(w for w in words if w not in _COUNT_MARKS | _PERCENT_MARKS | {"count"})
    key = _MARKED.get(base) or (_SPELLED[base].key if base in _SPELLED else "")
    if key not in AS_PERCENT or (base == key and not is_count):
        return None  # "ANC %" contradicts itself
    return BY_KEY[key if is_count else AS_PERCENT[key]]


def find_analyte(name: str) -> Analyte | None:
    """Return the analyte that a column or row name stands for, None when it is not known.

    Examples
    --------
    >>> find_analyte("Lymphozyten").key, find_analyte("Neutrophils %").key, find_analyte("zinc")
    ('alc', 'neutrophil_percent', None)
    >>> find_analyte("NEUT#").key, find_analyte("Lymphocytes, relative").key
    ('anc', 'lymphocyte_percent')
    """
    wanted = plain_name(name)
    found = _SPELLED.get(wanted)
    if found is None and wanted.endswith("%"):
        found = _SPELLED.get(wanted.rstrip("% ") + " %")
    return found or _marked_analyte(wanted)
