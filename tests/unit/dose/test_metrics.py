from __future__ import annotations

import pytest

from abscope.core.errors import UsageError
from abscope.dose.histogram import Dvh
from abscope.dose.metrics import Metric, evaluate, parse_metric, parse_metrics, suggestions


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
        ("V95%", "V95%Rx", "%"),
        ("v110%rx", "V110%Rx", "%"),
        ("V95%[cm3]", "V95%Rx[cm3]", "cm3"),
        ("median", "median", "Gy"),
        ("Mean[Gy]", "mean", "Gy"),
        ("D2cc[Gy]", "D2cm3", "Gy"),
        ("DC1500cc", "DC1500cm3", "Gy"),
        ("dc2%", "DC2%", "Gy"),
        ("cv5gy", "CV5Gy", "%"),
        ("CV12.5Gy[cc]", "CV12.5Gy[cm3]", "cm3"),
        ("CV95%", "CV95%Rx", "%"),
        ("geud(a=8)", "gEUD(a=8)", "Gy"),
        ("gEUD( -10 )", "gEUD(a=-10)", "Gy"),
        ("EUD(a=0.5)", "gEUD(a=0.5)", "Gy"),
        ("hi", "HI", "ratio"),
        ("Ci", "CI", "ratio"),
        ("GI", "GI", "ratio"),
    ],
)
def test_what_is_understood(text, name, unit):
    metric = parse_metric(text)
    assert (metric.name, metric.unit) == (name, unit)
    assert parse_metric(metric.name) == metric
    assert metric.citation


@pytest.mark.parametrize(
    "text",
    ["", "D95", "V20", "D95Gy", "V20cm3", "D-5%", "D101%", "V20Gy[ml]", "D95%%", "Vmean",
     "V20Gy[", "1e3", "D1e1%", "=cmd()", "gEUD", "gEUD(a=0)", "gEUD(a=1000)", "DC5Gy", "CV5cm3",
     "V" + "9" * 400 + "Gy", "x" * 5000, "<script>", "HI(a=2)"],
)  # fmt: skip
def test_what_is_not(text):
    with pytest.raises(UsageError) as caught:
        parse_metric(text)
    assert caught.value.code == "metric-not-understood"
    assert "V20Gy[cm3]" in caught.value.expected


@pytest.mark.parametrize(
    ("text", "close"),
    [
        ("V20", "V20Gy or V20%Rx"),
        ("v 20", "V20Gy or V20%Rx"),
        ("CV5", "CV5Gy or CV5Gy[cm3]"),
        ("D95", "D95% or D95cm3"),
        ("DC1500", "DC1500cm3"),
        ("D95Gy", "V95Gy or D95%"),
        ("V20cc", "D20cm3 or V20Gy[cm3]"),
        ("V30Gyy", "V30Gy"),
        ("V20G", "V20Gy"),
        ("20Gy", "V20Gy"),
        ("V37Gy[ml]", "V37Gy[cm3]"),
        ("meen", "mean"),
        ("maximum", "max"),
        ("gEUD", "gEUD(a=8)"),
        ("gEUD8", "gEUD(a=8)"),
        ("D0.1ccm", "D0.1cm3"),
    ],
)
def test_a_misspelling_names_what_is_nearest(text, close):
    with pytest.raises(UsageError) as caught:
        parse_metric(text)
    assert caught.value.remedy == f"Did you mean {close}?"


@pytest.mark.parametrize("text", ["", "=cmd()", "<script>", "x" * 5000, "D101%", "gEUD(a=0)"])
def test_nothing_is_nearest_to_everything(text):
    with pytest.raises(UsageError) as caught:
        parse_metric(text)
    assert "Did you mean" not in caught.value.remedy
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["mean", "max", "min", "median"]),
        ("me", ["mean", "median"]),
        ("mean, V3", ["V3Gy", "V3%Rx", "V3Gy[cm3]", "V3%Rx[cm3]"]),
        ("V20", ["V20Gy", "V20Gy[cm3]", "V20%Rx", "V20%Rx[cm3]"]),
        ("v20gy[", ["V20Gy[cm3]"]),
        ("D0.03c", ["D0.03cm3"]),
        ("dc7", ["DC7cm3", "DC7%"]),
        ("geud", ["gEUD(a=1)", "gEUD(a=8)", "gEUD(a=-10)"]),
        ("zzz", []),
    ],
)
def test_completion(text, names):
    found = suggestions(text, limit=4)
    assert [s.name for s in found] == names
    assert all(parse_metric(s.name).name == s.name and s.meaning for s in found)


def test_every_usual_metric_is_one():
    for offered in suggestions("", limit=100):
        assert parse_metric(offered.name).name == offered.name


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
        ("V95%Rx", 75.0),
        ("V100%[cm3]", 2.0),
        ("CV0Gy", 0.0),
        ("CV55Gy", 25.0),
        ("CV55Gy[cm3]", 1.0),
        ("CV95%Rx[cm3]", 1.0),
        ("CV200Gy", 100.0),
        ("DC0%", 50.0),
        ("DC100%", 60.0),
        ("DC4cm3", 60.0),
        ("gEUD(a=1)", 56.75),
    ],
)
def test_values(ptv, text, expected):
    assert evaluate(ptv, text, prescribed_gy=60.0).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D50%", 60), ("median", 60), ("D60%", 57), ("D3.9cm3", 50),
        ("DC0.5cm3", 50), ("DC1cm3", 50), ("DC1.1cm3", 57), ("DC3cm3", 60),
    ],
)  # fmt: skip
def test_dose_metrics_within_a_bin(ptv, text, expected):
    assert evaluate(ptv, text).value == pytest.approx(expected, abs=0.011)


def test_linear_between_the_edges():
    dvh = Dvh.from_dose_points("any", [10.0, 10.01], [1.0, 3.0])
    assert evaluate(dvh, "V10.015Gy").value == pytest.approx(37.5)


def test_more_than_there_is(ptv):
    for text in ("D5cm3", "DC5cm3"):
        found = evaluate(ptv, text)
        assert found.value is None
        assert found.reason == "The structure has only 4 cm3."
        assert found.unit == "Gy"


def test_no_prescription(ptv):
    found = evaluate(ptv, parse_metric("V95%Rx"))
    assert found.value is None
    assert found.reason == "The prescribed dose is unknown."


def test_a_metric_is_plain_data():
    assert parse_metric("D2cm3") == Metric(
        name="D2cm3", kind="dose", threshold=2.0, threshold_unit="cm3", unit="Gy"
    )
