from __future__ import annotations

import pytest

from abscope.core.errors import UsageError
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import Metric, evaluate, parse_metric, parse_metrics


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [
        ("mean", "mean", "Gy"),
        ("MAX", "max", "Gy"),
        ("Dmin", "min", "Gy"),
        ("D95%", "D95%", "Gy"),
        ("d99.5%", "D99.5%", "Gy"),
        ("D2cm3", "D2cm3", "Gy"),
        ("D0.03CC", "D0.03cm3", "Gy"),
        ("D.1cc", "D0.1cm3", "Gy"),
        (" V20Gy ", "V20Gy", "%"),
        ("v20gy[cm3]", "V20Gy[cm3]", "cm3"),
        ("V20Gy[cc]", "V20Gy[cm3]", "cm3"),
        ("V20 Gy [%]", "V20Gy", "%"),
        ("V12.5Gy", "V12.5Gy", "%"),
        ("V95%", "V95%", "%"),
        ("V110%", "V110%", "%"),
        ("V95%[cm3]", "V95%[cm3]", "cm3"),
    ],
)
def test_what_is_understood(text, name, unit):
    metric = parse_metric(text)
    assert (metric.name, metric.unit) == (name, unit)
    assert parse_metric(metric.name) == metric


@pytest.mark.parametrize(
    "text",
    ["", "D95", "V20", "D95Gy", "V20cm3", "D-5%", "D101%", "V20Gy[ml]", "median", "D95%%", "Vmean",
     "V20Gy[", "1e3", "D1e1%", "=cmd()"],
)  # fmt: skip
def test_what_is_not(text):
    with pytest.raises(UsageError) as caught:
        parse_metric(text)
    assert caught.value.code == "metric-not-understood"
    assert "V20Gy[cm3]" in caught.value.expected


def test_lists():
    assert [m.name for m in parse_metrics("mean,D95%,,V20Gy[cm3], mean")] == [
        "mean", "D95%", "V20Gy[cm3]",
    ]  # fmt: skip
    with pytest.raises(UsageError):
        parse_metrics(" , ")


@pytest.fixture(name="ptv")
def _ptv() -> Dvh:
    """4 cm3: 1 at 50, 1 at 57, 2 at 60 Gy."""
    return Dvh.from_dose_points("PTV", [50.0, 57.0, 60.0], [1.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean", 56.75),
        ("min", 50.0),
        ("max", 60.0),
        ("D0%", 60.0),
        ("D100%", 50.0),
        ("D4cm3", 50.0),
        ("V0Gy", 100.0),
        ("V50Gy", 100.0),
        ("V57Gy", 75.0),
        ("V60Gy", 50.0),
        ("V61Gy", 0.0),
        ("V200Gy", 0.0),
        ("V55Gy[cm3]", 3.0),
        ("V95%", 75.0),
        ("V100%[cm3]", 2.0),
    ],
)
def test_values(ptv, text, expected):
    assert evaluate(ptv, text, prescribed_gy=60.0).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("text", "expected"), [("D50%", 60), ("D60%", 57), ("D3.9cm3", 50)])
def test_dose_metrics_within_a_bin(ptv, text, expected):
    assert evaluate(ptv, text).value == pytest.approx(expected, abs=0.011)


def test_linear_between_the_edges():
    dvh = Dvh.from_dose_points("any", [10.0, 10.01], [1.0, 3.0])
    assert evaluate(dvh, "V10.015Gy").value == pytest.approx(37.5)


def test_more_than_there_is(ptv):
    found = evaluate(ptv, "D5cm3")
    assert found.value is None
    assert found.reason == "The structure has only 4 cm3."
    assert found.unit == "Gy"


def test_no_prescription(ptv):
    found = evaluate(ptv, parse_metric("V95%"))
    assert found.value is None
    assert found.reason == "The prescribed dose is unknown."


def test_a_metric_is_plain_data():
    assert parse_metric("D2cm3") == Metric(
        name="D2cm3", kind="dose", threshold=2.0, threshold_unit="cm3", unit="Gy"
    )
