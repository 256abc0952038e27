"""What nnunetv2's managers of plans and labels are asked most, from what the open model says."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Mapping, Sequence

if TYPE_CHECKING:
    from ._predictor import Predictor


class ReaderWriter:
    """Reads images and writes label maps as the model's reader of nnU-Net does."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def read_images(self, image_fnames: Sequence[str | os.PathLike[str]]) -> tuple[Any, dict[str, Any]]:
        """Predictor.read_images."""
        return self._predictor.read_images(image_fnames)

    def write_seg(self, seg: Any, output_fname: str | os.PathLike[str], properties: Mapping[str, Any]) -> None:
        """Predictor.write_seg."""
        self._predictor.write_seg(seg, output_fname, properties)


class PlansManager:
    """plans.json."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.plans: dict[str, Any] = predictor.info.get("plans", {})

    @property
    def dataset_name(self) -> str | None:
        return self.plans.get("dataset_name")

    @property
    def plans_name(self) -> str | None:
        return self.plans.get("plans_name")

    @property
    def transpose_forward(self) -> list[int]:
        return list(self._predictor.info["transpose"])

    @property
    def transpose_backward(self) -> list[int]:
        return [self.transpose_forward.index(axis) for axis in range(3)]

    def image_reader_writer_class(self) -> ReaderWriter:
        """What reads images and writes label maps."""
        return ReaderWriter(self._predictor)


class ConfigurationManager:
    """A configuration of plans.json."""

    def __init__(self, predictor: Predictor) -> None:
        info = predictor.info
        self.configuration: dict[str, Any] = info.get("plans", {}).get("configurations", {}).get(info.get("configuration"), {})
        self.patch_size: list[int] = info["patch_size"]
        self.spacing: list[float] = info["spacing"]
        self.previous_stage_name: str | None = info.get("previous_stage_configuration")


class LabelManager:
    """Labels of the model: names and values."""

    def __init__(self, predictor: Predictor) -> None:
        info = predictor.info
        self.label_dict: dict[str, Any] = info.get("dataset_json", {}).get(
            "labels", {value["name"]: value["value"] for value in info["values"]})
        self.has_regions: bool = info["regions"]
        self.foreground_labels: list[int] = [value["value"] for value in info["values"] if value["value"] != 0]
        self.ignore_label: int | None = self.label_dict.get("ignore")
        self.num_segmentation_heads: int = predictor._opened.info.classes

    @property
    def all_labels(self) -> list[int]:
        return [0, *self.foreground_labels]
