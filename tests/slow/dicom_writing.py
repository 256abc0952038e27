"""Series made of NIfTI images, and DICOM objects that nnunet dicom-seg wrote of them, read by others: see dicom_writing.sh.

  make FOLDER DATA      three series with label maps, and one of them as a multi-frame instance
  standard FOLDER       their attributes, and the standard's tables
  compare FOLDER        what is read, and the label maps
  same FILE FOLDER      a file in the folder is the same object
  archived FILE SERIES ORTHANC   so is one in the archive, beside the instances that it refers to
"""
import io
import json
import pathlib
import subprocess
import sys
import unicodedata
import urllib.request

import nibabel
import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from dicom_references import references

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_series(folder, image, modality):
    """Single-frame instances; the patient's name in another character set than the labels'."""
    folder.mkdir()
    affine = LPS @ image.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    voxels = np.asanyarray(image.dataobj).astype(np.int16)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for k in range(voxels.shape[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d = FileDataset(str(folder / f"{k:04}.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
        d.SpecificCharacterSet = "ISO_IR 100"
        d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, frame
        d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "Müller^Jörg", "17", "19560728", "M"
        d.StudyDate, d.StudyTime, d.StudyID, d.AccessionNumber = "20230405", "101112", "1", "9"
        d.ReferringPhysicianName, d.PositionReferenceIndicator = "", ""
        d.Modality, d.SeriesNumber, d.InstanceNumber, d.Manufacturer = modality, 3, k + 1, "none"
        d.PatientPosition = "HFS"
        d.ImagePositionPatient = [f"{v:.10g}" for v in affine[:3, 3] + k * affine[:3, 2]]
        d.ImageOrientationPatient = [f"{v:.10g}" for v in [*(affine[:3, 0] / spacing[0]), *(affine[:3, 1] / spacing[1])]]
        d.PixelSpacing = [f"{spacing[1]:.10g}", f"{spacing[0]:.10g}"]
        d.SliceThickness = f"{spacing[2]:.10g}"
        d.Rows, d.Columns = voxels.shape[1], voxels.shape[0]
        d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 1, "MONOCHROME2", 1
        d.BitsAllocated, d.BitsStored, d.HighBit = 16, 16, 15
        d.RescaleIntercept, d.RescaleSlope = 0, 1
        d.PixelData = np.ascontiguousarray(voxels[:, :, k].T).tobytes()
        d.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)


def write_enhanced(path, series):
    """Instances as frames of one, which was compressed with losses once."""
    import highdicom

    sources = [pydicom.dcmread(f) for f in sorted(series.iterdir())]
    for d in sources:  # what a scanner would say, too
        d.ImageType, d.ScanningSequence, d.SequenceVariant, d.ScanOptions = ["ORIGINAL", "PRIMARY", "AXIAL"], "SE", "NONE", ""
        d.InstitutionName, d.StudyDescription, d.PatientAge, d.WindowCenter, d.WindowWidth = "none", "none", "", 500, 1000
    path.parent.mkdir(parents=True)
    enhanced = highdicom.legacy.LegacyConvertedEnhancedMRImage(sources, generate_uid(), 1, generate_uid(), 1)
    enhanced.LossyImageCompression, enhanced.LossyImageCompressionRatio, enhanced.LossyImageCompressionMethod = "01", 10, "ISO_10918_1"
    enhanced.save_as(path)


def shells(image):
    """Labels with holes, islands and corners that touch, from grey values."""
    grey = np.asanyarray(image.dataobj).astype(float)
    cuts = np.quantile(grey[grey > grey.min()], [0.5, 0.75, 0.93])
    return np.digitize(grey, cuts).astype(np.uint8)


def square(image):
    """Slices as wide as they are high, since rt-utils mixes up rows and columns of others."""
    voxels = np.asanyarray(image.dataobj)
    side = max(voxels.shape[:2])
    return nibabel.Nifti1Image(np.pad(voxels, [(0, side - n) for n in voxels.shape[:2]] + [(0, 0)]), image.affine)


def make(folder, data):
    cases = {
        "hippocampus": ("Task04_Hippocampus/imagesTr/hippocampus_001.nii.gz", "Task04_Hippocampus/labelsTr/hippocampus_001.nii.gz", "MR"),
        "body": ("ct/example_ct_sm.nii.gz", "ct/example_seg.nii.gz", "CT"),
        "oblique": ("ct/CT_pitch.nii.gz", None, "CT"),
    }
    for name, (image, labels, modality) in cases.items():
        case = folder / name
        case.mkdir()
        image = square(nibabel.load(data / image))
        write_series(case / "series", image, modality)
        voxels = shells(image) if labels is None else np.asanyarray(square(nibabel.load(data / labels)).dataobj).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(voxels, image.affine), case / "labels.nii.gz")
        names = {1: "hippocampus", 2: "Läsion"} if name == "hippocampus" else {}
        table = {str(v): names.get(v, f"label {v}") for v in np.unique(voxels) if v != 0}
        (case / "labels.json").write_text(json.dumps(table), encoding="utf-8")
    write_enhanced(folder / "coded" / "source" / "enhanced.dcm", folder / "hippocampus" / "series")


def on_grid(path, like):
    """A label map's voxels on the axes of another one, which differ in order and direction alone."""
    image = nibabel.load(path)
    turned = nibabel.orientations.ornt_transform(
        nibabel.orientations.io_orientation(image.affine), nibabel.orientations.io_orientation(like.affine))
    turned = image.as_reoriented(turned)
    assert turned.shape == like.shape and np.abs(turned.affine - like.affine).max() < 1e-2, path
    return np.asanyarray(turned.dataobj)


def ours(case, kind):
    return case / f"{kind}.dcm"


def truth(case, kind):
    """BINARY counts segments without gaps, LABELMAP has the labels' values."""
    image = nibabel.load(case / "labels.nii.gz")
    labels = np.asanyarray(image.dataobj).astype(int)
    values = [v for v in np.unique(labels) if v != 0]
    if kind == "labelmap":
        return image, labels
    return image, np.select([labels == v for v in values], range(1, len(values) + 1))


def read_by_highdicom(case, kind, numbers=None):
    """numbers: as of which kind segments are numbered, where that is not its own."""
    import highdicom

    seg = highdicom.seg.segread(ours(case, kind))
    image, expected = truth(case, numbers or kind)
    volume = seg.get_volume(combine_segments=True, relabel=False)
    affine = LPS @ volume.affine @ np.eye(4)
    got = nibabel.Nifti1Image(np.asarray(volume.array).astype(np.int16), affine)
    whole = np.zeros(expected.shape, int)
    # A volume without the empty planes at its ends: each voxel by its place.
    index = np.argwhere(got.get_fdata() != 0)
    places = np.linalg.inv(image.affine) @ affine @ np.c_[index, np.ones(len(index))].T
    places = np.rint(places[:3]).astype(int)
    whole[tuple(places)] = np.asarray(volume.array)[tuple(index.T)]
    assert (whole == expected).all(), f"{case.name} {kind}: highdicom reads other labels"


def read_by_dcmqi(case, kind, tool):
    image, expected = truth(case, kind)
    folder = case / f"dcmqi_{kind}"
    folder.mkdir()
    subprocess.run([tool, "--inputDICOM", ours(case, kind), "--outputDirectory", folder, "-t", "nii", "-p", "s"], check=True,
                   capture_output=True)
    described = json.loads(next(folder.glob("s*-meta.json")).read_text())
    whole = np.zeros(expected.shape, int)
    for path in sorted(folder.glob("s-*.nii*")):
        part = nibabel.load(path)
        index = np.argwhere(np.asanyarray(part.dataobj) != 0)
        places = np.rint((np.linalg.inv(image.affine) @ part.affine @ np.c_[index, np.ones(len(index))].T)[:3]).astype(int)
        values = np.asanyarray(part.dataobj)[tuple(index.T)].astype(int)
        whole[tuple(places)] = values
    assert (whole == expected).all(), f"{case.name} {kind}: dcmqi reads other labels"
    return described


def ascii_name(name):
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace(" ", "-")


def read_by_dcmrtstruct2nii(case):
    pydicom.read_file = pydicom.dcmread  # the name that dcmrtstruct2nii 5 knows
    from dcmrtstruct2nii import dcmrtstruct2nii

    image = nibabel.load(case / "labels.nii.gz")
    labels = np.asanyarray(image.dataobj).astype(int)
    folder = case / "rt"
    dcmrtstruct2nii(str(ours(case, "rtstruct")), str(case / "series"), str(folder), convert_original_dicom=False)
    table = json.loads((case / "labels.json").read_text(encoding="utf-8"))
    worst = 1.0
    for value, name in table.items():
        file = folder / f"mask_{ascii_name(name)}.nii.gz"
        mask, label = on_grid(file, image) > 0, labels == int(value)
        worst = min(worst, 2 * (mask & label).sum() / (mask.sum() + label.sum()))
    return worst


def read_by_rt_utils(case):
    from rt_utils import RTStructBuilder

    structures = RTStructBuilder.create_from(str(case / "series"), str(ours(case, "rtstruct")))
    image = nibabel.load(case / "labels.nii.gz")
    labels = np.asanyarray(image.dataobj).astype(int)
    slices = [pydicom.dcmread(f, stop_before_pixels=True) for f in sorted((case / "series").iterdir())]
    place = [np.dot(np.cross(s.ImageOrientationPatient[:3], s.ImageOrientationPatient[3:]), s.ImagePositionPatient) for s in slices]
    worst = 1.0
    for value, name in json.loads((case / "labels.json").read_text(encoding="utf-8")).items():
        mask = structures.get_roi_mask_by_name(name)  # rows, columns, slices along their normal
        label = (labels == int(value)).transpose(1, 0, 2)[:, :, np.argsort(place)]
        worst = min(worst, 2 * (mask & label).sum() / (mask.sum() + label.sum()))
    return worst


def made_by_highdicom(case, kind):
    """A segmentation of the same series, with one segment."""
    import highdicom

    sources = [pydicom.dcmread(f) for f in sorted((case / "series").iterdir())]
    _, labels = truth(case, "labelmap")
    codes = highdicom.sr.CodedConcept("85756007", "SCT", "Tissue")
    description = highdicom.seg.SegmentDescription(
        1, "x", codes, codes, highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        highdicom.AlgorithmIdentificationSequence("n", highdicom.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"), "1"))
    return highdicom.seg.Segmentation(
        sources, (labels > 0).astype(np.uint8).transpose(2, 1, 0), kind, [description], generate_uid(), 1, generate_uid(), 1,
        "m", "m", "1", "1")


def same_attributes_as_highdicom(case):
    """What highdicom finds necessary in a LABELMAP of the same series is in ours."""
    theirs = made_by_highdicom(case, "LABELMAP")
    mine = pydicom.dcmread(ours(case, "labelmap"))

    def missing(a, b, path=""):
        for element in a:
            if element.tag.is_private:
                continue
            if element.tag not in b:
                yield path + (element.keyword or str(element.tag))
            elif element.VR == "SQ" and len(element.value) > 0:
                if len(b[element.tag].value) == 0:
                    yield path + element.keyword + " (empty)"
                else:
                    yield from missing(element.value[0], b[element.tag].value[0], path + element.keyword + ".")

    return sorted(set(missing(theirs, mine)))


# Modules that a segmentation and a structure set of a series have beside the mandatory ones.
ALSO = {"segmentation": {"frame-of-reference", "common-instance-reference"}, "rt-structure-set": {"frame-of-reference"}}


def macros_of(dataset):
    """What PS3.3 table A.51-2 asks for of a segmentation in the patient's coordinates: each group in the shared ones or in those of
    every frame, not in both."""
    if "SharedFunctionalGroupsSequence" not in dataset:
        return
    shared, frames = dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence
    groups = ["FrameContent", "PixelMeasures", "PlanePosition", "PlaneOrientation", "DerivationImage"]
    if dataset.SegmentationType != "LABELMAP":
        groups.append("SegmentIdentification")
    for group in groups:
        keyword, of_frames = f"{group}Sequence", sum(f"{group}Sequence" in frame for frame in frames)
        if (keyword in shared) + (of_frames == len(frames)) != 1 or of_frames not in (0, len(frames)):
            yield f"{keyword}: in the groups of {of_frames} of {len(frames)} frames, {'also' if keyword in shared else 'not'} in the shared ones"
    if "FrameContentSequence" in shared:
        yield "FrameContentSequence is in the shared groups"
    if len(frames) != dataset.NumberOfFrames:
        yield f"{dataset.NumberOfFrames} frames have {len(frames)} groups"


def against_the_standard(file):
    """What PS3.3's tables, which highdicom comes with, say against an object, at any depth: attributes of type 1 that are not there
    or empty, of type 2 that are not there, and what belongs to no module of its kind."""
    import highdicom

    tables = pathlib.Path(highdicom.__file__).parent / "_standard"
    sop_classes, modules_of, attributes_of = (json.loads((tables / f"{name}.json").read_text(encoding="utf-8"))
                                              for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map"))
    dataset = pydicom.dcmread(file)
    kind = sop_classes[dataset.SOPClassUID]
    allowed, needed = {}, {}
    for module in modules_of[kind]:
        mandatory = module["usage"] == "M" or module["key"] in ALSO[kind]
        for attribute in attributes_of[module["key"]]:
            path = tuple(attribute["path"])
            allowed.setdefault(path, set()).add(attribute["keyword"])
            if (mandatory or path) and attribute["type"] in ("1", "2"):  # below a sequence that is there all is needed
                needed.setdefault(path, {})[attribute["keyword"]] = min(attribute["type"], needed.get(path, {}).get(attribute["keyword"], "2"))
    checked = set()
    # A group is needed once, of all frames or of each: see macros_of.
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        needed.pop((groups,), None)

    def walk(item, path):
        for keyword, strength in needed.get(path, {}).items():
            checked.add((path, keyword))
            if keyword not in item:
                yield f"{'.'.join((*path, keyword))} (type {strength}) is missing"
            elif strength == "1" and item[keyword].is_empty:
                yield f"{'.'.join((*path, keyword))} (type 1) is empty"
        for element in item:
            if element.keyword not in allowed.get(path, ()):
                yield f"{'.'.join((*path, element.keyword or str(element.tag)))} belongs to no module"
            elif element.VR == "SQ":
                for inner in element.value:
                    yield from walk(inner, (*path, element.keyword))

    problems = sorted({*walk(dataset, ()), *macros_of(dataset)})
    return kind, len(checked), problems


def standard(folder):
    failed = False
    for case in sorted(p for p in folder.iterdir() if p.is_dir()):
        for name in ("binary", "labelmap", "rtstruct"):
            kind, checked, problems = against_the_standard(ours(case, name))
            print(f"{case.name} {name}: {kind}, {checked} attributes of types 1 and 2 asked for, {len(problems)} problems")
            for problem in problems:
                print("  ", problem)
            failed = failed or bool(problems)
    if failed:
        raise SystemExit("FAILED: objects are not as the standard's tables say")


def compare(folder, tools):
    for case in sorted(p.parent for p in folder.glob("*/series")):
        described = None
        for kind in ("binary", "labelmap"):
            read_by_highdicom(case, kind)
            described = read_by_dcmqi(case, kind, tools / "segimage2itkimage")
        dice = read_by_dcmrtstruct2nii(case), read_by_rt_utils(case)
        assert min(dice) >= 0.98, f"{case.name}: Dice of the structure set {dice}"
        print(f"{case.name}: highdicom and dcmqi read the same labels (BINARY, LABELMAP); "
              f"least Dice of the structure set: dcmrtstruct2nii {dice[0]:.4f}, rt-utils {dice[1]:.4f}")
        if case.name == "hippocampus":
            names = [s["SegmentLabel"] for group in described["segmentAttributes"] for s in group]
            print("  labels:", names)
        missing = same_attributes_as_highdicom(case)
        print("  attributes that highdicom writes in a LABELMAP and we do not:", missing or "none")


def ask(url, body=None):
    with urllib.request.urlopen(url, data=body) as answer:
        return answer.read()


def archived(file, series, orthanc):
    sent = pydicom.dcmread(file)
    found = json.loads(ask(f"{orthanc}/tools/lookup", sent.SOPInstanceUID.encode()))
    assert len(found) == 1, f"{file} is in the archive {len(found)} times"
    assert pydicom.dcmread(io.BytesIO(ask(f"{orthanc}/instances/{found[0]['ID']}/file"))) == sent
    assert len(json.loads(ask(f"{orthanc}/studies"))) == 1, "an object became a study of its own"
    sources = {pydicom.dcmread(f).SOPInstanceUID for f in series.iterdir()}
    assert sources <= set(references(sent)), f"{file} does not refer to all of its series"
    for uid in set(references(sent)) - {sent.StudyInstanceUID}:
        assert len(json.loads(ask(f"{orthanc}/tools/lookup", uid.encode()))) == 1, f"{file} refers to what is not there"


def same(file, folder):
    sent = pydicom.dcmread(file)
    got = [d for d in map(pydicom.dcmread, folder.iterdir()) if d.SOPInstanceUID == sent.SOPInstanceUID]
    assert len(got) == 1, f"{file} came {len(got)} times"
    assert got[0] == sent, f"{file} arrived changed"


if __name__ == "__main__":
    if sys.argv[1] == "same":
        same(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    elif sys.argv[1] == "archived":
        archived(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4])
    elif sys.argv[1] == "predicted":
        for kind in ("binary", "labelmap"):
            read_by_highdicom(pathlib.Path(sys.argv[2]), kind, "labelmap")  # all names have a segment: no gaps
    elif sys.argv[1] == "standard":
        standard(pathlib.Path(sys.argv[2]))
    elif sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        compare(pathlib.Path(sys.argv[2]), pathlib.Path(sys.executable).parent)
