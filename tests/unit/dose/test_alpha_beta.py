from __future__ import annotations

import pytest

from abscope.dose.alpha_beta import DEFAULTS, alpha_beta_for, family_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Lung-Left", 3.0),
        ("Lungs-GTV", 3.0),
        ("Heart", 3.0),
        ("Oesophagus", 10.0),
        ("Spinal-Cord", 2.0),
        ("SpinalCanal", 2.0),
        ("GTV-1", 10.0),
        ("PTV", 10.0),
        ("Chestwall_L", 2.1),
        ("BrachialPlex_L", 2.0),
        ("A_Aorta", 3.0),
    ],
)
def test_defaults(name, expected):
    found = alpha_beta_for(name)
    assert found.value_gy == expected
    assert found.verified
    assert found.low_gy <= found.value_gy <= found.high_gy


def test_not_verified_is_marked():
    assert not alpha_beta_for("Skin_X").verified
    assert not alpha_beta_for("Opt1").verified
    assert alpha_beta_for("Opt1").value_gy == 3.0


def test_the_user_wins_and_the_exact_name_first():
    chosen = {"lungs": 4.0, "Lung-Right": 2.5}
    assert alpha_beta_for("Lung-Left", chosen).value_gy == 4.0
    assert alpha_beta_for("Lung-Right", chosen).value_gy == 2.5
    assert alpha_beta_for("Heart", chosen).value_gy == 3.0
    assert alpha_beta_for("Lung-Left", chosen).source == "chosen by the user"


def test_every_family_is_reachable_and_sourced():
    assert family_of("no such thing") is None
    assert all(entry.source and entry.endpoint for entry in DEFAULTS.values())
