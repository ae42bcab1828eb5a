"""Structure names: spellings seen in practice, and what must stay unrecognised."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abscope.core import name_table, names
from abscope.core.names import (
    THRESHOLD,
    is_difference,
    is_target,
    match_name,
    standard_name,
    standard_names,
)

#: TG-263 name -> spellings of vendors, clinics and languages, separated by bars.
KNOWN = {
    "Lung_L": "Lung_L|Lung-Left|LUNG LEFT|Left Lung|Lt Lung|Lt. Lung|L LUNG|LLung|LungL|lung, left|"
    "Lung (L)|Lung Lt|LT_LUNG|Lunge li|Lunge links|Linke Lunge|linker Lungenflügel|Poumon G|"
    "poumon gauche|Poumon_Gche|Pulmón izquierdo|PULMON IZQ|Polmone sx|polmone sinistro|"
    "Linkerlong|Long links|Pulmão esquerdo|Pulmao_E|Płuco lewe|Vänster lunga|lung_left|"
    "Lung_L_v2|Left Lung 2|Lung_L (auto)|z_Lung_L|lung l mj|01_Lung_L|lugn left|OAR_Lung_L",
    "Lung_R": "Lung-Right|Right Lung|Rt Lung|R LUNG|RLung|Lunge re|Lunge rechts|Poumon D|"
    "poumon droit|pulmón der|polmone dx|rechterlong|pulmão direito|płuco prawe|höger lunga|"
    "RT LUNG NEW|Lung_R_20240305",
    "Lungs": "Lungs|LUNGS|Both Lungs|Total Lung|Lung_Total|Lung L+R|Lungen|Gesamtlunge|"
    "Lunge beidseits|Poumons|Pulmones|Polmoni|Longen|Pulmões|Lung|Lunge|bilateral lungs",
    "Heart": "Heart|HEART4|Heart_v2|heart mj|z_Heart|Heart (auto)|HEART|Herz|Coeur|Cœur|CUORE|"
    "Corazón|corazon|Coração|Hart|Serce|Hjärta|Heart new|Heart_final|Heart 1|Haert|heart_AB|"
    "OAR Heart|Heart - clinical|whole heart|Cor",
    "Esophagus": "Esophagus|Oesophagus|ESO|Oeso|oesoph|Speiseröhre|Speiseroehre|Ösophagus|"
    "Oesophage|Œsophage|esófago|Esofago|slokdarm|przełyk|esophogus|Espohagus|Esophagus_2|oesphagus",
    "SpinalCord": "SpinalCord|Spinal-Cord|Spinal Cord|spinal_cord|CORD|Cord 1|Rückenmark|"
    "Rueckenmark|Myelon|Moelle|moelle épinière|médula espinal|midollo|ruggenmerg|spinal chord|"
    "True Cord",
    "SpinalCanal": "SpinalCanal|Spinal Canal|Canal|Spinalkanal|Wirbelkanal|canal médullaire|"
    "canal medular|wervelkanaal",
    "Trachea": "Trachea|Luftröhre|Luftroehre|Trachée|traqueia|luchtpijp|tracea",
    "Bronchus": "Bronchus|Bronchi|Main Bronchi|ProxBronchTree|Proximal Bronchial Tree|PBT|Bronches",
    "External": "External|BODY|Body|Outline|Patient|Körper|Aussenkontur|Außenkontur|"
    "contour externe|lichaam",
    "A_Aorta": "Aorta|A_Aorta|a. aorta|aorte",
    "A_LAD": "LAD|A_LAD|Left Anterior Descending",
    "BrachialPlex_L": "Brachial Plexus L|Lt Brachial Plexus|BrachialPlex_L|bracial plexus left|"
    "Plexus brachialis links",
    "Chestwall": "Chest Wall|Chestwall|CW|Thoraxwand",
    "Breast_L": "Left Breast|Lt Breast|Mamma li|Sein gauche|mama izq|Borst links",
    "Breast_R": "Rt Breast|Brust re|sein droit",
    "Liver": "Liver|Leber|Foie|hígado|fegato",
    "Kidney_L": "Kidney_L|Left Kidney|Niere links|Rein G",
    "VB": "VB|Vertebral Bodies|Vertebrae|Wirbelkörper",
    "V_Venacava_S": "SVC|superior vena cava",
    "Skin": "Skin|Haut",
    "GTV": "GTV|gtv|GTVs",
    "GTV_1": "GTV-1|GTV1|gtv_1|GTV 1",
    "GTVp": "GTVp|gtvP",
    "GTVn2": "GTVn2",
    "PTV": "PTV|ptv",
    "PTV_60": "PTV60|PTV_60|PTV 60|ptv-60",
    "PTV_60Gy": "PTV 60 Gy|PTV_60Gy",
    "ITV": "ITV|ITV's|ITVs",
    "IGTV": "IGTV|iGTV",
    "CTV_boost": "CTV boost|CTV_boost",
    "GTV_nodal": "GTV nodal|GTV-nodal|gtv_nodal",
    "GTV_primary": "GTV primary|GTV_primary",
    "GTV_LN": "GTV LN|GTV_LN|GTV-LN",
    "GTV_LN2": "GTV LN 2|GTV_LN2",
    "GTV_T": "GTV T|GTV_T",
    "GTV_v2": "GTV v2|GTV_v2",
    "GTV_LN_R": "GTV LN R",
    "Lungs-ITV": "LUNGS-ITV's|Lungs - ITV's|lungs minus ITV|LUNGS_-_ITV|Lung-ITV",
    "Lungs-GTV": "Lungs-GTV|LungsMinusGTV|Total Lung-GTV|Lungs without GTV|Lunge ohne GTV|"
    "Poumons sans GTV|both lungs - gtv",
    "Lung_L-PTV": "Lung_L-PTV|Lt Lung - PTV|Left lung minus PTV",
    "PTV-GTV": "PTV-GTV|ptv - gtv|PTV minus GTV",
    "Heart-PTV": "Heart-PTV",
    "SpinalCord_PRV05": "SpinalCord_PRV05|Cord PRV 5|spinal cord prv05",
    "SpinalCord_PRV": "SpinalCord_PRV|PRV Cord",
}
UNKNOWN_TEXT = (
    "Opt1|Opt_Heart|Heart_opt|PTV_opt|PTV opt 60|Ring|Ring_PTV|PTV ring 2cm|NS_Ring|Heart+5mm|"
    "Heart+5|Cord_05|cord 5|Cord+3|Heart_5mm|Heart la|Heart_LV|heart wall|Heart_old|Herz alt|"
    "Lung_ipsi|Ipsilateral lung|contralateral lung|Breast|Kidney|Brachial Plexus|Lung upper|"
    "Lung_L_20Gy|Isodose 20|Dose 95%|95%|Couch|Bolus|Marker 3|Tumor Bed|Seroma|avoid|dummy|"
    "helper 1|Lungs+Heart|Lung_L-Lung_R|Heart-Lungs|PTV-Lungs|PTV-Heart|Lungs-GTV-PTV|"
    "Lungs_GTV_PTV|Not Lung|NT|ROI 7|"
    "=cmd|=HYPERLINK(1)|../../Lungs.txt|<b>Heart</b>|<img src=x onerror=1>|😀|x|1|__|l|r|left|Lt|"
    "Lung_L 2000|left lung nodule|Heart block|PTV_eval|GTV_dvh|External-5mm|copy of|Structure1|"
    "cardiac shadow|spine tumor|Esophagus upper|Oeso prox|LungL+5mm|"
    # dose structures
    "Lung_L_V20|Lungs V5|Lungs 20|Heart 50|Eso 60|Eso_20Gy|Heart_V30|Heart 2.5|20_Lungs|12 Heart|"
    "PTV_V95|PTV D95|Heart phase 50|Lungs20|"
    # parts of an organ, words that are not listed
    "Heart LAA|Heart Ca|heart sax|Heart bad|heart ca|Heart RA|Heart RV|Heart_PA|HEART LV|Heart_MV|"
    "Lung ab|Heart ao|Heart Ab|Heart es|Heart LAX|Heart xyz|"
    # made from a target
    "GTV to Heart|GTV_exp|GTV-expanded|GTV + 5mm|GTV+5mm|GTV 5mm|GTV5mm|GTV-5mm|GTV_ring|GTV avoid|"
    "GTV sub|GTV_shell|GTV_Heart|GTV1exp|GTV part|GTV_Smith|PTV_5mm|GTV plus|GTV edema|PTV_GTV"
)
UNKNOWN = UNKNOWN_TEXT.split("|")
PAIRS = [(spelling, want) for want, text in KNOWN.items() for spelling in text.split("|")]


@pytest.mark.parametrize(("spelling", "standard"), PAIRS)
def test_spelling_is_recognised(spelling: str, standard: str) -> None:
    found = match_name(spelling)
    assert found is not None
    assert found.standard == standard
    assert THRESHOLD <= found.confidence <= 1
    assert found.how


@pytest.mark.parametrize("spelling", UNKNOWN)
def test_what_is_not_certain_stays_without_a_standard_name(spelling: str) -> None:
    assert match_name(spelling) is None


def test_there_are_enough_spellings_to_mean_something() -> None:
    assert len(PAIRS) >= 150
    assert len(UNKNOWN) >= 50


def test_a_standard_name_stands_for_itself_with_full_confidence() -> None:
    odd = {n: match_name(n) for n in standard_names() if standard_name(n) != n}
    assert odd == {}
    unsure = [
        n for n in standard_names() if not is_difference(n) and match_name(n).confidence != 1.0
    ]
    assert unsure == []


def test_every_result_stands_for_itself() -> None:
    results = {match_name(spelling).standard for spelling, _ in PAIRS}
    assert {name for name in results if standard_name(name) != name} == set()


def test_no_spelling_stands_for_two_organs() -> None:
    meanings: dict[str, dict[float, set[str]]] = {}
    for spelling, match in names.spellings():
        meanings.setdefault(spelling, {}).setdefault(match.confidence, set()).add(match.standard)
    clash = {s: m for s, m in meanings.items() if len(m[max(m)]) > 1}
    assert clash == {}


@given(
    name=st.sampled_from(standard_names()),
    separator=st.sampled_from(["_", " ", "-", ".", ""]),
    upper=st.booleans(),
)
def test_case_and_separator_do_not_matter(name: str, separator: str, upper: bool) -> None:
    if is_difference(name):
        return
    written = name.replace("_", separator)
    assert standard_name(written.upper() if upper else written.lower()) == name


@given(st.text(max_size=80))
def test_any_text_is_answered_and_the_answer_is_stable(text: str) -> None:
    found = match_name(text)
    if found is not None:
        assert THRESHOLD <= found.confidence <= 1
        assert standard_name(found.standard) == found.standard


@given(
    st.lists(
        st.sampled_from(
            ["lung", "heart", "left", "gtv", "ptv", "-", " ", "_", "minus", "5", "opt", "+", "prv"]
        ),
        max_size=6,
    )
)
def test_words_in_any_order_never_make_a_plain_organ_of_a_difference(words: list[str]) -> None:
    found = match_name("".join(words))
    if found is not None and found.standard in ("Lungs", "Lung_L", "Heart"):
        assert not {"gtv", "ptv", "minus", "opt", "+", "prv"} & set(words)


def test_confidence_falls_with_each_rule() -> None:
    order = ["Heart", "HEART4", "Heart_v2", "heart mj"]
    confidences = [match_name(n).confidence for n in order]
    assert confidences == sorted(confidences, reverse=True)
    assert len(set(confidences)) == len(order)


def test_targets_are_told_by_kind_and_differences_are_none() -> None:
    assert is_target(standard_name("GTVp"), "GTV")
    assert is_target(standard_name("GTV n"), "GTV")
    assert all(is_target(n, "GTV") for n in ("GTV", "GTVn2", "GTV_LN_R", "GTV_60Gy", "GTV_2"))
    made = ("GTV_exp", "GTV_expanded", "GTV_toHeart", "GTV_5mm", "GTV_ring", "GTV_opt", "GTV_V20")
    assert not any(is_target(n, "GTV") for n in made)  # also where an earlier release stored them
    for name, kind in itertools.product(("PTV-GTV", "Lungs-GTV", "Heart"), ("GTV", "PTV")):
        assert not is_target(standard_name(name), kind)


def test_every_organ_has_an_english_word() -> None:
    assert [organ.standard for organ in name_table.ORGANS if "en" not in organ.words] == []
