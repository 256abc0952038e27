"""nnU-Net's predictor, by the native library."""
from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any, Iterable, Iterator, Literal, Mapping, Sequence, overload

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _dicom, _errors, _library, _log, _outputs
from ._dicom import DicomSeries, ObjectType, PathLike
from ._model import Image, ImageFiles, Model, Results
from ._plans import ConfigurationManager, LabelManager, PlansManager
from ._run import Bar, ProgressFunction

_ON_TORCH = {"network": "torch's network", "list_of_parameters": "torch's parameters"}


class Predictor:
    """Segments images with trained models: of nnU-Net v2 (its folder, a zip, a checkpoint_*.pth) and of this program.

    The methods have the names, order and meaning of nnunetv2's nnUNetPredictor, so that changing the import is enough:

        from nnunet_native import nnUNetPredictor

    Label maps are those that the program `nnunet` writes. All is computed on the CPU, without torch. An object may be
    used by several threads; different ones work at the same time. A process that was forked after the first use must not
    use the package: start processes by multiprocessing's "spawn".

    tile_step_size: step between windows as a share of the patch, in (0, 1].
    use_gaussian: voxels count less towards the rim of a window.
    use_mirroring: mean over mirror images, along the axes that the model allows.
    perform_everything_on_device, device: there is the CPU; another device gives a warning and the same label maps.
    verbose, verbose_preprocessing: a line about every image (logging.getLogger("nnunet_native")).
    allow_tqdm: one line on a terminal says how far an image is.

    Beyond nnunetv2's, by keyword only:

    threads: 0: OMP_NUM_THREADS, or as many as there are cores.
    bf16: bf16 arithmetic where the processor has it: about twice as fast, label maps differ in a few voxels.
    precise: sums in float32, where nnU-Net v2 has them in float16.
    batch_size: windows at a time; 0: chosen by the patch.
    scratch: folder for a file of the sums that wait, which saves memory.
    progress: is called with (done windows, all windows, name of the image); what it raises ends the work.
    """

    def __init__(self, tile_step_size: float = 0.5, use_gaussian: bool = True, use_mirroring: bool = True,
                 perform_everything_on_device: bool = True, device: Any = "cpu", verbose: bool = False,
                 verbose_preprocessing: bool = False, allow_tqdm: bool = True, *, threads: int = 0, bf16: bool = False,
                 precise: bool = False, batch_size: int = 0, scratch: PathLike | None = None,
                 progress: ProgressFunction | None = None) -> None:
        self.tile_step_size = tile_step_size
        self.use_gaussian = use_gaussian
        self.use_mirroring = use_mirroring
        self.perform_everything_on_device = perform_everything_on_device
        self.device = device
        self.verbose = verbose
        self.verbose_preprocessing = verbose_preprocessing
        self.allow_tqdm = allow_tqdm
        self.threads = threads
        self.bf16 = bf16
        self.precise = precise
        self.batch_size = batch_size
        self.scratch = scratch
        self.progress = progress
        self._model: Model | None = None
        if str(getattr(device, "type", device)).split(":")[0] != "cpu":
            warnings.warn(f"nnunet_native computes on the CPU, not on {device}; label maps are the same", stacklevel=2)
        if verbose or verbose_preprocessing:
            _log.be_verbose()

    # Models

    def initialize_from_trained_model_folder(self, model_training_output_dir: PathLike | Sequence[PathLike],
                                             use_folds: Any = None, checkpoint_name: str = "checkpoint_final.pth", *,
                                             data: PathLike | None = None) -> None:
        """Opens a trained model: the folder TRAINER__PLANS__CONFIGURATION, a fold's folder, a zip of
        nnUNetv2_export_model_to_zip, a checkpoint_*.pth; or checkpoints of this program, one or a list, whose mean is taken.

        use_folds: numbers or "all", one or several; None: every fold that is there, else "all".
        data: of checkpoints of NVIDIA's nnU-Net for PyTorch, which do not say how images are prepared: the config.json that
        does, or the preprocessed folder that holds it (nnunet preprocess).
        """
        paths = [model_training_output_dir] if isinstance(model_training_output_dir, (str, os.PathLike)) \
            else list(model_training_output_dir)
        self._model = Model.open(paths, _folds(use_folds), checkpoint_name, self.bf16, data)

    def initialize_from_memory(self, files: bytes | Sequence[bytes], use_folds: Any = None,
                               checkpoint_name: str = "checkpoint_final.pth", *, data: PathLike | None = None) -> None:
        """The same of a zip, a .pth or checkpoints of this program in memory, which are not needed afterwards."""
        contents = [files] if isinstance(files, (bytes, bytearray, memoryview)) else list(files)
        self._model = Model.open_memory([bytes(content) for content in contents], _folds(use_folds), checkpoint_name,
                                        self.bf16, data)

    def manual_initialization(self, network: Any, plans_manager: Any, configuration_manager: Any, parameters: Any,
                              dataset_json: Any, trainer_name: str, inference_allowed_mirroring_axes: Any) -> None:
        """Cannot be: a network of torch is not read."""
        raise NotImplementedError("manual_initialization: takes a network of torch, which is not read here; save a "
                                  "checkpoint and give its folder to initialize_from_trained_model_folder")

    @staticmethod
    def auto_detect_available_folds(model_training_output_dir: PathLike, checkpoint_name: str) -> list[int]:
        """Numbers of the folds that have this checkpoint; "all" is none of them."""
        found = Path(model_training_output_dir).glob(f"fold_*/{checkpoint_name}")
        return sorted(int(file.parent.name.removeprefix("fold_")) for file in found if file.parent.name != "fold_all")

    @property
    def info(self) -> dict[str, Any]:
        """What the model says of itself: patch_size, spacing, channels, labels, values, file_ending, plans, dataset_json,
        .. (docs/c-api.md lists them)."""
        return self._opened.facts()

    def required_memory(self, shape: Sequence[int], spacing: Sequence[float]) -> int:
        """Most bytes that an image (D,H,W) of this spacing (mm, z y x) will take beside the caller's arrays and the
        networks."""
        return self._opened.memory(shape, spacing, self._options())

    @property
    def dataset_json(self) -> dict[str, Any] | None:
        """dataset.json of a model of nnU-Net v2."""
        return self.info.get("dataset_json")

    @property
    def trainer_name(self) -> str | None:
        """Name of the trainer of a model of nnU-Net v2."""
        return self.info.get("trainer")

    @property
    def allowed_mirroring_axes(self) -> tuple[int, ...]:
        """Axes along which mirror images may be taken."""
        return tuple(self.info["mirror_axes"])

    @property
    def plans_manager(self) -> PlansManager:
        """plans.json of a model of nnU-Net v2, and the class that reads its images."""
        return PlansManager(self)

    @property
    def configuration_manager(self) -> ConfigurationManager:
        """The model's configuration in plans.json."""
        return ConfigurationManager(self)

    @property
    def label_manager(self) -> LabelManager:
        """Labels, regions and what they are called."""
        return LabelManager(self)

    # Arrays

    @overload
    def predict_single_npy_array(self, input_image: Any, image_properties: Mapping[str, Any],
                                 segmentation_previous_stage: Any = None, output_file_truncated: None = None,
                                 save_or_return_probabilities: Literal[False] = False) -> NDArray[Any]: ...

    @overload
    def predict_single_npy_array(self, input_image: Any, image_properties: Mapping[str, Any],
                                 segmentation_previous_stage: Any = None, output_file_truncated: None = None, *,
                                 save_or_return_probabilities: Literal[True]) -> tuple[NDArray[Any], NDArray[np.float32]]: ...

    @overload
    def predict_single_npy_array(self, input_image: Any, image_properties: Mapping[str, Any],
                                 segmentation_previous_stage: Any = None, output_file_truncated: PathLike | None = None,
                                 save_or_return_probabilities: bool = False) -> Any: ...

    def predict_single_npy_array(self, input_image: Any, image_properties: Mapping[str, Any],
                                 segmentation_previous_stage: Any = None, output_file_truncated: PathLike | None = None,
                                 save_or_return_probabilities: bool = False) -> Any:
        """The label map (D,H,W) of an array, uint8 (uint16 beyond 255 labels); with save_or_return_probabilities
        (label map, probabilities (classes,D,H,W) float32).

        input_image: (channels,D,H,W), or (D,H,W) for one channel: a numpy array of any type and strides, which is not
        copied, or an array of another library in main memory (DLPack: torch, JAX, ..). Axes as nnU-Net's reader gives
        them (read_images): z, y, x for SimpleITK's.
        image_properties: "spacing", mm, in the order of these axes. For models whose reader turns images also "direction"
        (3x3, of the axes x, y, z, LPS), where input_image is not turned yet.
        segmentation_previous_stage: of a cascade's second stage, labels of the first, (D,H,W) or (1,D,H,W).
        output_file_truncated: a file name without its ending: the label map is written there instead of being returned,
        to where image_properties say that the image lies (as read_images gives them), probabilities beside it
        (.npz, .pkl).
        """
        image = Image.given(input_image, image_properties, segmentation_previous_stage,
                            "image" if output_file_truncated is None else os.path.basename(output_file_truncated))
        if output_file_truncated is not None:
            return self._segment_to_file(image, image_properties, output_file_truncated, save_or_return_probabilities)
        return _returned(self._segment(image, save_or_return_probabilities))

    def predict_from_list_of_npy_arrays(self, image_or_list_of_images: Any,
                                        segs_from_prev_stage_or_list_of_segs_from_prev_stage: Any,
                                        properties_or_list_of_properties: Any, truncated_ofname: Any, num_processes: int = 3,
                                        save_probabilities: bool = False,
                                        num_processes_segmentation_export: int = 3) -> list[Any]:
        """predict_single_npy_array for each of a list; one array, dict or name may stand for a list of one. Gives a list
        of what that gives: None for what was written. There are no processes: numbers of them do not count."""
        return [self.predict_single_npy_array(image, properties, previous, output, save_probabilities)
                for image, previous, properties, output in
                _together(image_or_list_of_images, segs_from_prev_stage_or_list_of_segs_from_prev_stage,
                          properties_or_list_of_properties, truncated_ofname)]

    # Arrays, in steps

    def get_data_iterator_from_raw_npy_data(self, image_or_list_of_images: Any,
                                            segs_from_prev_stage_or_list_of_segs_from_prev_stage: Any,
                                            properties_or_list_of_properties: Any, truncated_ofname: Any,
                                            num_processes: int = 3) -> Iterator[dict[str, Any]]:
        """Images as the networks take them, one after the other: "data" (input channels,D,H,W) float32,
        "data_properties" with what undoes the preparation, "ofile"."""
        for image, previous, properties, output in _together(
                image_or_list_of_images, segs_from_prev_stage_or_list_of_segs_from_prev_stage,
                properties_or_list_of_properties, truncated_ofname):
            prepared = self._opened.prepare(Image.given(image, properties, previous), self._options())
            yield {"data": prepared.array(), "data_properties": {**properties, **prepared.properties()}, "ofile": output}

    def predict_from_data_iterator(self, data_iterator: Iterable[Mapping[str, Any]], save_probabilities: bool = False,
                                   num_processes_segmentation_export: int = 3) -> list[Any]:
        """From get_data_iterator_from_raw_npy_data, or other dicts with "data" (an array, or the name of a .npy file, which
        is removed), "data_properties" and "ofile", to label maps: returned, or written where ofile is not None."""
        results = []
        for item in data_iterator:
            data = item["data"]
            if isinstance(data, (str, os.PathLike)):
                data = _taken(data)
            logits = self.predict_logits_from_preprocessed_data(data)
            properties = item["data_properties"]
            found = self._restore(logits, properties, save_probabilities)
            if item["ofile"] is None:
                results.append(_returned(found))
            else:
                self._write(found, properties, item["ofile"])
                results.append(None)
        return results

    def predict_logits_from_preprocessed_data(self, data: Any) -> Any:
        """Class scores (classes,D,H,W) float32 on the grid of data, the mean of the folds; a tensor of torch where data is
        one.

        data: (input channels,D,H,W) as get_data_iterator_from_raw_npy_data gives it: cropped, normalised, resampled; in a
        cascade with the first stage's labels stacked on top, one channel each.
        """
        logits = self._opened.logits(_arrays.floats(data, "data"), self._options(), self._watch())
        return _tensor_like(data, logits)

    def predict_sliding_window_return_logits(self, input_image: Any) -> Any:
        """Class scores of one network: of models with one fold."""
        if self._opened.info.networks > 1:
            raise NotImplementedError("predict_sliding_window_return_logits: which of several folds is meant? Open one fold, "
                                      "or call predict_logits_from_preprocessed_data for their mean")
        return self.predict_logits_from_preprocessed_data(input_image)

    def convert_predicted_logits_to_segmentation_with_correct_shape(self, predicted_logits: Any,
                                                                    properties_dict: Mapping[str, Any],
                                                                    return_probabilities: bool = False) -> Any:
        """From predict_logits_from_preprocessed_data's scores to the label map on the image's own grid; as nnunetv2's
        function of that name. properties_dict: "data_properties" of the image."""
        return _returned(self._restore(predicted_logits, properties_dict, return_probabilities))

    def preprocess(self, input_image: Any, image_properties: Mapping[str, Any] | Sequence[float],
                   segmentation_previous_stage: Any = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """What the networks get of an image: array (input channels,D,H,W) float32, cropped, normalised and resampled on the
        networks' grid and axes, and properties with what undoes it. predict_logits_from_preprocessed_data takes the one,
        convert_predicted_logits_to_segmentation_with_correct_shape the other.

        input_image, image_properties, segmentation_previous_stage: as for predict_single_npy_array; instead of properties
        the spacing alone may be given: mm, in the order of the array's axes (z, y, x).
        """
        properties = image_properties if isinstance(image_properties, Mapping) else {"spacing": image_properties}
        prepared = self._opened.prepare(Image.given(input_image, properties, segmentation_previous_stage), self._options())
        return prepared.array(), {**properties, **prepared.properties()}

    # DICOM

    @overload
    def predict_dicom(self, source: PathLike | DicomSeries | Sequence[DicomSeries], uids: str | Sequence[str] | None = None,
                      output_file: PathLike | None = None, object_type: ObjectType = "binary", *,
                      labels_json: Mapping[Any, Any] | PathLike | None = None, anonymous: bool = False,
                      save_or_return_probabilities: Literal[False] = False) -> NDArray[Any]: ...

    @overload
    def predict_dicom(self, source: PathLike | DicomSeries | Sequence[DicomSeries], uids: str | Sequence[str] | None = None,
                      output_file: PathLike | None = None, object_type: ObjectType = "binary", *,
                      labels_json: Mapping[Any, Any] | PathLike | None = None, anonymous: bool = False,
                      save_or_return_probabilities: Literal[True]) -> tuple[NDArray[Any], NDArray[np.float32]]: ...

    def predict_dicom(self, source: PathLike | DicomSeries | Sequence[DicomSeries], uids: str | Sequence[str] | None = None,
                      output_file: PathLike | None = None, object_type: ObjectType = "binary", *,
                      labels_json: Mapping[Any, Any] | PathLike | None = None, anonymous: bool = False,
                      save_or_return_probabilities: bool = False) -> Any:
        """The label map (z,y,x) of a DICOM series on its own grid (planes, rows, columns); with
        save_or_return_probabilities (label map, probabilities (classes,z,y,x) float32). Not a medical device.

        source: a folder, zip or file with the series, or a series that find_series gave; models of several channels take a
        series each, on one grid.
        uids: of a path with several series: which one, or one a channel, in their order.
        output_file: the label map is written there, too, as a DICOM object of the (first) series; an existing file is
        replaced.
        object_type, anonymous: of that object, as for write_dicom_seg. labels_json: likewise; None: the model's names.
        """
        options = _dicom.object_options(object_type, labels_json, anonymous, self._opened)
        series = _dicom.Chosen.of(source, uids)
        found = self._segment(series.image(self.threads), save_or_return_probabilities)
        if output_file is not None:
            series.write(found.labels, output_file, options)
        return _returned(found)

    # Files

    def read_images(self, image_fnames: PathLike | Sequence[PathLike]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """An image as the model's reader gives it: array (channels,D,H,W) float32 and properties, which
        predict_single_npy_array takes.

        image_fnames: one file with all channels, or one a channel, in their order.
        """
        files = [image_fnames] if isinstance(image_fnames, (str, os.PathLike)) else image_fnames
        image = self._opened.read(ImageFiles([os.fspath(file) for file in files]))
        return image.array(), image.properties()

    def write_seg(self, seg: Any, output_fname: PathLike, properties: Mapping[str, Any]) -> None:
        """Writes a label map (D,H,W) of read_images' axes to where those properties say; output_fname ends as the model's
        images do (.nii.gz)."""
        self._opened.write(_labels(seg, "seg"), properties, output_fname)

    def predict_from_files(self, list_of_lists_or_source_folder: Any, output_folder_or_list_of_truncated_output_files: Any,
                           save_probabilities: bool = False, overwrite: bool = True, num_processes_preprocessing: int = 3,
                           num_processes_segmentation_export: int = 3,
                           folder_with_segs_from_prev_stage: PathLike | None = None, num_parts: int = 1,
                           part_id: int = 0) -> Any:
        """Segments files: a folder of images (CASE_0000.nii.gz, ..), or a list that has a list of files, one a channel, for
        each image.

        output_folder_or_list_of_truncated_output_files: a folder for CASE.nii.gz, which is made; names without ending, one
        an image; or None: label maps are returned as a list, with save_probabilities as tuples
        (label map, probabilities).
        save_probabilities: also CASE.npz and CASE.pkl, which nnUNetv2_ensemble reads.
        overwrite: False: images whose results are there are left out.
        folder_with_segs_from_prev_stage: label maps CASE.nii.gz of a cascade's first stage.
        num_parts, part_id: only every num_parts-th image, from part_id on.
        num_processes_preprocessing, num_processes_segmentation_export: do not count; the next image is read and the last
        one written beside the networks, by threads.

        Images that fail do not keep the others from being segmented; in the end an Error names them.
        """
        arguments = {key: value for key, value in locals().items() if key != "self"}
        if not 0 <= part_id < num_parts:
            raise _errors.InvalidCall(f"part_id: {part_id} of {num_parts} parts cannot be; parts count from 0")
        work = _outputs.FileWork(self._opened, self._options(), self._watch(), save_probabilities, overwrite, num_parts,
                                 part_id, _text(folder_with_segs_from_prev_stage))
        return work.run(_files(list_of_lists_or_source_folder), _files(output_folder_or_list_of_truncated_output_files),
                        arguments)

    def predict_from_files_sequential(self, list_of_lists_or_source_folder: Any,
                                      output_folder_or_list_of_truncated_output_files: Any, save_probabilities: bool = False,
                                      overwrite: bool = True,
                                      folder_with_segs_from_prev_stage: PathLike | None = None) -> Any:
        """predict_from_files, which needs no processes anyway."""
        return self.predict_from_files(list_of_lists_or_source_folder, output_folder_or_list_of_truncated_output_files,
                                       save_probabilities, overwrite,
                                       folder_with_segs_from_prev_stage=folder_with_segs_from_prev_stage)

    # How

    @property
    def _opened(self) -> Model:
        if self._model is None:
            raise _errors.InvalidCall("there is no model yet: call initialize_from_trained_model_folder first")
        return self._model

    def __getattr__(self, name: str) -> Any:
        what = f"{_ON_TORCH[name]}, which is not here: networks are computed without torch" if name in _ON_TORCH else "unknown"
        raise AttributeError(f"Predictor.{name}: {what}")

    def _options(self) -> _library.RunOptions:
        mirrored = self.use_mirroring and self.allowed_mirroring_axes
        return _library.RunOptions(
            tile_step=self.tile_step_size, mirroring=_library.ON if mirrored else _library.OFF,
            gaussian=_library.AS_MODEL if self.use_gaussian else _library.OFF, precise=self._precise,
            batch_size=self.batch_size, threads=self.threads,
            scratch=None if self.scratch is None else _library.encoded(self.scratch))

    @property
    def _precise(self) -> int:
        return _library.ON if self.precise else _library.AS_MODEL

    def _watch(self) -> ProgressFunction | None:
        return self.progress or (Bar() if self.allow_tqdm else None)

    def _segment(self, image: Image, probabilities: bool) -> Results:
        return self._opened.segment(image, probabilities, self._options(), self._watch())

    def _segment_to_file(self, image: Image, properties: Mapping[str, Any], output: PathLike, probabilities: bool) -> None:
        if not probabilities:
            return self._write(self._segment(image, False), properties, output)
        prepared = self._opened.prepare(image, self._options())
        found = self._opened.segment_prepared(prepared, image.shape, True, self._options(), self._watch())
        self._write(found, {**properties, **prepared.properties()}, output)

    def _restore(self, logits: Any, properties: Mapping[str, Any], probabilities: bool) -> Results:
        prepared = self._opened.prepared_from(properties)
        order = list(self._opened.info.transpose)
        shape = [properties["shape_before_cropping"][order.index(axis)] for axis in range(3)]
        shape = properties.get("turned", {}).get("shape", shape)
        return self._opened.restore(prepared, _arrays.floats(logits, "predicted_logits"), shape, probabilities, self._precise)

    def _write(self, found: Results, properties: Mapping[str, Any], output: PathLike) -> None:
        if found.probabilities is not None:
            _outputs.write_probabilities(output, found.probabilities, properties)
        self._opened.write(found.labels, properties, os.fspath(output) + self.info["file_ending"])


nnUNetPredictor = Predictor


def _returned(found: Results) -> Any:
    return found.labels if found.probabilities is None else (found.labels, found.probabilities)


def _folds(use_folds: Any) -> list[str]:
    if use_folds is None:
        return []
    return [str(fold) for fold in ([use_folds] if isinstance(use_folds, (str, int)) else use_folds)]


def _text(path: PathLike | None) -> str | None:
    return None if path is None else os.fspath(path)


def _files(given: Any) -> Any:
    """A folder as text, a list as it is."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def _labels(labels: Any, what: str) -> NDArray[Any]:
    array = _arrays.readable(labels, what)
    if array.dtype in (np.uint8, np.uint16):
        return array
    if array.size and not (np.all(array == np.floor(array)) and array.min() >= 0 and array.max() <= 65535):
        raise _errors.InvalidCall(f"{what}: holds other numbers than labels from 0 to 65535")
    return array.astype(np.uint16)


def _together(images: Any, previous: Any, properties: Any, outputs: Any) -> list[tuple[Any, Any, Any, Any]]:
    """What belongs to each image; one of anything stands for a list of one."""
    listed = list(images) if isinstance(images, (list, tuple)) else [images]

    def each(of: Any, what: str) -> list[Any]:
        if of is None:
            return [None] * len(listed)
        values = list(of) if isinstance(of, (list, tuple)) else [of]
        if len(values) != len(listed):
            raise _errors.InvalidCall(f"{what}: there are {len(values)} for {len(listed)} images")
        return values

    return list(zip(listed, each(previous, "segmentations of the previous stage"), each(properties, "properties"),
                    each(outputs, "truncated_ofname")))


def _taken(file: PathLike) -> NDArray[Any]:
    array: NDArray[Any] = np.load(file, allow_pickle=False)
    Path(file).unlink()
    return array


def _tensor_like(given: Any, array: NDArray[Any]) -> Any:
    """A tensor for who works with torch."""
    if type(given).__module__.partition(".")[0] != "torch":
        return array
    return sys.modules["torch"].from_numpy(array)
