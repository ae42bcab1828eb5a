"""Short names of models and explanations of abbreviations, for tight places on screen."""

from __future__ import annotations

from abscope.predict.model import Card

#: Models of benefit in the order of the screen; those that are installed are offered.
RESPONSE_MODELS = ("loris-nsclc", "loris-pan-cancer", "lipi", "grim")
#: Beginnings of the ids of models of pneumonitis.
PNEUMONITIS_MODELS = ("rp-", "cip", "pneumonitis-")
#: Abbreviations of the pneumonitis and what-if pages.
GLOSSARY = (
    "RP: radiation pneumonitis. CIP: checkpoint-inhibitor pneumonitis. MLD: mean lung dose, lungs "
    "minus GTV. QUANTEC, Appelt, LKB: published dose-response models. EQD2: the same effect in "
    "2 Gy fractions, for the alpha/beta named."
)


def short_title(card: Card) -> str:
    """Return a model's short name."""
    return card.short_title


def percent_text(
    probability: float | None, interval: tuple[float, float] | None = None, digits: int = 1
) -> str:
    """Return an estimate as text, empty without one.

    Examples
    --------
    >>> percent_text(0.105, (0.059, 0.165))
    '10.5 % (5.9 to 16.5)'
    """
    if probability is None:
        return ""
    text = f"{probability * 100:.{digits}f} %"
    if interval is not None:
        low, high = (f"{end * 100:.{digits}f}" for end in interval)
        text += f" ({low} to {high})"
    return text
