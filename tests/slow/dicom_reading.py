"""DICOM as pydicom, highdicom and dcm2niix read it, and as `nnunet dicom` writes it, for dicom_reading.sh.

    wheels NNUNET WORK               what lies in pydicom's and nibabel's own packages
    volumes NNUNET WORK              series of several volumes, written here, beside dcm2niix
    ct NNUNET WORK SERIES            a real series, beside dcm2niix
    round_trip NNUNET WORK IMAGES MODEL   NIfTI -> DICOM by SimpleITK; label maps of both
    on_grid LABELS IMAGES            label maps lie where their images do
"""
import collections
import gzip
import pathlib
import shutil
import subprocess
import sys
import warnings

import nibabel
import numpy as np
import pydicom

from dicom_references import references

warnings.filterwarnings("ignore")
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"}  # decoders may round otherwise
NO_IMAGES = {"SEG", "RTDOSE", "RTIMAGE"}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"FAILED: {' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def item(dataset, *path):
    """A value in nested sequences' first items, else None."""
    for name in path[:-1]:
        sequence = dataset.get(name)
        if not sequence:
            return None
        dataset = sequence[0]
    return dataset.get(path[-1])


def planes_of(dataset, name):
    """(position, orientation, spacing, thickness, slope, intercept, stored values) of each frame, by pydicom alone."""
    pixels = dataset.pixel_array.astype(np.float64)
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    pixels = pixels.reshape((frames,) + pixels.shape[-2:])
    shared = item(dataset, "SharedFunctionalGroupsSequence", "PixelMeasuresSequence") is not None
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    planes = []
    for i in range(frames):
        def value(sequence, keyword):
            for source in ([groups[i]] if groups else []) + list(dataset.get("SharedFunctionalGroupsSequence") or []):
                found = item(source, sequence, keyword)
                if found is not None:
                    return found
            return None if shared or groups else dataset.get(keyword)
        planes.append((value("PlanePositionSequence", "ImagePositionPatient"), value("PlaneOrientationSequence", "ImageOrientationPatient"),
                       value("PixelMeasuresSequence", "PixelSpacing"),
                       value("PixelMeasuresSequence", "SpacingBetweenSlices") or value("PixelMeasuresSequence", "SliceThickness"),
                       float(value("PixelValueTransformationSequence", "RescaleSlope") or 1),
                       float(value("PixelValueTransformationSequence", "RescaleIntercept") or 0), pixels[i]))
    return planes


def volume_of(datasets):
    """Voxels (x,y,z) and affine (RAS+) of a series, or None where it is none; an independent reading of the standard."""
    planes = []
    for dataset in datasets:
        if dataset.get("Modality") in NO_IMAGES or "PixelData" not in dataset or dataset.get("SamplesPerPixel") != 1:
            return None
        if "LOCALIZER" in dataset.get("ImageType", []) or "MOSAIC" in dataset.get("ImageType", []):
            return None
        for position, orientation, spacing, thickness, slope, intercept, stored in planes_of(dataset, ""):
            if not position or not orientation or not spacing:
                return None
            padding = dataset.get("PixelPaddingValue")
            unmeasured = np.zeros(stored.shape, bool) if padding is None else stored == padding
            if dataset.PhotometricInterpretation == "MONOCHROME1":
                stored = (-1 if dataset.PixelRepresentation else 2 ** dataset.BitsStored - 1) - stored
            values = np.where(unmeasured, np.nan, stored * slope + intercept).astype(np.float32)
            planes.append((np.array(position, float), np.array(orientation, float), np.array(spacing, float), thickness, values))
    row, column = planes[0][1][:3], planes[0][1][3:]
    normal = np.cross(row, column)
    planes.sort(key=lambda plane: plane[0] @ normal)
    along = [plane[0] @ normal for plane in planes]
    if any(plane[4].shape != planes[0][4].shape or not np.allclose(plane[1], planes[0][1], atol=1e-3) for plane in planes):
        return None
    if len(planes) == 1:
        step = float(planes[0][3] or 1)
    else:
        gaps = np.diff(along)
        step = gaps.mean()
        if step < 1e-3 or np.abs(gaps - step).max() > 0.05 * step:
            return None
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * planes[0][2][1], column * planes[0][2][0]
    affine[:3, 2] = normal * step if len(planes) == 1 else (planes[-1][0] - planes[0][0]) / (len(planes) - 1)
    affine[:3, 3] = planes[0][0]
    voxels = np.stack([plane[4].T for plane in planes], -1)
    return np.where(np.isnan(voxels), np.nanmin(voxels), voxels), TO_RAS @ affine


def images_of(nnunet, source, folder):
    shutil.rmtree(folder, ignore_errors=True)
    done = run(nnunet, "dicom", source, "--output", folder, "--dicom_series", "all")
    return {file.name: nibabel.load(file) for file in sorted(folder.glob("*.nii.gz"))} if folder.exists() else {}, done


def compare(name, ours, expected, most=0.0):
    voxels, affine = expected
    got = ours.get_fdata(dtype=np.float32)
    if got.shape != voxels.shape:
        raise SystemExit(f"FAILED: {name} is {got.shape}, not {voxels.shape}")
    difference = np.abs(got - voxels).max()
    place = np.abs(ours.affine - affine).max()
    if difference > most or place > 1e-3:
        raise SystemExit(f"FAILED: {name}: voxels differ by {difference}, the affine by {place}\n{ours.affine}\n{affine}")


def highdicom_agrees(datasets, expected):
    """False where highdicom takes no such series."""
    import highdicom
    try:
        if len(datasets) > 1:
            volume = highdicom.get_volume_from_series(datasets, apply_real_world_transform=False)
        else:
            volume = highdicom.imread(datasets[0].filename).get_volume(apply_real_world_transform=False)
    except Exception:
        return False
    # Its axes are plane, row, column.
    array, affine = volume.array.astype(np.float32), TO_RAS @ volume.affine
    array, affine = array.transpose(2, 1, 0), affine[:, [2, 1, 0, 3]]
    if (affine[:3, 2] @ expected[1][:3, 2]) < 0:
        affine[:3, 3] += affine[:3, 2] * (array.shape[2] - 1)
        array, affine[:3, 2] = array[..., ::-1], -affine[:3, 2]
    if array.shape[2] == 1:  # it does not look how thick a single plane is
        affine[:3, 2] *= np.linalg.norm(expected[1][:3, 2]) / np.linalg.norm(affine[:3, 2])
    if np.abs(affine - expected[1]).max() > 1e-3:
        raise SystemExit(f"FAILED: highdicom's place of {datasets[0].filename}\n{affine}\n{expected[1]}")
    return True


def wheels(nnunet, work):
    work.mkdir(parents=True)
    files = sorted(pathlib.Path(pydicom.__file__).parent.glob("data/test_files/**/*"))
    for file in pathlib.Path(nibabel.__file__).parent.glob("nicom/tests/data/*dcm*"):
        copy = work / "nibabel" / file.name.removesuffix(".gz")
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())
        files.append(copy)
    counts = collections.Counter()
    series = collections.defaultdict(list)
    for file in (f for f in files if f.is_file()):
        try:
            dataset = pydicom.dcmread(file, force=True)
            syntax = dataset.file_meta.get("TransferSyntaxUID", "")
            expected = volume_of([dataset])
        except Exception as e:
            dataset, expected, syntax = None, None, type(e).__name__
        ours, done = images_of(nnunet, file, work / "images")
        name = str(file.relative_to(work) if file.is_relative_to(work) else file.name)
        if expected is not None and ours:
            compare(name, next(iter(ours.values())), expected, most=2.0 if syntax in LOSSY else 0.0)
            counts["the same"] += 1
            counts["the same as highdicom's"] += highdicom_agrees([dataset], expected)
            series[dataset.get("SeriesInstanceUID", ""), file.parent].append(dataset)
        elif expected is not None:
            print(f"refused: {name}: {done.stderr.strip().splitlines()[-1]}")
            counts["refused"] += 1
        elif ours:
            print(f"read by nnunet alone: {name} {syntax}")
            counts["read by nnunet alone"] += 1
        else:
            counts["no image for either"] += 1
    for (uid, folder), datasets in series.items():
        if len(datasets) < 3 or not uid or folder.name == "test_files":
            continue
        ours, done = images_of(nnunet, folder, work / "images")
        try:
            expected = volume_of(datasets)
        except Exception:
            expected = None
        if (expected is None) != (f"{uid}.nii.gz" not in ours):
            raise SystemExit(f"FAILED: series {uid} in {folder}: {done.stdout}{done.stderr}")
        parts = [image for name, image in ours.items() if name.startswith(f"{uid}-")]
        if parts:  # of several directions
            directions = collections.defaultdict(list)
            for dataset in datasets:
                directions[tuple(np.round(np.array(dataset.ImageOrientationPatient, float), 3))].append(dataset)
            if len(directions) != len(parts) or not all(is_one_of(part, map(as_image, directions.values())) for part in parts):
                raise SystemExit(f"FAILED: series {uid} in {folder} has {len(directions)} directions, and {len(parts)} parts")
            counts["series of several directions the same"] += 1
            counts["volumes of these"] += len(parts)
        if expected is not None:
            compare(uid, ours[f"{uid}.nii.gz"], expected)
            counts["series of several files the same"] += 1
            counts["the same as highdicom's"] += highdicom_agrees(datasets, expected)
    print(dict(counts))
    if counts["the same"] < 20:
        raise SystemExit("FAILED: hardly anything was compared")


def ct(nnunet, work, source):
    work.mkdir(parents=True)
    datasets = [pydicom.dcmread(file) for file in sorted(source.iterdir())]
    ours, done = images_of(nnunet, source, work / "images")
    if len(ours) != 1:
        raise SystemExit(f"FAILED: {done.stdout}{done.stderr}")
    image = next(iter(ours.values()))
    compare("CT", image, volume_of(datasets))
    (work / "dcm2niix").mkdir()
    if shutil.which("dcm2niix") is None:
        print("SKIPPED: no dcm2niix")
        return
    run("dcm2niix", "-z", "n", "-f", "ct", "-o", work / "dcm2niix", source)
    theirs = nibabel.as_closest_canonical(nibabel.load(next((work / "dcm2niix").glob("*.nii"))))
    mine = nibabel.as_closest_canonical(image)
    compare("CT by dcm2niix", mine, (theirs.get_fdata(dtype=np.float32), theirs.affine))
    print(f"CT: {image.shape}, the same as pydicom's and dcm2niix's")


SHAPE = 5, 12, 16  # planes, rows, columns
ROW, COLUMN = np.array([0.96, 0.28, 0.0]), np.array([0.0, 0.0, -1.0])  # oblique: no axis stands for another
SPACING, STEP = (1.5, 1.25), 3.0  # between rows, columns, planes


def plane(volume, k, row=ROW, column=COLUMN, modality="MR", **attributes):
    """An instance of a series of several volumes; its values are its own."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage if modality == "MR" else pydicom.uid.CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.2.1125.9.{volume + 1}.{k + 1}"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = (f"1.2.826.0.1.3680043.2.1125.{n}" for n in (7, 8, 6))
    d.PatientName, d.PatientID, d.PatientPosition, d.Manufacturer = "Doe^Jane", "1", "HFS", "none"
    d.StudyDate, d.StudyTime, d.SeriesNumber, d.InstanceNumber, d.Modality = "20230405", "101112", 4, volume * 100 + k + 1, modality
    d.ImageType, d.SliceThickness, d.SpacingBetweenSlices = ["ORIGINAL", "PRIMARY", "OTHER"], STEP, STEP
    d.ImageOrientationPatient = [f"{v:.6g}" for v in (*row, *column)]
    d.ImagePositionPatient = [f"{v:.6g}" for v in np.array([-20.0, 10.0, 30.0]) + k * STEP * np.cross(row, column)]
    d.PixelSpacing = list(SPACING)
    d.Rows, d.Columns = SHAPE[1:]
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 1, "MONOCHROME2", 1
    d.BitsAllocated, d.BitsStored, d.HighBit = 16, 16, 15
    d.RescaleSlope, d.RescaleIntercept = 2, -100
    d.PixelData = np.random.default_rng(1000 * volume + k).integers(-1000, 1000, SHAPE[1:]).astype(np.int16).tobytes()
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    return d


def made_series():
    """name -> instances of each volume, in the order of the parts, and what tells the second one apart."""
    def volumes(count, attributes, **common):
        return [[plane(v, k, **common, **attributes(v, k)) for k in range(SHAPE[0])] for v in range(count)]
    axes = np.eye(3)
    gradients = [[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]]
    yield "echoes", volumes(3, lambda v, k: {"EchoNumbers": v + 1, "EchoTime": 4.92 * (v + 1)}), "echo 2"
    yield "echo_times", volumes(2, lambda v, k: {"EchoTime": 4.92 * (v + 1)}), "echo time 9.84 ms"
    yield "time_points", volumes(4, lambda v, k: {"TemporalPositionIdentifier": v + 1, "NumberOfTemporalPositions": 4,
                                                  "AcquisitionTime": f"1011{12 + v:02}"}), "temporal position 2"
    yield "diffusion", volumes(3, lambda v, k: {"DiffusionBValue": 0.0 if v == 0 else 1000.0, "AcquisitionNumber": v + 1, **(
        {"DiffusionGradientOrientation": gradients[v - 1]} if v else {})}), "b-value 1000 s/mm2, gradient direction 0 0.6 0.8"
    yield "dixon", volumes(2, lambda v, k: {"ImageType": ["DERIVED", "PRIMARY", "DIXON", ("FAT", "WATER")[v]]}), "image type DERIVED\\PRIMARY\\DIXON\\WATER"
    yield "phases", volumes(2, lambda v, k: {"AcquisitionNumber": v + 1, "AcquisitionTime": f"10{11 + v}{12 + k:02}"}, modality="CT"), "acquisition 2"
    yield "cine", volumes(5, lambda v, k: {"TriggerTime": f"{v * 41.3 + k * 0.7:.4g}", "AcquisitionNumber": 1}), "time 2 by trigger time"
    yield "directions", [[plane(v, k, row=axes[a], column=sign * axes[b]) for k in range(SHAPE[0])]
                         for v, (a, b, sign) in enumerate(((1, 2, -1), (0, 2, -1), (0, 1, 1)))], "direction 2, coronal"


def enhanced_of(volumes):
    """An enhanced MR image with a frame for each instance."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence
    d = plane(0, 0)
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = pydicom.uid.EnhancedMRImageStorage
    d.Manufacturer = "Philips Medical Systems"  # of others dcm2niix 1.0.20220720 orders the frames in a way of its own
    def item(**attributes):
        dataset = Dataset()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        return Sequence([dataset])
    d.SharedFunctionalGroupsSequence = item(
        PlaneOrientationSequence=item(ImageOrientationPatient=d.ImageOrientationPatient),
        PixelMeasuresSequence=item(PixelSpacing=d.PixelSpacing, SliceThickness=STEP, SpacingBetweenSlices=STEP),
        PixelValueTransformationSequence=item(RescaleSlope=2, RescaleIntercept=-100, RescaleType="US"))
    d.DimensionOrganizationSequence = item(DimensionOrganizationUID="1.2.826.0.1.3680043.2.1125.5")
    d.DimensionIndexSequence = Sequence(item(DimensionOrganizationUID="1.2.826.0.1.3680043.2.1125.5", DimensionIndexPointer=pointer,
                                             FunctionalGroupPointer=0x00209111)[0] for pointer in (0x00209056, 0x00209128, 0x00209057))
    frames = [(v, k, volumes[v][k]) for k in range(SHAPE[0]) for v in range(len(volumes))]
    d.PerFrameFunctionalGroupsSequence = Sequence(item(
        FrameContentSequence=item(StackID="1", InStackPositionNumber=k + 1, TemporalPositionIndex=v + 1, DimensionIndexValues=[1, v + 1, k + 1]),
        PlanePositionSequence=item(ImagePositionPatient=frame.ImagePositionPatient))[0] for v, k, frame in frames)
    d.NumberOfFrames, d.PixelData = len(frames), b"".join(frame.PixelData for _, _, frame in frames)
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
                    "RescaleSlope", "RescaleIntercept"):
        delattr(d, keyword)
    return d


def by_dcm2niix(source, folder):
    """All volumes that dcm2niix makes of it, one each."""
    folder.mkdir(parents=True)
    run("dcm2niix", "-z", "n", "-m", "n", "-f", "%s_%e_%d_%r", "-o", folder, source)
    volumes = []
    for file in sorted(folder.glob("*.nii")):
        image = nibabel.load(file)
        volumes += [image] if image.ndim == 3 else nibabel.four_to_three(image)
    return [nibabel.as_closest_canonical(volume) for volume in volumes]


def as_image(datasets):
    voxels, affine = volume_of(datasets)
    return nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, affine))


def is_one_of(image, others):
    mine = nibabel.as_closest_canonical(image)
    voxels = mine.get_fdata(dtype=np.float32)
    return any(other.shape == mine.shape and np.abs(other.affine - mine.affine).max() < 1e-3 and
               np.array_equal(other.get_fdata(dtype=np.float32), voxels) for other in others)


def object_refers_to(nnunet, folder, work, name, own, others):
    """A segmentation of one part refers to its instances alone."""
    labels = work / "labels.nii.gz"
    image = nibabel.load(work / "images" / f"{name}.nii.gz")
    nibabel.save(nibabel.Nifti1Image((image.get_fdata() > 0).astype(np.uint8), image.affine), labels)
    done = run(nnunet, "dicom-seg", "--labels", labels, "--series", folder, "--dicom_series", name, "--output", work / "seg.dcm", "--overwrite")
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {done.stdout}{done.stderr}")
    named = set(references(pydicom.dcmread(work / "seg.dcm")))
    if not own <= named or named & others:
        raise SystemExit(f"FAILED: the object of {name} refers to {sorted(named)}")


def volumes(nnunet, work):
    peers = shutil.which("dcm2niix") is not None
    if not peers:
        print("SKIPPED: no dcm2niix")
    for kind, parts, apart in made_series():
        sources = {"classic": [d for part in parts for d in part]}
        if kind == "time_points":
            sources["enhanced"] = [enhanced_of(parts)]
        for form, instances in sources.items():
            folder, name = work / kind / form, f"{kind} ({form})"
            folder.mkdir(parents=True)
            for d in instances:
                d.save_as(folder / f"{hash(d.SOPInstanceUID) % 10**9}.dcm", enforce_file_format=True)  # in no order
            listed = run(nnunet, "dicom", folder).stdout
            ours, done = images_of(nnunet, folder, work / kind / "images")
            if len(ours) != len(parts) or apart not in listed:
                raise SystemExit(f"FAILED: {name} has {len(parts)} volumes: {listed}{done.stdout}{done.stderr}")
            names = [f"{instances[0].SeriesInstanceUID}-{i + 1}" for i in range(len(parts))]
            for one, part in zip(names, parts):
                compare(f"{name} {one}", ours[f"{one}.nii.gz"], volume_of(part))
            own = {d.SOPInstanceUID for d in (parts[1] if form == "classic" else instances)}
            object_refers_to(nnunet, folder, work / kind, names[1], own, {d.SOPInstanceUID for d in instances} - own)
            theirs = by_dcm2niix(folder, work / kind / f"dcm2niix_{form}") if peers else []
            same = sum(is_one_of(image, theirs) for image in ours.values())
            print(f"{name}: {len(parts)} volumes as pydicom has them; dcm2niix makes {len(theirs)} volumes, {same} of ours among them")
            if peers and len(theirs) == len(parts) and same != len(parts):
                raise SystemExit("FAILED: dcm2niix parts it, too, but into others")


def write_series(file, folder):
    """As SimpleITK's example of writing a series does."""
    import SimpleITK as sitk
    image = sitk.ReadImage(str(file))
    array = sitk.GetArrayFromImage(image)
    whole = sitk.GetImageFromArray(np.round(array).astype(np.int16))
    whole.CopyInformation(image)
    folder.mkdir(parents=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = image.GetDirection()
    series = "1.2.826.0.1.3680043.2.1125." + str(abs(hash(file.name)) % 10**12)
    for z in range(whole.GetDepth()):
        plane = whole[:, :, z]
        tags = {"0008|0060": "MR", "0020|000e": series, "0020|000d": series + ".1", "0020|0052": series + ".2",
                "0008|0018": f"{series}.3.{z + 1}", "0018|0050": str(image.GetSpacing()[2]), "0020|0013": str(z),
                "0020|0032": "\\".join(map(str, whole.TransformIndexToPhysicalPoint((0, 0, z)))),
                "0020|0037": "\\".join(map(str, (direction[0], direction[3], direction[6], direction[1], direction[4], direction[7])))}
        for tag, value in tags.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{z:03}.dcm"))
        writer.Execute(plane)
    return series, whole


def round_trip(nnunet, work, images, model):
    import SimpleITK as sitk
    voxels = 0
    files = sorted(f for f in images.glob("*.nii.gz") if not f.name.startswith("."))[:5]
    for file in files:
        series, whole = write_series(file, work / "dicom" / file.name)
        nifti = work / "nifti" / f"{file.name.removesuffix('.nii.gz')}_0000.nii.gz"
        nifti.parent.mkdir(exist_ok=True)
        sitk.WriteImage(whole, str(nifti))
        for source, output in ((nifti, work / "from_nifti.nii.gz"), (work / "dicom" / file.name, work / "from_dicom.nii.gz")):
            output.unlink(missing_ok=True)
            done = run(nnunet, "predict", "--model", model, "--input", source, "--output", output, "--gpus", 0, "--overwrite")
            if done.returncode != 0:
                raise SystemExit(f"FAILED: {done.stdout}{done.stderr}")
        a, b = nibabel.load(work / "from_nifti.nii.gz"), nibabel.load(work / "from_dicom.nii.gz")
        if not np.array_equal(a.get_fdata(), b.get_fdata()) or np.abs(a.affine - b.affine).max() > 1e-4:
            raise SystemExit(f"FAILED: {file.name}: label maps from NIfTI and DICOM differ in {(a.get_fdata() != b.get_fdata()).sum()} voxels")
        voxels += int((b.get_fdata() > 0).sum())
    print(f"round trip with {model.name}: {len(files)} label maps are the same, {voxels} voxels of foreground")


def on_grid(labels, images):
    for file in labels.glob("*.nii.gz"):
        label, image = nibabel.load(file), nibabel.load(images / file.name)
        if label.shape != image.shape or np.abs(label.affine - image.affine).max() > 1e-5:
            raise SystemExit(f"FAILED: {file.name} does not lie where its image does")
        print(f"{file.name}: labels {np.unique(label.get_fdata()).astype(int).tolist()} on the series' grid")


if __name__ == "__main__":
    arguments = [pathlib.Path(argument) for argument in sys.argv[2:]]
    {"wheels": wheels, "volumes": volumes, "ct": ct, "round_trip": round_trip, "on_grid": on_grid}[sys.argv[1]](*arguments)
