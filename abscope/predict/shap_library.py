"""The library shap, imported late, with its compiled functions kept between processes.

shap compiles five small functions with numba when the first explanation is asked for, which takes
twelve seconds of one core, and keeps none of them: every server, worker and command would compile
them again. Numba's own cache keeps them beside shap, as it keeps Abscope's kernels.
"""

from __future__ import annotations

import threading
import warnings
from types import ModuleType
from typing import cast

#: One thread at a time imports shap: the warm-up, or the first visitor who needs it.
_LOCK = threading.Lock()


def shap_library() -> ModuleType:
    """Import shap, which costs a second. Its own matplotlib calls warn of future changes."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap

        _keep_compiled(shap)
    return cast(ModuleType, shap)


def _keep_compiled(shap: ModuleType) -> None:
    """Have numba store what it compiles of the exact explainer; a second call changes nothing.

    The link function is an argument of one of them, so it is part of that one's key in the cache,
    and must be the same in every process: numba would give it another random name in each.
    """
    link = shap.links.identity
    if link.stats.cache_path is not None:
        return
    link._set_uuid("shap.links.identity")
    tabular, exact = shap.maskers._tabular, shap.explainers._exact
    for function in (
        link,
        shap.utils._masked_model._build_fixed_single_output,
        tabular._single_delta_mask,
        tabular._delta_masking,
        exact._compute_grey_code_row_values,
    ):
        function.enable_caching()
