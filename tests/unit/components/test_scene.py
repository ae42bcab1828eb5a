import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Contour, Roi
from components.viewer.blob import head_of, layout_of, parts_of, read_array, read_header
from components.viewer.scene import NO_DOSE, NO_IMAGE, Scene, SceneStructure, pack


def grid(shape=(5, 40, 60), offsets=None, axes=None, spacing=(3.0, 2.0, 1.5)):
    made = Grid.regular(
        origin_mm=(-40, -30, -7), spacing_zyx_mm=spacing, shape_zyx=shape, axes=axes
    )
    if offsets is None:
        return made
    return Grid(
        origin_mm=made.origin_mm,
        axes=made.axes,
        spacing_yx_mm=made.spacing_yx_mm,
        plane_offsets_mm=np.asarray(offsets, dtype=float),
        size_yx=made.size_yx,
    )


def image(g=None, value=0):
    g = g or grid()
    return Volume(array_zyx=np.full(g.shape_zyx, value, dtype=np.int16), grid=g, unit="HU")


def square(z, half=5.0, x=0.0, y=0.0):
    xy = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    return Contour(points_mm=np.array([(*p, z) for p in xy]))


def position_of(header, k, j, i, planes):
    info = header["image"]
    return (info["x0"] + i * info["dx"], info["y0"] + j * info["dy"], planes[k])


def test_arrays_start_at_multiples_of_eight_and_read_back():
    dose = Volume(array_zyx=np.linspace(0, 60, 27).reshape(3, 3, 3),
                  grid=grid(shape=(3, 3, 3)), unit="Gy")  # fmt: skip
    blob = pack(Scene(image=image(value=-100), dose=dose))
    header = read_header(blob)
    start = len(blob) - header["body_bytes"]
    assert {(start + e["offset"]) % 8 for e in header["arrays"].values()} == {0}
    assert read_array(blob, "ct").tolist() == [-100] * (5 * 40 * 60)
    info = header["doses"]["dose_a"]
    read_back = read_array(blob, "dose_a") * info["slope"] + info["intercept"]
    assert np.abs(read_back - np.linspace(0, 60, 27)).max() <= info["slope"] / 2 + 1e-9
    assert info["slope"] < 0.001


def test_header_carries_no_list_of_numbers():
    structures = (SceneStructure(roi=Roi(number=1, name="Heart", contours=(square(-7),))),)
    header = read_header(pack(Scene(image=image(), structures=structures)))
    longest = max(len(v) for v in _lists(header))
    assert longest <= 10


def _lists(node):
    if isinstance(node, dict):
        for value in node.values():
            yield from _lists(value)
    elif isinstance(node, list):
        yield node
        for value in node:
            yield from _lists(value)


def test_equal_scenes_give_equal_bytes_and_another_voxel_another_id():
    first, again = pack(Scene(image=image())), pack(Scene(image=image()))
    other = image()
    other.array_zyx[0, 0, 0] = 1
    assert first == again
    assert read_header(first)["id"] != read_header(pack(Scene(image=other)))["id"]


def test_new_structures_keep_the_image_id():
    plain = read_header(pack(Scene(image=image())))
    structures = (SceneStructure(roi=Roi(number=1, name="Heart", contours=(square(-7),))),)
    drawn = read_header(pack(Scene(image=image(), structures=structures)))
    assert plain["image"]["id"] == drawn["image"]["id"]
    assert plain["id"] != drawn["id"]


def test_crop_to_the_body_keeps_every_voxel_at_its_millimetres():
    g = grid(shape=(4, 100, 120))
    body = np.full(g.shape_zyx, -1000, dtype=np.int16)
    body[1, 40:60, 30:50] = 7
    body[2, 45:55, 35:45] = np.arange(100).reshape(10, 10)
    blob = pack(Scene(image=Volume(array_zyx=body, grid=g, unit="HU")))
    info = read_header(blob)["image"]
    assert (info["ny"], info["nx"]) == (20 + 2 * 5, 20 + 2 * 7)  # 10 mm of 2 and of 1.5 mm
    ct = read_array(blob, "ct").reshape(info["nz"], info["ny"], info["nx"])
    planes = read_array(blob, "ct_z")
    k, j, i = np.argwhere(ct == 99)[0]
    assert position_of(read_header(blob), k, j, i, planes) == pytest.approx(
        tuple(g.to_mm([[2, 54, 44]])[0])
    )
    assert ct.size < 0.9 * body.size


def test_crop_that_saves_little_is_left_out():
    info = read_header(pack(Scene(image=image(value=0))))["image"]
    assert (info["nz"], info["ny"], info["nx"]) == (5, 40, 60)


def test_image_without_body_is_not_cropped():
    info = read_header(pack(Scene(image=image(value=-1000))))["image"]
    assert (info["ny"], info["nx"]) == (40, 60)


def test_uneven_planes_keep_their_positions():
    offsets = [0.0, 3.0, 6.0, 12.0, 13.5]
    blob = pack(Scene(image=image(grid(offsets=offsets))))
    assert read_array(blob, "ct_z").tolist() == [-7.0, -4.0, -1.0, 5.0, 6.5]
    assert read_header(blob)["image"]["even"] is False


def test_slabs_cover_half_way_to_the_neighbours():
    roi = Roi(number=1, name="GTV", contours=tuple(square(z) for z in (-7, -4, -1)))
    blob = pack(Scene(image=image(), structures=(SceneStructure(roi=roi),)))
    assert read_array(blob, "slab_edges").reshape(-1, 2).tolist() == [
        [-8.5, -5.5], [-5.5, -2.5], [-2.5, 0.5],
    ]  # fmt: skip
    assert read_array(blob, "slab_starts").tolist() == [0, 1, 2, 3]
    assert read_array(blob, "polygon_starts").tolist() == [0, 4, 8, 12]
    assert read_array(blob, "points_xy").reshape(-1, 2)[0].tolist() == [-5.0, -5.0]


def test_names_from_files_survive_as_text():
    roi = Roi(number=1, name='<img src=x onerror="alert(1)"> "Läsion"', contours=(square(-7),))
    header = read_header(pack(Scene(image=image(), structures=(SceneStructure(roi=roi),))))
    assert header["structures"][0]["name"] == roi.name


@pytest.mark.parametrize(
    ("confidence", "reason", "low"),
    [
        (None, "", False),
        (0.9, "", False),
        (0.4, "", True),
        (0.0, "", True),
        (0.9, "Cut off.", True),
        (0.98, "It reaches the last plane.", False),
    ],
)
def test_doubt_of_an_engine_is_marked_and_its_reason_goes_along(confidence, reason, low):
    roi = Roi(
        number=1, name="Heart", contours=(square(-7),), standard_name="Heart",
        confidence=confidence, confidence_reason=reason,
    )  # fmt: skip
    header = read_header(pack(Scene(image=image(), structures=(SceneStructure(roi=roi),))))
    entry = header["structures"][0]
    assert (entry["confidence"], entry["reason"], entry["low"]) == (confidence, reason, low)
    assert entry["standard"] == "Heart"


def test_structure_without_closed_contours_is_listed_without_slabs():
    point = Contour(points_mm=np.zeros((1, 3)), geometric_type="POINT")
    roi = Roi(number=3, name="Iso", contours=(point,))
    header = read_header(pack(Scene(image=image(), structures=(SceneStructure(roi=roi),))))
    assert header["structures"][0]["slabs"] == 0


def test_crosshair_starts_in_the_first_target():
    rois = (Roi(number=1, name="Heart", contours=(square(-7),)),
            Roi(number=2, name="PTV", contours=(square(-1, x=5.0, y=10.0),)))  # fmt: skip
    header = read_header(
        pack(Scene(image=image(), structures=tuple(SceneStructure(roi=r) for r in rois)))
    )
    assert header["focus_zyx"] == [2, 20, 30]


def test_levels_are_per_cent_when_a_prescription_is_known():
    dose = Volume(array_zyx=np.full((3, 3, 3), 33.0), grid=grid(shape=(3, 3, 3)), unit="Gy")
    known = read_header(pack(Scene(image=image(), dose=dose, prescribed_gy=30.0)))
    unknown = read_header(pack(Scene(image=image(), dose=dose)))
    assert known["levels"] == {"unit": "%", "values": [105, 100, 95, 80, 50, 20]}
    assert unknown["levels"] == {"unit": "Gy", "values": [30, 20, 10, 5, 2, 1]}


def test_missing_dose_is_marked_not_zero():
    values = np.full((3, 3, 3), 2.0)
    values[0, 0, 0] = np.nan
    dose = Volume(array_zyx=values, grid=grid(shape=(3, 3, 3)), unit="Gy")
    stored = read_array(pack(Scene(image=image(), dose=dose)), "dose_a")
    assert stored[0] == NO_DOSE
    assert (stored[1:] < NO_DOSE).all()


def test_oblique_image_is_resampled_with_a_note():
    turn = np.deg2rad(20)
    axes = [[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]]
    g = grid(shape=(20, 40, 60), axes=axes)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in g.shape_zyx), indexing="ij"), axis=-1)
    mm = g.to_mm(index.reshape(-1, 3))
    slope = np.array([2.0, 3.0, 5.0])  # HU a millimetre: trilinear interpolation is exact
    volume = Volume(array_zyx=(mm @ slope).reshape(g.shape_zyx), grid=g, unit="HU")
    tilted = Contour(points_mm=g.to_mm([[10, 10, 10], [10, 10, 30], [10, 30, 30], [10, 30, 10]]))
    roi = Roi(number=1, name="GTV", contours=(tilted,))
    blob = pack(Scene(image=volume, structures=(SceneStructure(roi=roi),)))
    header = read_header(blob)
    info = header["image"]
    assert header["notes"] == ["Oblique acquisition, resampled for display."]
    assert header["structures"][0]["slabs"] > 3  # one tilted contour crosses many axial planes
    ct = read_array(blob, "ct").reshape(info["nz"], info["ny"], info["nx"])
    planes = read_array(blob, "ct_z")
    found = np.argwhere(ct != NO_IMAGE)
    assert len(found) > 1000
    for k, j, i in found[:: len(found) // 50]:
        expected = np.array(position_of(header, k, j, i, planes)) @ slope
        assert ct[k, j, i] == pytest.approx(expected, abs=0.51)


def test_large_image_travels_in_parts_that_make_the_whole():
    g = grid(shape=(30, 400, 300), spacing=(2.0, 1.0, 1.0))
    array = np.random.default_rng(0).integers(-400, 400, g.shape_zyx, dtype=np.int16)
    dose = Volume(array_zyx=np.ones((3, 3, 3)), grid=grid(shape=(3, 3, 3)), unit="Gy")
    blob = pack(Scene(image=Volume(array_zyx=array, grid=g, unit="HU"), dose=dose))
    layout = layout_of(blob)
    assert layout.head_bytes < 0.1 * len(blob)
    whole = bytearray(len(blob))
    head = head_of(blob, layout, 480)
    assert int.from_bytes(head[12:16], "little") == 480
    whole[: len(head)] = head
    whole[12:16] = bytes(4)
    parts = list(parts_of(blob, layout, part_bytes=1_000_000))
    for part in parts:
        assert part[:16].hex() == layout.scene_id
        offset, length = (int.from_bytes(part[at : at + 4], "little") for at in (16, 20))
        assert length == len(part) - 24
        whole[offset : offset + length] = part[24:]
    assert bytes(whole) == blob
    starts = [int.from_bytes(part[16:20], "little") for part in parts]
    assert starts[0] == layout.overview_byte  # then the dose, then the image from its first plane
    assert starts[1] == layout.head_bytes
    assert starts[2] <= layout.first_byte < starts[2] + 1_000_000
    z, y, x = read_header(blob)["focus_zyx"]
    planes = [read_array(bytes(head) + bytes(len(blob) - len(head)), f"first_{a}") for a in "zyx"]
    assert [p.tolist() for p in planes] == [
        array[z].ravel().tolist(), array[:, y].ravel().tolist(), array[:, :, x].ravel().tolist()
    ]  # fmt: skip
    doses_only = list(parts_of(blob, layout, with_image=False))
    assert sum(len(part) - 24 for part in doses_only) == layout.overview_byte - layout.head_bytes


def test_other_bytes_are_refused_by_name():
    with pytest.raises(ValueError, match="not a viewer blob"):
        read_header(b"something else")


@settings(max_examples=30, deadline=None)
@given(
    low=st.floats(-5, 0), high=st.floats(0.01, 120), size=st.integers(1, 40),
)  # fmt: skip
def test_stored_dose_is_within_half_a_step(low, high, size):
    values = np.linspace(low, high, size).reshape(size, 1, 1)
    dose = Volume(array_zyx=values, grid=grid(shape=(size, 1, 1)), unit="Gy")
    blob = pack(Scene(image=image(), dose=dose))
    info = read_header(blob)["doses"]["dose_a"]
    read_back = read_array(blob, "dose_a") * info["slope"] + info["intercept"]
    assert np.abs(read_back - values.ravel()).max() <= info["slope"] / 2 * (1 + 1e-6)
