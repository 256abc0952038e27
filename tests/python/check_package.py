"""The package nnunet_native from outside, on a model, images and the label maps that the program made of them.

    MODEL=folder IMAGES=folder LABELS=folder CHECKPOINT=file python check_package.py

MODEL: of nnU-Net v2, with several folds; IMAGES: NAME_0000.nii.gz; LABELS: NAME.nii.gz by the program, of the mean of all
folds; CHECKPOINT: of this program or of nnU-Net v2, for images of the same kind.
"""
import copy
import inspect
import json
import logging
import os
import pickle
import pydoc
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings
from pathlib import Path

import numpy as np

import dicom_files
import nnunet_native
from nnunet_native import Predictor, nnUNetPredictor

MODEL, IMAGES, LABELS, CHECKPOINT = (Path(os.environ[name]) for name in ("MODEL", "IMAGES", "LABELS", "CHECKPOINT"))
CASES = sorted(path.name.removesuffix("_0000.nii.gz") for path in IMAGES.glob("*_0000.nii.gz"))


def opened(**options):
    predictor = nnUNetPredictor(**options)
    predictor.initialize_from_trained_model_folder(MODEL, None)
    return predictor


def image_of(predictor, case):
    return predictor.read_images([IMAGES / f"{case}_0000.nii.gz"])


class ByDlpack:
    """An array of another library."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Elsewhere(ByDlpack):
    def __dlpack__(self, **options):
        raise BufferError("lies on a GPU")


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.predictor = opened()
        self.image, self.properties = image_of(self.predictor, CASES[0])

    def labels(self, case):
        """Of the program."""
        return self.predictor.read_images(LABELS / f"{case}.nii.gz")[0][0]

    def predicted(self, image=None, **options):
        return self.predictor.predict_single_npy_array(self.image if image is None else image, self.properties, **options)


class Paths(unittest.TestCase):
    def test_a_null_byte_does_not_end_a_path(self):
        for path in "a\0.nii.gz", b"a\0.nii.gz", Path("a\0.nii.gz"):
            with self.assertRaisesRegex(ValueError, "null byte"):
                nnunet_native.find_series(path)


class Ending(unittest.TestCase):
    def test_the_interpreter_ends_beside_a_daemon_thread(self):
        script = """
import sys, threading
import numpy
from nnunet_native import nnUNetPredictor
started = threading.Event()
predictor = nnUNetPredictor(progress=lambda *_: started.set())
predictor.initialize_from_trained_model_folder(sys.argv[1], None)
image = numpy.random.default_rng(1).normal(size=(1, 100, 100, 100))
threading.Thread(target=predictor.predict_single_npy_array, args=(image, {"spacing": (1, 1, 1)}), daemon=True).start()
started.wait()
"""
        ended = subprocess.run([sys.executable, "-c", script, str(MODEL)], capture_output=True, text=True, timeout=600)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))


class Arrays(WithFolder):
    def test_a_predictor_cannot_be_pickled(self):
        for copying in pickle.dumps, copy.deepcopy:
            with self.assertRaisesRegex(TypeError, "open it anew in each process"):
                copying(self.predictor)

    def test_labels_are_the_programs(self):
        for case in CASES:
            image, properties = image_of(self.predictor, case)
            labels = self.predictor.predict_single_npy_array(image, properties)
            self.assertEqual(labels.dtype, np.uint8)
            np.testing.assert_array_equal(labels, self.labels(case))
        self.assertGreater(len(np.unique(labels)), 1)

    def test_any_strides_and_numbers(self):
        whole = np.round(self.image)
        wanted = self.predicted(whole)
        backwards = np.ascontiguousarray(whole[:, ::-1].transpose(3, 0, 2, 1)).transpose(1, 3, 2, 0)[:, ::-1]
        self.assertFalse(backwards.flags.c_contiguous)
        unaligned = np.frombuffer(b" " + whole.tobytes(), np.uint8)[1:].view(whole.dtype).reshape(whole.shape)
        given = [backwards, whole[0], unaligned, ByDlpack(whole), whole.astype(np.int16), whole.astype(">i4"),
                 whole.astype(np.float64), whole.tolist()]
        for array in given:
            np.testing.assert_array_equal(self.predicted(array), wanted)
        for array in np.full(whole.shape, 7, np.float32), np.full(whole.shape, 7, np.int16), np.full(whole.shape, True):
            everywhere = np.broadcast_to(array.flat[0], whole.shape)
            self.assertFalse(any(everywhere.strides))
            np.testing.assert_array_equal(self.predicted(everywhere), self.predicted(array))
        half = (whole / 64).astype(np.float16)
        np.testing.assert_array_equal(self.predicted(half), self.predicted(half.astype(np.float32)))

    def test_probabilities_and_steps(self):
        labels, probabilities = self.predicted(save_or_return_probabilities=True)
        np.testing.assert_array_equal(labels, self.predicted())
        np.testing.assert_array_equal(probabilities.argmax(0), labels)
        np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)

        item, = self.predictor.get_data_iterator_from_raw_npy_data(self.image, None, self.properties, None)
        logits = self.predictor.predict_logits_from_preprocessed_data(item["data"])
        self.assertEqual(logits.shape, (len(probabilities), *item["data"].shape[1:]))
        again = self.predictor.convert_predicted_logits_to_segmentation_with_correct_shape(logits, item["data_properties"], True)
        np.testing.assert_array_equal(again[0], labels)
        np.testing.assert_array_equal(again[1], probabilities)
        np.save(self.folder / "data.npy", item["data"])
        listed = self.predictor.predict_from_data_iterator([{**item, "data": str(self.folder / "data.npy")}])
        np.testing.assert_array_equal(listed[0], labels)
        self.assertFalse((self.folder / "data.npy").exists())

    def test_lists(self):
        images, properties = zip(*(image_of(self.predictor, case) for case in CASES))
        found = self.predictor.predict_from_list_of_npy_arrays(list(images), None, list(properties), None, 3, True)
        for case, (labels, probabilities) in zip(CASES, found):
            np.testing.assert_array_equal(labels, self.labels(case))
            np.testing.assert_array_equal(probabilities.argmax(0), labels)
        with self.assertRaisesRegex(nnunet_native.InvalidCall, "properties: there are 1 for 2"):
            self.predictor.predict_from_list_of_npy_arrays([self.image] * 2, None, [self.properties], None)

    def test_results_go_to_files(self):
        names = [str(self.folder / case) for case in CASES]
        images, properties = zip(*(image_of(self.predictor, case) for case in CASES))
        found = self.predictor.predict_from_list_of_npy_arrays(list(images), None, list(properties), names, 3, True)
        self.assertEqual(found, [None] * len(CASES))
        for case in CASES:
            written, place = self.predictor.read_images(self.folder / f"{case}.nii.gz")
            np.testing.assert_array_equal(written[0], self.labels(case))
            self.assertEqual(place, image_of(self.predictor, case)[1])
            packed = np.load(self.folder / f"{case}.npz")["probabilities"]
            np.testing.assert_array_equal(packed.argmax(0), written[0])
            kept = pickle.loads((self.folder / f"{case}.pkl").read_bytes())
            self.assertEqual(tuple(kept["shape_before_cropping"]), written[0].shape)
            self.assertIn("sitk_stuff", kept)
        self.assertEqual(len(list(self.folder.iterdir())), 3 * len(CASES))

    def test_other_models(self):
        predictor = Predictor(use_mirroring=False)
        predictor.initialize_from_trained_model_folder(CHECKPOINT)
        labels = predictor.predict_single_npy_array(self.image, self.properties)
        predictor.initialize_from_memory(CHECKPOINT.read_bytes())
        np.testing.assert_array_equal(predictor.predict_single_npy_array(self.image, self.properties), labels)
        ours = CHECKPOINT.suffix == ".ckpt"
        self.assertEqual(predictor.info["kind"], "checkpoint" if ours else "nnU-Net v2 model")
        self.assertEqual(predictor.dataset_json is None, ours)


    def test_preprocessing(self):
        data, properties = self.predictor.preprocess(self.image, self.properties["spacing"])
        item, = self.predictor.get_data_iterator_from_raw_npy_data(self.image, None, self.properties, None)
        np.testing.assert_array_equal(data, item["data"])
        self.assertEqual(data.shape[0], len(self.predictor.info["channels"]))
        logits = self.predictor.predict_logits_from_preprocessed_data(data)
        labels = self.predictor.convert_predicted_logits_to_segmentation_with_correct_shape(logits, properties)
        np.testing.assert_array_equal(labels, self.labels(CASES[0]))


class Scores(WithFolder):
    def test_of_arrays_are_those_of_files(self):
        paths = [LABELS / f"{CASES[0]}.nii.gz", self.folder / f"{CASES[0]}.nii.gz"]
        labels = self.labels(CASES[0]).astype(np.uint8)
        other = np.roll(labels, 2, axis=1)
        self.predictor.write_seg(other, paths[1], self.properties)
        wanted = nnunet_native.score(*paths)
        found = nnunet_native.score(labels, other.astype(np.float64)[::-1][::-1], spacing=self.properties["spacing"])
        self.assertLess(found["mean dice"], 1)
        self.assertEqual({**wanted["cases"][0], "name": "image"}, found["cases"][0])
        self.assertEqual(wanted["classes"], found["classes"])

    def test_refusals(self):
        labels = np.ones((3, 4, 5), np.uint8)
        for part, call in (("spacing", lambda: nnunet_native.score(labels, labels)),
                           ("csv: are for folders", lambda: nnunet_native.score(labels, labels, spacing=(1, 1, 1), csv="a.csv")),
                           ("an array and a file", lambda: nnunet_native.score(labels, "labels.nii.gz")),
                           ("is for arrays", lambda: nnunet_native.score(LABELS, LABELS, spacing=(1, 1, 1))),
                           ("have the shapes", lambda: nnunet_native.score(labels, labels[1:], spacing=(1, 1, 1)))):
            with self.assertRaisesRegex(nnunet_native.InvalidCall, part):
                call()
        with self.assertRaisesRegex(nnunet_native.Error, "labels: holds -1"):
            nnunet_native.score(-labels.astype(np.int16), labels, spacing=(1, 1, 1))


class Dicom(WithFolder):
    def setUp(self):
        super().setUp()
        self.voxels = np.round(self.image[0] * 50).astype(np.int16)
        self.spacing = tuple(self.properties["spacing"])
        self.study = self.folder / "study"
        dicom_files.write_series(self.study, self.voxels, self.spacing)
        try:
            self.series, = nnunet_native.find_series(self.study)
        except nnunet_native.Error as error:
            if "cannot be read here" not in str(error):
                raise
            print(f"SKIPPED: {error}", file=sys.stderr)
            self.skipTest(str(error))

    def write(self, call):
        """An object, where they can be written."""
        try:
            return call()
        except nnunet_native.Error as error:
            if "cannot be written here" not in str(error):
                raise
            print(f"SKIPPED: {error}", file=sys.stderr)
            self.skipTest(str(error))

    def test_series_are_found_and_read(self):
        (self.study / "notes.txt").write_text("no DICOM")
        series, = nnunet_native.find_series(self.study)
        self.assertEqual(series, self.series)
        self.assertEqual((series.uid, series.modality, series.number, series.problem), ("1.2.826.0.1.7", "CT", 3, ""))
        self.assertEqual(series.shape, self.voxels.shape)
        np.testing.assert_allclose(series.spacing, self.spacing, rtol=1e-9)
        self.assertEqual((series.origin, series.direction), ((-10, -20, 30), (1, 0, 0, 0, 1, 0, 0, 0, 1)))
        self.assertNotIn("Nobody", repr(series))
        for image, properties in (nnunet_native.read_series(self.study), series.read(),
                                  nnunet_native.read_series(self.study, series.uid, threads=1)):
            np.testing.assert_array_equal(image[0], self.voxels)
            np.testing.assert_allclose(properties["spacing"], self.spacing, rtol=1e-9)
        shutil.make_archive(str(self.folder / "zipped"), "zip", self.study)
        image, _ = nnunet_native.read_series(self.folder / "zipped.zip")
        np.testing.assert_array_equal(image[0], self.voxels)

    def test_labels_are_the_programs(self):
        labels = self.predictor.predict_dicom(self.study)
        np.testing.assert_array_equal(labels, self.predictor.predict_single_npy_array(self.voxels, {"spacing": self.series.spacing}))
        nnunet_native.run("predict", model=MODEL, input=self.study, output=self.folder / "out")
        wanted, place = self.predictor.read_images(self.folder / f"out/{self.series.uid}.nii.gz")
        np.testing.assert_array_equal(labels, wanted[0])
        self.assertGreater(len(np.unique(labels)), 1)
        self.predictor.write_seg(labels, self.folder / "written.nii.gz", self.series.read()[1])
        written, same_place = self.predictor.read_images(self.folder / "written.nii.gz")
        np.testing.assert_array_equal(written, wanted)
        np.testing.assert_allclose(place["sitk_stuff"]["origin"], same_place["sitk_stuff"]["origin"], atol=1e-4)
        again, probabilities = self.predictor.predict_dicom(self.series, save_or_return_probabilities=True)
        np.testing.assert_array_equal(again, labels)
        np.testing.assert_array_equal(probabilities.argmax(0), labels)

    def test_objects_are_written(self):
        for kind in ("binary", "labelmap", "rtstruct"):
            file = self.folder / f"{kind}.dcm"
            labels = self.write(lambda: self.predictor.predict_dicom(self.study, None, file, kind, anonymous=True))
            self.assertEqual(labels.shape, self.voxels.shape)
            content = file.read_bytes()
            names = [value["name"] for value in self.predictor.info["values"][1:] if value["value"] in labels]
            for said in (*names, "not a medical device", "1.2.826.0.1.7.1"):
                self.assertIn(said.encode(), content)
            self.assertNotIn(b"Nobody", content)
        file = self.folder / "mine.dcm"
        nnunet_native.write_dicom_seg(labels, self.series, file, labels_json={1: "liver", 2: {"name": "odd thing"}},
                                      algorithm="my model", description="by hand")
        for said in (b"liver", b"odd thing", b"my model", b"by hand, not a medical device", b"Nobody"):
            self.assertIn(said, file.read_bytes())
        (self.folder / "labels.json").write_text(json.dumps({"1": "spleen", "2": "other"}))
        nnunet_native.write_dicom_seg(labels, self.study, file, "labelmap", labels_json=self.folder / "labels.json")
        self.assertIn(b"spleen", file.read_bytes())

    def test_refusals(self):
        labels = np.zeros(self.voxels.shape, np.uint8)
        file = self.folder / "seg.dcm"
        first = next(self.study.iterdir())
        before = first.read_bytes()
        for part, call in (
                ("series 7.7: is not in", lambda: nnunet_native.read_series(self.study, "7.7")),
                ("has to be a path, or series", lambda: nnunet_native.read_series([])),
                ("are chosen already", lambda: nnunet_native.read_series(self.series, self.series.uid)),
                ("that one call of find_series", lambda: nnunet_native.read_series(
                    [self.series, *nnunet_native.find_series(self.study)])),
                ("none of binary, labelmap, rtstruct", lambda: nnunet_native.write_dicom_seg(labels, self.series, file, "seg")),
                ("the series", lambda: nnunet_native.write_dicom_seg(labels[1:], self.series, file)),
                ("would be overwritten", lambda: nnunet_native.write_dicom_seg(labels, self.series, first)),
                ("labels_json: .*none.json", lambda: nnunet_native.write_dicom_seg(
                    labels, self.series, file, labels_json=self.folder / "none.json")),
                ("2 channels", lambda: self.predictor.predict_dicom([self.series, self.series])),
                ("none", lambda: nnunet_native.find_series(self.folder / "none"))):
            with self.assertRaisesRegex(nnunet_native.Error, part):
                call()
        self.assertFalse(file.exists())
        self.assertEqual(first.read_bytes(), before)

    def test_a_series_with_a_gap_says_so(self):
        (self.study / dicom_files.name(len(self.voxels) // 2)).unlink()
        series, = nnunet_native.find_series(self.study)
        self.assertIsNone(series.spacing)
        self.assertNotEqual(series.problem, "")
        with self.assertRaisesRegex(nnunet_native.Error, "series 1.2.826.0.1.7"):
            series.read()

    def test_what_is_missing_is_said(self):
        package = Path(nnunet_native.__file__).parent
        bare = self.folder / "bare/nnunet_native"
        (bare / "lib").mkdir(parents=True)
        for file in package.glob("*.py"):
            shutil.copy(file, bare)
        shutil.copy(package / "lib/libnnunet_c.so", bare / "lib")
        for libraries in package.parent.glob("nnunet_native.libs"):
            (self.folder / "bare" / libraries.name).symlink_to(libraries)
        code = f"import nnunet_native; nnunet_native.find_series({str(self.study)!r})"
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "bare")}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        self.assertIn("DICOM: cannot be read here (libnnunet_dicom.so", done.stderr)
        self.assertNotEqual(done.returncode, 0)


class Files(WithFolder):
    def test_a_folder_becomes_a_folder(self):
        out = self.folder / "out"
        self.assertEqual(self.predictor.predict_from_files(str(IMAGES), str(out), num_parts=2, part_id=1),
                         [None] * (len(CASES) // 2))
        self.predictor.predict_from_files(IMAGES, out, True, False)
        for case in CASES:
            np.testing.assert_array_equal(self.predictor.read_images(out / f"{case}.nii.gz")[0][0], self.labels(case))
        self.assertTrue((out / f"{CASES[0]}.npz").exists())
        self.assertEqual(json.loads((out / "plans.json").read_text()), self.predictor.plans_manager.plans)
        self.assertTrue(json.loads((out / "predict_from_raw_data_args.json").read_text())["save_probabilities"])

    def test_lists_become_files_or_arrays(self):
        lists = [[str(IMAGES / f"{case}_0000.nii.gz")] for case in CASES]
        for case, labels in zip(CASES, self.predictor.predict_from_files(lists, None)):
            np.testing.assert_array_equal(labels, self.labels(case))
        names = [str(self.folder / f"label_{i}") for i in range(len(CASES))]
        self.predictor.predict_from_files(lists, names)
        self.predictor.predict_from_files_sequential(lists, str(self.folder))
        for case, name in zip(CASES, names):
            np.testing.assert_array_equal(self.predictor.read_images(name + ".nii.gz")[0][0], self.labels(case))
            self.assertEqual(Path(name + ".nii.gz").read_bytes(), (self.folder / f"{case}.nii.gz").read_bytes())
        written = os.stat(names[0] + ".nii.gz").st_mtime_ns
        self.assertIsNone(self.predictor.predict_from_files(lists, names, overwrite=False))
        self.assertEqual(os.stat(names[0] + ".nii.gz").st_mtime_ns, written)

    def test_a_checkpoints_label_maps_have_records(self):
        if CHECKPOINT.suffix != ".ckpt":
            self.skipTest("the checkpoint is nnU-Net v2's")
        predictor = Predictor(use_mirroring=False)
        predictor.initialize_from_trained_model_folder(CHECKPOINT)
        source, out = self.folder / "in", self.folder / "out"
        source.mkdir()
        for case in CASES:
            (source / f"{case}.nii.gz").symlink_to(IMAGES / f"{case}_0000.nii.gz")
        predictor.predict_from_files(source, out)
        said = nnunet_native.run("predict", "--disable_tta", ckpt_path=CHECKPOINT, input=source, output=out)
        self.assertIn(f"0 images segmented, {len(CASES)} kept", said)

    def test_images_that_fail_are_named(self):
        broken = self.folder / "in/broken_0000.nii.gz"
        broken.parent.mkdir()
        broken.write_text("no image")
        lists = [[broken], [IMAGES / f"{CASES[0]}_0000.nii.gz"]]
        with self.assertRaisesRegex(nnunet_native.Error, "1 of 2 images failed: .*broken_0000.nii.gz"):
            self.predictor.predict_from_files(lists, str(self.folder / "out"))
        self.assertTrue((self.folder / f"out/{CASES[0]}.nii.gz").exists())
        with self.assertRaisesRegex(nnunet_native.Error, "1 of 1 images failed: .*broken_0000.nii.gz"):
            self.predictor.predict_from_files(str(broken.parent), str(self.folder / "out"))

    def test_files_of_others_stay(self):
        (self.folder / "dataset.json").write_text("{}")
        with self.assertRaisesRegex(nnunet_native.Error, "is there already"):
            self.predictor.predict_from_files([[IMAGES / f"{CASES[0]}_0000.nii.gz"]], str(self.folder))
        self.assertEqual((self.folder / "dataset.json").read_text(), "{}")
        copy = self.folder / "in/a_0000.nii.gz"
        copy.parent.mkdir()
        image = (IMAGES / f"{CASES[0]}_0000.nii.gz").read_bytes()
        copy.write_bytes(image)
        for source, output in ((str(copy.parent), str(copy.parent)), ([[copy]], [copy.parent / "a_0000"])):
            with self.assertRaisesRegex(nnunet_native.Error, "input folder|overwritten"):
                self.predictor.predict_from_files(source, output)
        self.assertEqual(copy.read_bytes(), image)


class Refusals(WithFolder):
    def expect(self, part, call, kind=nnunet_native.InvalidCall):
        with self.assertRaisesRegex(kind, part):
            call()

    def test_what_cannot_be(self):
        self.expect("there is no model yet", lambda: Predictor().predict_single_npy_array(self.image, self.properties))
        self.expect("none/model", lambda: Predictor().initialize_from_trained_model_folder("none/model"), nnunet_native.BadModel)
        self.expect("none/config.json", lambda: Predictor().initialize_from_trained_model_folder(
            CHECKPOINT, data="none/config.json"), nnunet_native.BadModel)
        self.expect("spacing", lambda: self.predictor.predict_single_npy_array(self.image, {}))
        self.expect("spacing", lambda: self.predictor.predict_single_npy_array(self.image, {"spacing": (1, 1)}))
        self.expect("shape", lambda: self.predicted(self.image[0, 0]))
        self.expect("complex64", lambda: self.predicted(self.image.astype(np.complex64)))
        self.expect("lies on a GPU.*main memory", lambda: self.predicted(Elsewhere(self.image)))
        self.expect("2 channels", lambda: self.predicted(np.concatenate([self.image] * 2)), nnunet_native.Error)
        self.expect("NaN", lambda: self.predicted(self.image * np.nan), nnunet_native.Error)
        self.expect("tile_step", lambda: opened(tile_step_size=1.5).predict_single_npy_array(self.image, self.properties))
        self.expect("list of lists", lambda: self.predictor.predict_from_files(["a_0000.nii.gz"], None))
        self.expect("parts count from 0", lambda: self.predictor.predict_from_files([], None, num_parts=2, part_id=2))
        nowhere = {"spacing": self.properties["spacing"]}
        self.expect("sitk_stuff", lambda: self.predictor.predict_single_npy_array(self.image, nowhere, None, self.folder / "a"),
                    nnunet_native.Error)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_hangs_on_torch(self):
        self.expect("checkpoint", lambda: self.predictor.manual_initialization(*[None] * 7), NotImplementedError)
        self.expect("without torch", lambda: self.predictor.network, AttributeError)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            labels = opened(device="cuda:0").predict_single_npy_array(self.image, self.properties)
        self.assertIn("on the CPU, not on cuda:0", str(seen[0].message))
        np.testing.assert_array_equal(labels, self.labels(CASES[0]))


class Control(WithFolder):
    def test_progress_and_what_it_raises(self):
        seen = []
        self.predictor.progress = lambda done, total, name: seen.append((done, total, name))
        self.predicted()
        self.assertEqual(seen[0], (0, 0, "image"))
        self.assertEqual(seen[-1][0], seen[-1][1])
        self.predictor.progress = lambda done, total, name: 1 // (1 - done)
        with self.assertRaises(ZeroDivisionError):
            self.predicted()
        self.predictor.progress = None
        np.testing.assert_array_equal(self.predicted(), self.labels(CASES[0]))

    def test_keyboard_interrupt(self):
        handler = signal.default_int_handler  # jobs in a shell's background begin without it
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, handler))
        seen = []

        def interrupt(done, total, name):
            seen.append(done)
            if done > 0:
                os.kill(os.getpid(), signal.SIGINT)

        self.predictor.progress = interrupt
        with self.assertRaises(KeyboardInterrupt):
            self.predicted()
        self.assertEqual(sum(done > 0 for done in seen), 1)
        self.assertIs(signal.getsignal(signal.SIGINT), handler)
        self.predictor.progress = None
        np.testing.assert_array_equal(self.predicted(), self.labels(CASES[0]))

    def test_two_threads(self):
        found = {}

        def segment(i):
            predictor = opened(threads=1)
            image, properties = image_of(predictor, CASES[i])
            found[i] = [predictor.predict_single_npy_array(image, properties) for _ in range(3)]

        threads = [threading.Thread(target=segment, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for i in range(2):
            for labels in found[i]:
                np.testing.assert_array_equal(labels, self.labels(CASES[i]))

    def test_other_threads_run_meanwhile(self):
        """While the library works the interpreter is free: this thread gets on between two calls of progress."""
        asked, answered = threading.Event(), threading.Event()

        def answer():
            asked.wait(60)
            answered.set()

        thread = threading.Thread(target=answer)
        thread.start()
        self.predictor.progress = lambda done, total, name: (asked.set(), answered.wait(60)) if done else None
        self.predicted()
        thread.join()
        self.assertTrue(answered.is_set())

    def test_a_forked_process_is_refused(self):
        child = os.fork()
        if child == 0:
            try:
                self.predicted()
            except nnunet_native.Error as error:
                os._exit(7 if "spawn" in str(error) else 8)
            os._exit(9)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)

    def test_a_process_forked_before_the_first_use_works(self):
        code = ("import os, nnunet_native; child = os.fork(); predictor = nnunet_native.Predictor(); "
                f"predictor.initialize_from_trained_model_folder({str(MODEL)!r}); "
                f"labels, = predictor.predict_from_files([[{str(IMAGES / CASES[0])!r} + '_0000.nii.gz']], None); "
                "os.write(1, b'%d ' % labels.sum()); child == 0 and os._exit(0); assert os.waitpid(child, 0)[1] == 0")
        sums = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual(sums, [str(int(self.labels(CASES[0]).sum()))] * 2)


class Program(WithFolder):
    def test_runs(self):
        self.assertIn(nnunet_native.__version__, nnunet_native.run("--version"))
        scores = nnunet_native.score(LABELS, LABELS)
        self.assertEqual(scores["mean dice"], 1)
        self.assertEqual(scores["cases scored"], len(CASES))
        with self.assertRaisesRegex(nnunet_native.Error, "none"):
            nnunet_native.run("info", self.folder / "none")

    def test_the_log_is_pythons(self):
        with self.assertLogs("nnunet_native", logging.INFO) as seen:
            self.predictor.predict_from_files(str(IMAGES), str(self.folder / "out"))
        self.assertTrue(any(CASES[0] in line for line in seen.output), seen.output)

    def test_a_raw_dataset_is_planned_and_preprocessed(self):
        raw, preprocessed = self.folder / "raw", self.folder / "preprocessed"
        raw.mkdir()
        nnunet_native.run("phantom", output=self.folder, cases=3, test_cases=1)
        nnunet_native.run("v2", "convert_MSD_dataset", "-i", self.folder / "Task99_Phantom", environment={"nnUNet_raw": raw})
        plans = nnunet_native.plan(99, raw=raw, preprocessed=preprocessed, overwrite_plans_name="MyPlans")
        self.assertEqual(plans["plans_name"], "MyPlans")
        nnunet_native.preprocess(99, ["2d"], "MyPlans", raw=raw, preprocessed=preprocessed, num_processes=1)
        self.assertTrue(any(preprocessed.glob("Dataset099_*/MyPlans_2d/*")))


class Documentation(unittest.TestCase):
    ORDER = {
        "__init__": "tile_step_size use_gaussian use_mirroring perform_everything_on_device device verbose verbose_preprocessing "
                    "allow_tqdm",
        "initialize_from_trained_model_folder": "model_training_output_dir use_folds checkpoint_name",
        "predict_single_npy_array": "input_image image_properties segmentation_previous_stage output_file_truncated "
                                    "save_or_return_probabilities",
        "predict_from_files": "list_of_lists_or_source_folder output_folder_or_list_of_truncated_output_files save_probabilities "
                              "overwrite num_processes_preprocessing num_processes_segmentation_export "
                              "folder_with_segs_from_prev_stage num_parts part_id",
        "predict_from_list_of_npy_arrays": "image_or_list_of_images segs_from_prev_stage_or_list_of_segs_from_prev_stage "
                                           "properties_or_list_of_properties truncated_ofname num_processes save_probabilities "
                                           "num_processes_segmentation_export",
        "predict_logits_from_preprocessed_data": "data",
    }

    def test_parameters_are_nnunets(self):
        for name, order in self.ORDER.items():
            parameters = [parameter for parameter in inspect.signature(getattr(Predictor, name)).parameters.values()
                          if parameter.name != "self" and parameter.kind != parameter.KEYWORD_ONLY]
            self.assertEqual([parameter.name for parameter in parameters], order.split(), name)

    def test_all_that_is_public_is_explained(self):
        for name in nnunet_native.__all__:
            self.assertTrue(inspect.getdoc(getattr(nnunet_native, name)), name)
        for name, member in inspect.getmembers(Predictor):
            if not name.startswith("_"):
                self.assertTrue(inspect.getdoc(member), name)
        text = pydoc.plain(pydoc.render_doc(nnunet_native))
        for word in ("predict_single_npy_array", "initialize_from_trained_model_folder", "score(", "spawn"):
            self.assertIn(word, text)

    def test_the_import_needs_numpy_alone(self):
        code = ("import sys, numpy; before = set(sys.modules); import nnunet_native; "
                "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names) - {'numpy'})")
        found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual(found, ["nnunet_native"])


if __name__ == "__main__":
    unittest.main()
