"""Prediction models as plug-ins: one model is a module, a JSON file with its numbers, and a card.

Adding a model is one line in `BUILTIN` (see docs/adding-a-model.md). Nothing is imported here.
"""

#: Modules of our models, in the order of the screen; each has a function ``model()``.
BUILTIN: tuple[str, ...] = (
    "models.response.loris_nsclc",
    "models.pneumonitis.appelt",
    "models.pneumonitis.quantec_mld",
    "models.pneumonitis.cip_odds",
    "models.pneumonitis.overlap",
)
