"""The words that hospitals use for structures, by organ and language.

Left side of every entry: the TG-263 name (AAPM TG-263, Mayo et al. 2018,
doi:10.1016/j.ijrobp.2017.12.013). Words are written with or without accents, in any case, with any
or no separator; `names.fold` takes those differences away. To teach the program a new spelling,
add it here and a line to ``tests/unit/core/test_names.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

#: Language -> words for left, words for right. English ones go with every language's organs.
SIDES: dict[str, tuple[str, str]] = {
    "en": ("l, lt, lft, left", "r, rt, rgt, right"),
    "de": ("li, lks, links, linker, linke, linkes, linksseitig", "re, rechts, rechter, rechte"),
    "fr": ("g, gche, gauche", "d, dte, droit, droite"),
    "es": ("i, izq, izquierdo, izquierda", "d, der, dcho, dcha, derecho, derecha"),
    "it": ("s, sx, sin, sinistro, sinistra", "d, dx, des, destro, destra"),
    "nl": ("li, links, linker", "re, rechts, rechter"),
    "pt": ("e, esq, esquerdo, esquerda", "d, dir, direito, direita"),
    "pl": ("l, lewe, lewy, lewa", "p, prawe, prawy, prawa"),
    "sv": ("v, vä, vänster", "h, hö, höger"),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Organ:
    """An organ and its words.

    Parameters
    ----------
    standard : str
        TG-263 name without side.
    words : mapping of str to str
        Language -> words, separated by commas.
    sided : bool
        Whether it exists as ``_L`` and ``_R``.
    both : str
        TG-263 name of the pair; empty when there is none.
    both_words : str
        Words for the pair, separated by commas, in any language.
    alone : float
        Confidence with which a word without a side means the pair; 0: it is not told which.
    misspelled : str
        Wrong spellings seen in practice, for either side or none.
    """

    standard: str
    words: Mapping[str, str]
    sided: bool = False
    both: str = ""
    both_words: str = ""
    alone: float = 0.0
    misspelled: str = ""


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def _organ(standard: str, misspelled: str = "", **words: str) -> Organ:
    return Organ(standard=standard, words=words, misspelled=misspelled)


def _pair(
    standard: str,
    both: str = "",
    both_words: str = "",
    misspelled: str = "",
    alone: float = 0.0,
    **words: str,
) -> Organ:
    return Organ(
        standard=standard, words=words, sided=True, both=both, both_words=both_words,
        alone=alone, misspelled=misspelled,
    )  # fmt: skip


ORGANS: tuple[Organ, ...] = (
    # ------------------------------------------------------------------------------------- thorax
    _pair(
        "Lung", "Lungs",
        "lungs, both lungs, total lung, lung total, lungs total, lung both, lungs both, "
        "bilateral lungs, lungs bilateral, lung bilateral, combined lungs, combined lung, "
        "whole lung, lungs combined, bilat lungs, lung l+r, lung r+l, lungen, lungen beide, "
        "beide lungen, gesamtlunge, lunge gesamt, lunge ges, lunge beidseits, lunge bds, "
        "lunge beide, poumons, 2 poumons, deux poumons, poumons totaux, poumon total, pulmones, "
        "ambos pulmones, pulmon total, polmoni, polmone totale, polmoni totali, longen, "
        "beide longen, longen totaal, pulmões, ambos pulmões, pulmão total, płuca, oba płuca, "
        "lungor, båda lungorna, lungs all",
        "lugn, luung, lund, lungg", alone=0.7,
        en="lung, lng, pulmo, lung tissue", de="lunge, lungenflügel, lung", fr="poumon",
        es="pulmón", it="polmone", nl="long", pt="pulmão", pl="płuco", sv="lunga",
    ),
    _organ(
        "Heart", "haert, heaart, heatr, hearth, herat, hert",
        en="heart, cor, cardiac, whole heart, heart total, heart whole", de="herz, herzen",
        fr="coeur", es="corazón", it="cuore", nl="hart", pt="coração", pl="serce", sv="hjärta",
    ),
    _organ(
        "Esophagus",
        "esophogus, esophagous, esophagas, esophgus, espohagus, esaphagus, esofagus, esopahgus, "
        "eosophagus, oesophogus, oesphagus, osophagus, oesaphagus, eophagus",
        en="esophagus, oesophagus, eso, oes, oeso, esoph, oesoph, gullet, esophagus whole",
        de="ösophagus, speiseröhre", fr="oesophage, œsophage", es="esófago", it="esofago",
        nl="slokdarm", pt="esôfago", pl="przełyk", sv="esofagus, matstrupe",
    ),
    _organ(
        "SpinalCord",
        "spinal chord, spinalchord, spinalcod, spinal cor, spnal cord, spianl cord, spinl cord, "
        "spinal crod, spinal cord cord",
        en="spinal cord, spinalcord, cord, sp cord, spcord, medulla spinalis, spine cord, "
        "true cord, cord true, spinal cord true",
        de="rückenmark, myelon, spinalmark", fr="moelle, moelle épinière, moelle epi",
        es="médula, médula espinal", it="midollo, midollo spinale", nl="ruggenmerg, myelum",
        pt="medula, medula espinhal", pl="rdzeń, rdzeń kręgowy", sv="ryggmärg",
    ),
    _organ(
        "SpinalCanal", "spinal cannal, spinalcanel, spinal canel",
        en="spinal canal, spinalcanal, canal, vertebral canal, cord canal, thecal sac canal",
        de="spinalkanal, wirbelkanal, rückenmarkskanal, myelonkanal", fr="canal médullaire, "
        "canal rachidien", es="canal medular, canal espinal, canal raquídeo",
        it="canale, canale spinale, canale midollare, speco vertebrale",
        nl="wervelkanaal", pt="canal medular, canal vertebral", pl="kanał kręgowy",
        sv="spinalkanalen, ryggmärgskanal",
    ),
    _organ(
        "Trachea", "trachae, traechea, tracea, trachia, tracheae, trachaea",
        en="trachea, windpipe", de="luftröhre, trachea", fr="trachée", es="tráquea",
        it="trachea", nl="luchtpijp", pt="traqueia", pl="tchawica", sv="luftstrupe",
    ),
    _pair(
        "Bronchus", "Bronchus",
        "bronchi, main bronchi, bronchus main, bronchi main, proximal bronchial tree, "
        "prox bronch tree, prox bronchial tree, bronchial tree, pbt, proximal bronchus, bronchien, "
        "hauptbronchien, bronches, bronquios, bronchi principali, bronchiën, brônquios, oskrzela",
        "broncus, bronchous, bronchis", alone=1.0,
        en="bronchus, main bronchus, mainstem bronchus, bronchus main",
        de="bronchus, hauptbronchus", fr="bronche, bronche souche", es="bronquio",
        it="bronco", nl="bronchus", pt="brônquio", pl="oskrzele", sv="bronk",
    ),
    _organ(
        "A_Aorta", "aorte, arota, aotra",
        en="aorta, a aorta, aorta thoracic, thoracic aorta", de="hauptschlagader", pl="aorta",
    ),
    _organ("GreatVes", en="great vessels, great vessel, greatvessels, great ves, gr vessels",
           de="große gefäße, grosse gefässe", fr="gros vaisseaux", es="grandes vasos",
           it="grandi vasi", nl="grote vaten"),
    _organ("A_Pulmonary", en="pulmonary artery, pulm artery, a pulmonary, a pulmonalis, "
           "pulmonary arteries", de="pulmonalarterie, lungenarterie"),
    _organ("V_Venacava_S", en="superior vena cava, svc, vena cava superior, vena cava sup, "
           "v cava sup, vcs", de="obere hohlvene", fr="veine cave supérieure"),
    _organ("V_Venacava_I", en="inferior vena cava, ivc, vena cava inferior, vena cava inf, vci",
           de="untere hohlvene", fr="veine cave inférieure"),
    _organ("A_LAD", en="lad, lada, left anterior descending, left anterior descending artery, "
           "lad artery, coronary lad, a coronary lad, heart lad", de="riva", fr="iva"),
    _pair("Atrium", en="atrium, heart atrium, atria", de="vorhof", fr="oreillette",
          es="aurícula", it="atrio"),
    _pair("Ventricle", en="ventricle, heart ventricle", de="ventrikel, herzkammer",
          fr="ventricule", es="ventrículo", it="ventricolo"),
    _organ("Pericardium", en="pericardium, pericardial sac, heart pericardium",
           de="perikard, herzbeutel", fr="péricarde", es="pericardio", it="pericardio"),
    _pair(
        "BrachialPlex", "BrachialPlexs", "brachial plexuses, both brachial plexus",
        "bracial plexus, brachial plexis, brachail plexus, brachialplexis",
        en="brachial plexus, brachial plex, brachialplexus, brach plex, brach plexus, bp, plexus, "
        "plex brach, plexus brach",
        de="plexus brachialis, armplexus, plexus", fr="plexus brachial, plexus",
        es="plexo braquial", it="plesso brachiale", nl="plexus brachialis", pt="plexo braquial",
    ),
    _pair(
        "Chestwall", "Chestwall", "chest walls", "cheswall, chestwal, chest wal", alone=1.0,
        en="chest wall, chestwall, cw, thoracic wall, chest wall 2cm", de="thoraxwand, brustwand",
        fr="paroi thoracique, paroi", es="pared torácica", it="parete toracica",
        nl="borstwand, thoraxwand", pt="parede torácica",
    ),
    _pair("Breast", "Breasts", "breasts, both breasts, mammae, seins, mamas", "brest, braest",
          en="breast, mamma, whole breast", de="brust, mamma", fr="sein", es="mama",
          it="mammella, seno", nl="borst, mamma", pt="mama", pl="pierś", sv="bröst"),
    _organ("VB", en="vb, vertebral bodies, vertebral body, vertebrae, vertebra, vertebrals",
           de="wirbelkörper", fr="vertèbres, corps vertébraux", es="vértebras, cuerpos vertebrales",
           it="vertebre, corpi vertebrali", nl="wervels, wervellichamen", pt="vértebras"),
    _organ("Sternum", en="sternum, breastbone", de="brustbein", fr="sternum", es="esternón",
           it="sterno", nl="borstbeen", pl="mostek"),
    _pair("Rib", "Ribs", "ribs, all ribs, rippen, côtes, costillas, coste, ribben, costelas, żebra",
          en="rib", de="rippe"),
    _organ("Thymus", en="thymus", de="thymusdrüse"),
    _organ("Carina", en="carina"),
    _organ("Lung_LUL", en="lung lul, lul, left upper lobe, lung upper lobe left, lul lung",
           de="linker oberlappen"),
    _organ("Lung_LLL", en="lung lll, lll, left lower lobe, lung lower lobe left, lll lung",
           de="linker unterlappen"),
    _organ("Lung_RUL", en="lung rul, rul, right upper lobe, lung upper lobe right, rul lung",
           de="rechter oberlappen"),
    _organ("Lung_RML", en="lung rml, rml, right middle lobe, lung middle lobe right, rml lung",
           de="mittellappen, rechter mittellappen"),
    _organ("Lung_RLL", en="lung rll, rll, right lower lobe, lung lower lobe right, rll lung",
           de="rechter unterlappen"),
    # ------------------------------------------------------------------------ outline, elsewhere
    _organ(
        "External", "exernal, extrenal, externel",
        en="external, body, outline, patient, external contour, body contour, ext, body outline, "
        "patient outline", de="körper, außenkontur, kontur außen, aussenkontur, körperkontur",
        fr="contour externe, externe, corps", es="contorno, contorno externo, cuerpo, externo",
        it="corpo, contorno esterno", nl="lichaam, huidcontour, omtrek",
        pt="corpo, contorno externo", pl="ciało, obrys", sv="kropp, ytterkontur",
    ),
    _organ("Skin", en="skin", de="haut", fr="peau", es="piel", it="cute, pelle", nl="huid",
           pt="pele", pl="skóra", sv="hud"),
    _organ("Liver", "livr, lvier", en="liver, hepar", de="leber", fr="foie", es="hígado",
           it="fegato", nl="lever", pt="fígado", pl="wątroba", sv="lever"),
    _organ("Stomach", "stomache", en="stomach, ventriculus gaster", de="magen", fr="estomac",
           es="estómago", it="stomaco", nl="maag", pt="estômago", pl="żołądek", sv="magsäck"),
    _organ("Spleen", en="spleen, lien", de="milz", fr="rate", es="bazo", it="milza", nl="milt",
           pt="baço", pl="śledziona", sv="mjälte"),
    _pair("Kidney", "Kidneys", "kidneys, both kidneys, nieren, reins, riñones, reni, nieren "
          "beide, rins, nerki, njurar", "kindey, kidny", en="kidney, ren", de="niere", fr="rein",
          es="riñón", it="rene", nl="nier", pt="rim", pl="nerka", sv="njure"),
    _organ("Glnd_Thyroid", "thryoid, thyriod", en="thyroid, thyroid gland, glnd thyroid",
           de="schilddrüse", fr="thyroïde", es="tiroides", it="tiroide", nl="schildklier",
           pt="tireoide", pl="tarczyca", sv="sköldkörtel"),
    _organ("Larynx", "larnyx, layrnx", en="larynx", de="kehlkopf", fr="larynx", es="laringe",
           it="laringe", nl="strottenhoofd", pt="laringe", pl="krtań", sv="struphuvud"),
    _organ("Brain", en="brain, whole brain", de="gehirn, hirn", fr="cerveau, encéphale",
           es="cerebro, encéfalo", it="encefalo, cervello", nl="hersenen", pt="cérebro",
           pl="mózg", sv="hjärna"),
    _organ("Brainstem", en="brainstem, brain stem", de="hirnstamm, stammhirn",
           fr="tronc cérébral, tronc", es="tronco, tronco cerebral, tronco encefálico",
           it="tronco, tronco encefalico", nl="hersenstam", pt="tronco cerebral",
           pl="pień mózgu", sv="hjärnstam"),
    _pair("Parotid", "Parotids", "parotids, both parotids, parotiden", "partoid",
          en="parotid, parotid gland", de="parotis, ohrspeicheldrüse", fr="parotide",
          es="parótida", it="parotide", nl="parotis", pt="parótida", pl="ślinianka przyuszna"),
    _organ("Bladder", "blader", en="bladder, urinary bladder", de="blase, harnblase", fr="vessie",
           es="vejiga", it="vescica", nl="blaas", pt="bexiga", pl="pęcherz", sv="urinblåsa"),
    _organ("Rectum", en="rectum", de="rektum, enddarm", fr="rectum", es="recto", it="retto",
           nl="rectum, endeldarm", pt="reto", pl="odbytnica", sv="ändtarm"),
    _organ("Prostate", "prostrate", en="prostate", de="prostata", fr="prostate", es="próstata",
           it="prostata", nl="prostaat", pt="próstata", pl="gruczoł krokowy"),
    _pair("Femur_Head", "", "", en="femur head, femoral head, fem head, head of femur",
          de="hüftkopf, femurkopf", fr="tête fémorale", es="cabeza femoral",
          it="testa femore, testa femorale", nl="femurkop, heupkop", pt="cabeça femoral",
          pl="głowa kości udowej"),
    _pair("Eye", "Eyes", "eyes, augen", en="eye, globe", de="auge", fr="oeil", es="ojo",
          it="occhio", nl="oog", pt="olho"),
)  # fmt: skip

#: A structure with one of these words is made for planning or is no organ; it has no TG-263 name.
HELPERS = word_set(
    """opt optim optimization optimisation optimierung ring rings shell rind avoid avoidance dummy
    helper help hilf hilfe hilfs hilfsstruktur eval dvh dose dosis isodose iso hot hotspot cold spot
    tune tuning crop cropped overlap bolus couch table tisch baseplate marker fiducial artifact
    artefact wall avoidstr nt normtissue density override margin exp expanded expansion mm cm gy cgy
    old alt vieux viejo vecchio tmp temp test delete dnu unused sub part partial segment field union
    minus ohne sans without excluding excl ex not surgical tumor tumour cavity bed seroma
    ipsi ipsilateral contra contralateral ant anterior post posterior lat lateral med medial
    prox proximal dist distal upper lower middle apex base hilum shield block air gas"""
)
#: Words about how or on what a structure was drawn, which do not change what it is.
NOISE = word_set(
    """auto automatic automatisch clinical klinisch final finale endgültig new neu nouveau edit
    edited mod modified copy kopie ok approved reviewed draft ai dl ki atlas mbs limbus mvision
    radformation contour contours kontur structure struct organ oar oars risk roi v ver version rev
    ct pct planct ave avg average aip mip fb dibh bh 4d phase planning plan seg mask segmentation
    manual manuell"""
)
#: Two letters after an organ that mean a part of it or something else, not initials.
NOT_INITIALS = word_set(
    """la lv ra rv pa av sa up lo gt pt ct ev pv ao in out li re lt rt dx sx ca mv tv cs cx lm ln vn
    ma mi ps sn an vc iv bp vb cw tb br st cv sp sv ed es hr lr ir hi hd ld ll rl ul ml um lu ru lb
    os us tx rx fx bx mm cm gy hu mr nt ex on of to at by or no is we if so as be do go my me id ok
    dl ki ai bh fb io vs et al nd rd th pm am bm bv"""
)
#: What may follow GTV, CTV, ITV or PTV in the name of a target of its own. A target with any other
#: word may be made from one (expanded, a ring, a part of it) and has no standard name.
TARGET_WORDS = word_set(
    """p n t m nodal node nodes primary prim ln lns lk lymph lymphnode met mets metastasis mass
    click tumor tumour bed boost bst sib sbrt sabr elective elektiv high intermediate low risk hr ir
    lr l r lt rt left right li re links rechts upper lower ant anterior post posterior lat lateral
    med medial prox proximal dist distal sup superior inf inferior mid middle central peripheral
    ipsi contra surgical apex apical base hilum hilar hilus mediastinum mediastinal subcarinal
    supraclav scl axilla lung lul lll rul rml rll bone brain liver adrenal breast
    union total tot all gesamt ges sum gy cgy pet mr mri a b c d e f g h i"""
)
