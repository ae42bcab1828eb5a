"""faults.md through the command line: what the import must survive, one test an id.

Finer cases of the same ids lie in tests/unit/dicom, where each test also carries its id.
"""

from __future__ import annotations

import pytest

from abscope.core.geometry import Grid
from tests import phantoms

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
SET = phantoms.rtstruct([phantoms.cylinder_roi()])
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()
RT = [SET, PLAN, DOSE]


# ------------------------------------------------------------------------------ storage and web
@pytest.mark.parametrize("word", ["../../x", "a/b", "x'; DROP TABLE cases;--", "a\x00b", "é"])
def test_a4_a5_case_ids_are_words_of_a_plain_alphabet(run, upload, tmp_path, word):
    upload(*CT)
    for words in (["show", word], ["delete", word], ["import", tmp_path, "--case", word]):
        assert run.refused(*words, status=2)["error"]["code"] == "bad-case-id"
    assert len(run.done("cases")["cases"]) == 1
