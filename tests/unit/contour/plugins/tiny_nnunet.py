"""An nnU-Net model folder made by nnU-Net's own network builder, with hand-set weights.

The network is a U-Net whose first convolution moves what is dense (`tiny.MOVES`), whose lower
stage gives nothing and whose last convolutions hand the skip connection on: a known answer through
all of nnU-Net's reading, resampling, normalization and patches.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import numpy as np
import pytest

from tests.unit.contour.plugins import tiny

KERNEL = 7
CONV = "torch.nn.modules.conv.Conv3d"


def plans(spacing_zyx: tuple[float, float, float], patch_zyx: tuple[int, int, int]) -> Any:
    """Return plans of one configuration; spacing in the order z, y, x, as nnU-Net has it."""
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": [2, 2],
            "conv_op": CONV,
            "kernel_sizes": [[KERNEL] * 3, [3, 3, 3]],
            "strides": [[1, 1, 1], [2, 2, 2]],
            "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": None,
            "norm_op_kwargs": None,
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    resampling = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    function = "resample_data_or_seg_to_shape"
    configuration = {
        "data_identifier": "tiny",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(patch_zyx),
        "median_image_size_in_voxels": list(patch_zyx),
        "spacing": list(spacing_zyx),
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": function,
        "resampling_fn_data_kwargs": resampling,
        "resampling_fn_seg": function,
        "resampling_fn_seg_kwargs": resampling | {"is_seg": True},
        "resampling_fn_probabilities": function,
        "resampling_fn_probabilities_kwargs": resampling,
        "architecture": architecture,
        "batch_dice": False,
    }
    ends = {"percentile_00_5": -1000.0, "percentile_99_5": 1000.0, "min": -1000.0, "max": 1000.0}
    intensities = {"mean": 0.0, "std": 100.0, "median": 0.0} | ends
    return {
        "dataset_name": "Dataset999_Tiny",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": list(spacing_zyx),
        "original_median_shape_after_transp": list(patch_zyx),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensities},
    }


def dataset(**changes: Any) -> dict[str, Any]:
    """Return ``dataset.json``."""
    labels = {"background": 0, "heart": 1}
    return {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1,
            "file_ending": ".nii.gz"} | changes  # fmt: skip


def described(sha256: str, **changes: Any) -> dict[str, Any]:
    """Return ``engine.json``."""
    return {
        "format": 1,
        "kind": "nnunet",
        "title": "Tiny nnU-Net",
        "version": "1",
        "description": "Marks what is dense.",
        "licence": "CC0",
        "limits": ["Made for tests."],
        "orientation": "LPS",
        "checkpoints": {"fold_0/checkpoint_final.pth": sha256},
        "labels": {"heart": "Heart"},
    } | changes


def write(
    parent: pathlib.Path,
    *,
    spacing_zyx: tuple[float, float, float] = (3.0, 2.0, 2.0),
    patch_zyx: tuple[int, int, int] = (16, 32, 32),
    extra: dict[str, Any] | None = None,
    **changes: Any,
) -> pathlib.Path:
    """Write a model folder with hand-set weights, `extra` added to the checkpoint."""
    torch = pytest.importorskip("torch", reason="torch is not installed (make test-engines)")
    pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed (make test-engines)")
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    folder = parent / "tiny"
    (folder / "fold_0").mkdir(parents=True)
    made = plans(spacing_zyx, patch_zyx)
    (folder / "plans.json").write_text(json.dumps(made))
    (folder / "dataset.json").write_text(json.dumps(dataset()))
    architecture = made["configurations"]["3d_fullres"]["architecture"]
    network = get_network_from_plans(
        architecture["network_class_name"], architecture["arch_kwargs"],
        architecture["_kw_requires_import"], 1, 2, deep_supervision=False,
    )  # fmt: skip
    _set_weights(torch, network)
    file = folder / "fold_0" / "checkpoint_final.pth"
    state = {
        "network_weights": network.state_dict(),
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres", "fold": 0, "device": torch.device("cpu")},
        "inference_allowed_mirroring_axes": None,
        "logging": {"mean_fg_dice": [np.float64(0.5)], "losses": np.zeros(3)},
        "_best_ema": np.float64(0.5),
    }
    torch.save(state | (extra or {}), file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "engine.json").write_text(json.dumps(described(sha256, **changes)))
    return folder


def _set_weights(torch: Any, network: Any) -> None:
    """Set the convolutions: move, nothing, hand on, and logits 0 and the value."""
    move = np.zeros((KERNEL,) * 3, np.float32)
    move[tuple(KERNEL // 2 - m for m in tiny.MOVES)] = 1.0
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        convolutions = dict(network.named_modules())
        first = convolutions["encoder.stages.0.0.convs.0.conv"]
        first.weight[0, 0] = torch.from_numpy(move)
        on = convolutions["decoder.stages.0.convs.0.conv"]
        middle = tuple(n // 2 for n in on.weight.shape[2:])
        on.weight[(0, 2, *middle)] = 1.0  # channel 2: the first of the skip connection
        convolutions["decoder.seg_layers.0"].weight[1, 0] = 1.0
