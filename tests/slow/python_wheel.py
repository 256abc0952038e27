"""What python_wheel.sh asks of an installed wheel, each in a process of its own.

    times MODEL IMAGE           the import beside numpy's, the first label map beside the networks' time
    memory MODEL PROGRAM        a large array beside the program on the same file
    cascade MODELS IMAGES PROGRAM   a cascade's second stage by arrays and by the program
    unmirrored MODEL            a model that was trained without mirror images
    study MODEL IMAGE FOLDER    an image as a DICOM series, and what becomes of it
    signatures                  parameters beside those of nnunetv2's class
"""
import inspect
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile

MOST_IMPORT, MOST_FIRST, MOST_MEMORY = 0.1, 0.3, 1.1  # s, s, share of the program's

TIMES = """
import time
start = time.perf_counter()
import numpy
with_numpy = time.perf_counter()
import nnunet_native
imported = time.perf_counter()
marks = {}
predictor = nnunet_native.Predictor(progress=lambda done, total, name: marks.update({done: time.perf_counter()}))
predictor.initialize_from_trained_model_folder(MODEL)
predictor.predict_single_npy_array(*predictor.read_images(IMAGE))
ready = time.perf_counter()
network = max(marks.values()) - marks[0]
print(imported - with_numpy, ready - imported - network, network, with_numpy - start)
"""

BY_ARRAY = """
import numpy, nnunet_native
predictor = nnunet_native.Predictor(1, use_mirroring=False, allow_tqdm=False)
predictor.initialize_from_trained_model_folder(MODEL)
labels = predictor.predict_single_npy_array(numpy.load(ARRAY), {"spacing": (1, 1, 1)})
predictor.write_seg(labels, LABELS, {"spacing": (1, 1, 1), "sitk_stuff": {"spacing": (1, 1, 1), "origin": (0, 0, 0),
                                                                         "direction": (-1, 0, 0, 0, -1, 0, 0, 0, 1)}})
"""


def python(code, **names):
    """A fresh interpreter's output."""
    lines = [f"{name} = {str(value)!r}" for name, value in names.items()]
    return subprocess.run([sys.executable, "-c", "\n".join([*lines, code])], check=True, capture_output=True, text=True).stdout


def times(model, image):
    runs = [list(map(float, python(TIMES, MODEL=model, IMAGE=image).split())) for _ in range(7)][2:]
    imported, first, network, with_numpy = (statistics.median(column) for column in zip(*runs))
    print(f"import: {1000 * imported:.0f} ms beside numpy's {1000 * with_numpy:.0f}; first label map: {1000 * first:.0f} ms beside "
          f"the networks' {1000 * network:.0f}")
    assert imported <= MOST_IMPORT and first <= MOST_FIRST


def peak(command):
    """MiB that a command held at most. The process that waits is a small one: a child begins with its parent's peak."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)")
    done = subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def nifti(voxels):
    """Bytes of an image (z,y,x) of float32, 1 mm, axes to the right, front and top."""
    z, y, x = voxels.shape
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, x, y, z, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 16, 32)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 0, 0, 0)
    struct.pack_into("<2f", header, 108, 352, 1)
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    header[123] = 2  # mm
    header[344:348] = b"n+1\0"
    return bytes(header) + voxels.tobytes()


def memory(model, program):
    import numpy
    random = numpy.random.default_rng(4)
    voxels = random.integers(0, 900, (300, 512, 512), numpy.int16).astype(numpy.float32)
    with tempfile.TemporaryDirectory() as folder:
        at = pathlib.Path(folder)
        numpy.save(at / "array.npy", voxels)
        (at / "image_0000.nii").write_bytes(nifti(voxels))
        subprocess.run(["gzip", "-1", at / "image_0000.nii"], check=True)
        array = voxels.nbytes / 2**20
        del voxels
        names = {"MODEL": model, "ARRAY": at / "array.npy", "LABELS": at / "ours.nii.gz"}
        code = "\n".join([*(f"{name} = {str(value)!r}" for name, value in names.items()), BY_ARRAY])
        ours = peak([sys.executable, "-c", code]) - array
        theirs = peak([program, "predict", "--model", model, "--input", at / "image_0000.nii.gz", "--output", at / "program.nii.gz",
                       "--overlap", 0, "--disable_tta"])
        same = python("import nnunet_native; p = nnunet_native.Predictor(); p.initialize_from_trained_model_folder(MODEL); "
                      "print((p.read_images(A)[0] == p.read_images(B)[0]).all())", MODEL=model, A=at / "ours.nii.gz",
                      B=at / "program.nii.gz").strip()
    print(f"memory, 512x512x300 float32: {ours:.0f} MiB beside the array's {array:.0f}, the program {theirs:.0f} MiB; labels are the "
          f"same: {same}")
    assert same == "True" and ours <= MOST_MEMORY * theirs


def cascade(models, images, program):
    import numpy
    import nnunet_native
    low, second = (next(pathlib.Path(models).glob(f"*_{name}")) for name in ("3d_lowres", "3d_cascade_fullres"))
    with tempfile.TemporaryDirectory() as folder:
        def by_program(model, to, *more):
            subprocess.run([program, "v2", "predict_from_modelfolder", "-i", images, "-o", f"{folder}/{to}", "-m", model, "-device",
                            "cpu", *more], check=True, capture_output=True)
        by_program(low, "low", "-f", "all")
        by_program(second, "second", "-f", "0", "-prev_stage_predictions", f"{folder}/low")
        first, then = nnunet_native.nnUNetPredictor(), nnunet_native.nnUNetPredictor()
        first.initialize_from_trained_model_folder(low, ("all",))
        then.initialize_from_trained_model_folder(second, (0,))
        files = sorted(pathlib.Path(images).iterdir())
        listed = then.predict_from_files([[file] for file in files], None, folder_with_segs_from_prev_stage=f"{folder}/low")
        for file, from_files in zip(files, listed):
            image, properties = first.read_images(file)
            previous = first.predict_single_npy_array(image, properties)
            labels = then.predict_single_npy_array(image, properties, previous[None])
            name = file.name.replace("_0000", "")
            wanted = then.read_images(f"{folder}/second/{name}")[0][0]
            assert numpy.array_equal(labels, wanted) and numpy.array_equal(from_files, wanted), name
            assert len(numpy.unique(labels)) > 1
    print(f"ok: a cascade's {len(files)} label maps are the program's")


def unmirrored(model):
    import numpy
    import nnunet_native
    image = numpy.random.default_rng(1).normal(0, 300, (20, 30, 30)).astype(numpy.int16)
    found = []
    for use_mirroring in (True, False):
        predictor = nnunet_native.nnUNetPredictor(use_mirroring=use_mirroring)
        predictor.initialize_from_trained_model_folder(model)
        found.append(predictor.predict_single_npy_array(image, {"spacing": predictor.info["spacing"]}))
    assert predictor.allowed_mirroring_axes == () and numpy.array_equal(*found)
    print("ok: a model without mirror images")


def study(model, image, folder):
    import numpy
    import dicom_files
    import nnunet_native
    predictor = nnunet_native.Predictor()
    predictor.initialize_from_trained_model_folder(model)
    voxels, properties = predictor.read_images(image)
    assert numpy.array_equal(voxels, numpy.round(voxels)) and abs(voxels).max() < 32768
    itk = properties["sitk_stuff"]
    direction = numpy.reshape(itk["direction"], (3, 3))
    assert numpy.allclose(numpy.cross(direction[:, 0], direction[:, 1]), direction[:, 2])
    dicom_files.write_series(folder, voxels[0], properties["spacing"], direction=direction[:, :2].T.ravel(), origin=itk["origin"])
    try:
        labels = predictor.predict_dicom(folder)
    except nnunet_native.Error as error:
        if "cannot be read here" not in str(error):
            raise
        return
    wanted = predictor.predict_single_npy_array(voxels, properties)
    assert numpy.array_equal(labels, wanted) and len(numpy.unique(labels)) > 1
    print("ok: a case as a DICOM series has the label map of its NIfTI")


def signatures():
    from nnunet_native import Predictor
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    ours_alone = inspect.Parameter.KEYWORD_ONLY
    checked = 0
    for name, theirs in inspect.getmembers(nnUNetPredictor, inspect.isfunction):
        if name.startswith("_") and name != "__init__":
            continue
        ours = [p for p in inspect.signature(getattr(Predictor, name)).parameters.values() if p.kind != ours_alone]
        wanted = list(inspect.signature(theirs).parameters.values())
        assert [p.name for p in ours] == [p.name for p in wanted], name
        for a, b in zip(ours, wanted):
            if b.default is not b.empty and a.name not in ("device", "num_processes", "num_processes_preprocessing",
                                                           "num_processes_segmentation_export"):
                assert a.default == b.default, f"{name}: {a.name}"
        checked += 1
    print(f"ok: {checked} methods have the parameters and defaults of nnunetv2's")


globals()[sys.argv[1]](*sys.argv[2:])
