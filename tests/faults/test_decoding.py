"""D13 and U6 of faults.md: compressed pixels come out bit for bit, or are refused by name.

The twins are made here by GDCM's and pydicom's encoders from an uncompressed series.
"""

from __future__ import annotations

import base64
import io
import os
import signal
import struct
import subprocess
import sys

import gdcm
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import RLELossless

from abscope.core.errors import InputError
from abscope.core.geometry import Grid
from abscope.dicom import decoding
from abscope.dicom.codestream import CodestreamError, frame_size
from abscope.dicom.decoding import DecoderProcess, FrameFormat, shared_decoder
from abscope.dicom.reader import read_upload
from abscope.dicom.sources import SourceFile
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.unit.dicom.uploads import as_bytes, codes

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -8.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(3, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
SYNTAXES = {
    "1.2.840.10008.1.2.4.57": gdcm.TransferSyntax.JPEGLosslessProcess14,
    "1.2.840.10008.1.2.4.70": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "1.2.840.10008.1.2.4.80": gdcm.TransferSyntax.JPEGLSLossless,
    "1.2.840.10008.1.2.4.90": gdcm.TransferSyntax.JPEG2000Lossless,
    "1.2.840.10008.1.2.4.91": gdcm.TransferSyntax.JPEG2000,
    "1.2.840.10008.1.2.5": gdcm.TransferSyntax.RLELossless,
}
WITH_SIZE = [s for s in SYNTAXES if s != RLELossless]


def series(kind: str):
    """Return CT slices of signed 16-bit or of unsigned 12-bit values, noise on the phantom."""
    slices = phantoms.ct_series(grid=GRID)
    noise = np.random.default_rng(1)
    for ds in slices:
        values = np.frombuffer(ds.PixelData, "<i2") + noise.integers(-30, 30, 29 * 44)
        if kind == "unsigned":
            ds.PixelRepresentation, ds.BitsStored, ds.HighBit = 0, 12, 11
            ds.PixelData = np.clip(values + 1024, 0, 4095).astype("<u2").tobytes()
        else:
            ds.PixelData = values.astype("<i2").tobytes()
    return slices


def compressed(ds, syntax: str, folder) -> bytes:
    """Return the twin of a slice in a compressed transfer syntax."""
    if syntax == RLELossless:
        twin = dcmread(_written(ds, folder))
        twin.compress(RLELossless, generate_instance_uid=False)
        return as_bytes(twin)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(_written(ds, folder)))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(SYNTAXES[syntax]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(folder / "packed.dcm"))
    assert writer.Write()
    twin = dcmread(folder / "packed.dcm")
    assert twin.file_meta.TransferSyntaxUID == syntax
    return as_bytes(twin)


def _written(ds, folder):
    path = folder / "native.dcm"
    path.write_bytes(as_bytes(ds))
    return path


def read(*contents: bytes):
    (draft,) = read_upload(
        SourceFile(label=f"{n}", data=data) for n, data in enumerate(contents)
    ).drafts
    return draft


def frame_of(data: bytes) -> bytes:
    """Return the only compressed frame of a file."""
    return next(generate_frames(dcmread(io.BytesIO(data)).PixelData))


@pytest.fixture(name="twins", scope="module")
def _twins(tmp_path_factory):
    """Return syntax -> the signed series compressed."""
    folder = tmp_path_factory.mktemp("twins")
    slices = series("signed")
    return {s: [compressed(ds, s, folder) for ds in slices] for s in SYNTAXES}


# ------------------------------------------------------------------------------------ bit exact
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_d13_signed_pixels_come_out_bit_for_bit(twins, syntax):
    """A CT series of signed 16-bit values is compressed by JPEG, JPEG-LS, JPEG 2000 or RLE.

    Every voxel equals that of the uncompressed twin, and no remark is made.
    """
    native = read(*[as_bytes(ds) for ds in series("signed")])
    packed = read(*twins[syntax])
    assert packed.findings == native.findings
    assert np.array_equal(packed.series[0][1].array_zyx, native.series[0][1].array_zyx)
    assert packed.series[0][1].array_zyx.min() < -900


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_d13_unsigned_pixels_come_out_bit_for_bit(tmp_path, syntax):
    """The same with unsigned 12-bit values in 16-bit words, as scanners store them.

    Every voxel equals that of the uncompressed twin.
    """
    slices = series("unsigned")
    native = read(*[as_bytes(ds) for ds in slices]).series[0][1].array_zyx
    packed = read(*[compressed(ds, syntax, tmp_path) for ds in slices]).series[0][1].array_zyx
    assert np.array_equal(packed, native)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.3.4.5"])
def test_d13_other_packings_are_refused_by_name(upload, run, twins, syntax):
    """Slices are packed as a video or in a private way.

    The series is refused and the report names the transfer syntax.
    """
    slices = series("signed")
    for ds in slices:
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([bytes(100)])
        ds["PixelData"].VR = "OB"
    found = upload(*[(f"{n}", _as_packed(ds)) for n, ds in enumerate(slices)], refused=True)
    assert found["error"]["code"] == "transfer-syntax-not-read"
    assert syntax in found["error"]["where"]
    nothing_is_stored(run)


def _as_packed(ds) -> bytes:
    ds["PixelData"].is_undefined_length = True
    target = io.BytesIO()
    ds.save_as(target, implicit_vr=False, little_endian=True)
    return target.getvalue()


#: 16 x 16 values, 1000 + 7 x + 31 y (x mod 3), as lossless HTJ2K by OpenJPH (imagecodecs).
HTJ2K = (
    "|4;u>04YEK0000G0000G00000000000000G0000G0000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0sm"
    "Y86Cj9?kdTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000?EnG)lfVEb>-Gf)bN~Rr0"
    "206e6F>kGfHDDxbN~eY0ta*eU;&480Kfnh5C8>400A&2KED0{U{nC80JQ!9U{nAU&j3SI0KfnioB#n;003107Uv#"
    "lSg8HnH6{@SGF%}8?sx!95TN$J5P-C{0Ga^+=fEKWoVEbK053s+09U{OD}Xs%E{-8Rw}o65b6dz|5ni_ELYo8qT<"
    "GS4j$SgiXh{o}ZqZULvJ~8G0hupP)7DGx(~>hBlYDRh50wA_Z`T1Nw<K?I{eXlF_JAN-S^yij<@Wu6gbw9|AVyjM"
    "|Je"
)


def test_d13_high_throughput_jpeg_2000_comes_out_bit_for_bit():
    """A frame is compressed as lossless HTJ2K, which no encoder here can make.

    Its values equal the formula that they were made by.
    """
    y, x = np.mgrid[:16, :16]
    form = FrameFormat(
        syntax="1.2.840.10008.1.2.4.201", rows=16, columns=16, bits_allocated=16, bits_stored=16,
        signed=False,
    )  # fmt: skip
    values = shared_decoder().decode(base64.b85decode(HTJ2K), form)
    assert np.array_equal(values.reshape(16, 16), 1000 + 7 * x + 31 * y * (x % 3))


# -------------------------------------------------------------------------- frames that contradict
def with_frame(data: bytes, frame: bytes) -> bytes:
    """Return a compressed file with another frame."""
    ds = dcmread(io.BytesIO(data))
    ds.PixelData = encapsulate([frame])
    return as_bytes(ds)


@pytest.mark.parametrize("syntax", WITH_SIZE)
@pytest.mark.parametrize("rows", [28, 30, 58])
def test_u6_a_frame_of_another_size_than_its_header_is_refused(upload, run, twins, syntax, rows):
    """The header of a compressed slice gives other Rows than the frame itself.

    The series is refused, naming both sizes; the decoder is not asked.
    """
    shared_decoder().close()
    slices = [dcmread(io.BytesIO(data)) for data in twins[syntax]]
    for ds in slices:
        ds.Rows = rows
    found = upload(*slices, refused=True)
    assert found["error"]["code"] == "frame-size-differs"
    assert "29 x 44" in found["error"]["what"]
    assert f"{rows} x 44" in found["error"]["what"]
    assert shared_decoder().pid is None
    nothing_is_stored(run)


def enlarged(frame: bytes, syntax: str) -> bytes:
    """Return a frame whose own header claims 60,000 x 60,000 values."""
    if syntax in decoding.DECODABLE and frame[:4] == b"\xff\x4f\xff\x51":
        return frame[:8] + struct.pack(">2I", 60_000, 60_000) + frame[16:]
    place = next(n for n in range(2, 400) if frame[n : n + 2] in (b"\xff\xc3", b"\xff\xf7"))
    return frame[: place + 5] + struct.pack(">2H", 60_000, 60_000) + frame[place + 9 :]


@pytest.mark.parametrize("syntax", WITH_SIZE)
def test_u6_a_frame_that_claims_an_enormous_size_is_refused(twins, syntax):
    """A compressed frame claims 60,000 x 60,000 values behind a modest DICOM header.

    It is refused from the frame's header; the decoder is not asked and no memory is taken.
    """
    shared_decoder().close()
    data = twins[syntax][0]
    bomb = with_frame(data, enlarged(frame_of(data), syntax))
    draft = read(bomb, *twins[syntax][1:])
    assert codes(draft.errors()) == {"frame-size-differs"}
    assert shared_decoder().pid is None


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_u6_a_cut_off_frame_is_refused_by_name(twins, syntax):
    """Compressed frames are cut off in their header and in their middle.

    The series is refused by name, and the decoder serves the next series all the same.
    """
    frame = frame_of(twins[syntax][0])
    for length in (2, 7, 30):
        draft = read(with_frame(twins[syntax][0], frame[:length]), *twins[syntax][1:])
        assert codes(draft.errors()) <= {"frame-damaged", "pixels-not-decodable"}
        assert draft.errors()
    for length in (len(frame) // 2, len(frame) - 40):
        draft = read(with_frame(twins[syntax][0], frame[:length]), *twins[syntax][1:])
        assert draft.errors() or syntax != RLELossless
    assert read(*twins[syntax]).errors() == ()


def test_u6_an_rle_table_that_points_outside_is_refused(twins):
    """The segment table of an RLE frame points beyond the frame, backwards, or to more segments.

    Each one is refused from the table alone.
    """
    frame = frame_of(twins[RLELossless][0])
    for place, value in ((0, 3), (0, 16), (4, 0), (8, 2**31), (8, 10), (12, 700)):
        changed = frame[:place] + struct.pack("<I", value) + frame[place + 4 :]
        draft = read(with_frame(twins[RLELossless][0], changed), *twins[RLELossless][1:])
        assert codes(draft.errors()) == {"frame-damaged"}


@pytest.mark.parametrize("syntax", WITH_SIZE)
def test_u6_a_frame_deeper_than_its_header_is_refused(twins, syntax):
    """The header gives 8 bits to values that the frame stores in 16.

    The series is refused by name instead of cutting values.
    """
    slices = [dcmread(io.BytesIO(data)) for data in twins[syntax]]
    for ds in slices:
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    draft = read(*[as_bytes(ds) for ds in slices])
    assert codes(draft.errors()) == {"frame-bits-differ"}


@pytest.mark.parametrize("syntax", WITH_SIZE)
def test_u6_values_beyond_the_stored_bits_are_refused(twins, syntax):
    """The header says that 8 of 16 bits are stored, the lossless frame uses more.

    The series is refused by name instead of cutting values.
    """
    slices = [dcmread(io.BytesIO(data)) for data in twins[syntax]]
    for ds in slices:
        ds.BitsStored, ds.HighBit = 8, 7
    draft = read(*[as_bytes(ds) for ds in slices])
    assert codes(draft.errors()) == {"frame-bits-differ"}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_u6_no_damaged_frame_ends_anything_but_its_series(twins, syntax):
    """Two hundred compressed frames have a few bytes changed each.

    Every one is decoded or refused by a reason of its own; nothing crashes.
    """
    chance = np.random.default_rng(6)
    data = twins[syntax][0]
    frame = frame_of(data)
    form = FrameFormat(
        syntax=syntax, rows=29, columns=44, bits_allocated=16, bits_stored=16, signed=True
    )
    for _ in range(200):
        changed = bytearray(frame)
        for place in chance.integers(0, len(frame), 4):
            changed[place] = chance.integers(0, 256)
        try:
            outcome = str(shared_decoder().decode(bytes(changed), form).size)
        except InputError as error:
            outcome = error.code
        assert outcome in {
            "1276", "frame-damaged", "frame-size-differs", "frame-bits-differ",
            "pixels-not-decodable", "decoder-crashed", "decoder-out-of-memory",
            "decoder-out-of-time",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        ("1.2.840.10008.1.2.4.70", b"\xff\xd8\xff\xda\x00\x08" + bytes(20)),
        ("1.2.840.10008.1.2.4.70", b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2000),
        ("1.2.840.10008.1.2.4.90", b"\x00\x00\x00\x0cjP  " + b"\x00\x00\x00\x08free" * 2000),
        ("1.2.840.10008.1.2.4.90", b"\xff\x4f\xff\x51" + bytes(60)),
    ],
)
def test_u6_endless_frame_headers_are_given_up(syntax, frame):
    """A frame's header never comes to its size, or gives a size of nothing.

    Reading it stops after a limited number of steps.
    """
    with pytest.raises(CodestreamError):
        frame_size(frame, syntax, 29, 44, 16)


# ---------------------------------------------------------------------------- the child process
FORM = FrameFormat(
    syntax=RLELossless, rows=29, columns=44, bits_allocated=16, bits_stored=16, signed=True
)


@pytest.fixture(name="decoder")
def _decoder():
    """Return a function that makes decoders and ends their children."""
    made: list[DecoderProcess] = []

    def decoder(**options) -> DecoderProcess:
        made.append(DecoderProcess(**options))
        return made[-1]

    yield decoder
    for one in made:
        one.close()


def test_u6_a_decoder_that_hangs_is_killed(decoder, twins):
    """The decoder process does not come back.

    It is killed when its time is up, and the refusal says so.
    """
    hangs = decoder(command=[sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.3)
    with pytest.raises(InputError) as caught:
        hangs.decode(frame_of(twins[RLELossless][0]), FORM)
    assert caught.value.code == "decoder-out-of-time"
    assert hangs.pid is None


def test_u6_a_decoder_that_crashes_is_started_again(decoder, twins):
    """The decoder process breaks down while it decodes, and is killed between two frames.

    The first is refused by name; after either, a fresh process decodes the next frame.
    """
    frame = frame_of(twins[RLELossless][0])
    dies = decoder(command=[sys.executable, "-c", "import os; os.abort()"])
    with pytest.raises(InputError) as caught:
        dies.decode(frame, FORM)
    assert caught.value.code == "decoder-crashed"
    sound = decoder()
    expected = sound.decode(frame, FORM)
    first = sound.pid
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert np.array_equal(sound.decode(frame, FORM), expected)
    assert sound.pid not in (None, first)


def test_u6_a_decoder_that_takes_too_much_memory_is_stopped(decoder):
    """A frame of 8,192 x 8,192 values is decoded with little memory.

    The process may take no more than its limit; the refusal says that memory ran out, and the
    parent goes on.
    """
    run = (b"\x81\x00" * (8192 * 8192 // 128 + 1))[: 2 * (8192 * 8192 // 128)]
    table = struct.pack("<16I", 2, 64, 64 + len(run), *[0] * 13)
    large = FrameFormat(
        syntax=RLELossless, rows=8192, columns=8192, bits_allocated=16, bits_stored=16, signed=False
    )
    small = decoder(memory_bytes=400 * 1024**2)
    with pytest.raises(InputError) as caught:
        small.decode(table + run + run, large)
    assert caught.value.code == "decoder-out-of-memory"
    assert small.pid is None


def test_u6_native_pixels_start_no_process():
    """An uncompressed series is read.

    No decoder process is started for it.
    """
    shared_decoder().close()
    assert read(*[as_bytes(ds) for ds in series("signed")]).errors() == ()
    assert shared_decoder().pid is None


def test_u6_the_child_imports_nothing_of_the_dashboard():
    """The decoder process starts.

    It loads neither the screens nor the archive nor the models, and runs no page.
    """
    words = (
        "import sys, abscope.dicom.decoder as d; import pydicom, numpy; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in "
        "('streamlit', 'app', 'pages', 'components', 'models', 'sqlalchemy') "
        "or m.startswith('abscope.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True,
        cwd=decoding._ROOT,
    )  # fmt: skip
    assert done.stdout.strip() == "['abscope.dicom', 'abscope.dicom.decoder']"
