"""Where the files of our models are: the JSON beside each module, the checksums at the root."""

from __future__ import annotations

from pathlib import Path

from abscope.predict.card import ModelFile, read_model_file

ROOT = Path(__file__).parent


def read_own(module_file: str) -> ModelFile:
    """Return the checked model file beside a module of ours.

    Parameters
    ----------
    module_file : str
        The module's ``__file__``.
    """
    return read_model_file(Path(module_file).with_suffix(".json"), root=ROOT)
