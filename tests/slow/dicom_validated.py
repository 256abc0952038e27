"""DICOM objects that nnunet wrote (FOLDER/*/*.dcm), as dicom-validator sees them: see dicom_writing.sh. It has to find nothing in them, and
each damage that is done to copies.

  dicom_validated.py FOLDER TABLES    TABLES is made, and holds the standard's tables then; FOLDER/coded has the objects that are copied
"""
import copy
import logging
import pathlib
import sys

import pydicom
from dicom_validator.spec_reader.edition_reader import EditionReader
from dicom_validator.validator.error_handler import NullValidationResultHandler
from dicom_validator.validator.iod_validator import IODValidator
from dicom_validator.validator.validation_result import ErrorCode, Status
from pydicom.data import get_testdata_file
from pydicom.datadict import keyword_for_tag

from dicom_standard_tables import EDITION, write_tables
from dicom_writing import made_by_highdicom

MISSING, EMPTY, WRONG = ErrorCode.TagMissing, ErrorCode.TagEmpty, ErrorCode.EnumValueNotAllowed
ALIEN, KIND, PLACE = ErrorCode.TagUnexpected, ErrorCode.InvalidValue, ErrorCode.TagNotAllowed
REMOVED = object()

# An attribute (of the first item of each sequence), what becomes of it, what has to be found, and where, if not in the attribute itself.
ANY = [
    ("StudyInstanceUID", REMOVED, MISSING),
    ("PatientID", REMOVED, MISSING),
    ("Modality", "", EMPTY),
    ("Modality", "OTHER", WRONG),
    ("PatientSex", "X", WRONG),
    ("StudyDate", "yesterday", KIND),
    ("EchoTime", "1", ALIEN),
    ("DeidentificationMethod", REMOVED, MISSING),  # of type 1C
]
SEGMENT, SHARED, FRAME = "SegmentSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
SEGMENTATION = [
    ("SegmentationType", REMOVED, MISSING),
    ("SegmentationType", "OTHER", WRONG),
    ("Manufacturer", "", EMPTY),
    ("HighBit", 3, WRONG),
    ("DimensionIndexSequence", REMOVED, MISSING),  # of type 1C
    (f"{SEGMENT}.SegmentLabel", REMOVED, MISSING),
    (f"{SEGMENT}.SegmentLabel", "", EMPTY),
    (f"{SEGMENT}.SegmentAlgorithmType", "OTHER", WRONG),
    (f"{SEGMENT}.SegmentAlgorithmName", REMOVED, MISSING),  # of type 1C, as are the next three
    (f"{SEGMENT}.TrackingID", "1", MISSING, f"{SEGMENT}.TrackingUID"),
    (f"{SEGMENT}.SegmentedPropertyTypeCodeSequence.CodingSchemeDesignator", REMOVED, MISSING),
    (f"{FRAME}.FrameContentSequence.DimensionIndexValues", REMOVED, MISSING),
    (f"{SEGMENT}.EchoTime", "1", ALIEN),
    (f"{SHARED}.PixelMeasuresSequence.EchoTime", "1", ALIEN),
    (f"{SHARED}.FrameContentSequence", [pydicom.Dataset()], PLACE),
    (f"{FRAME}.FrameContentSequence", REMOVED, MISSING),
]
NUMBER = "SegmentIdentificationSequence"
DAMAGES = {
    "BINARY": [*ANY, *SEGMENTATION, ("BitsAllocated", 8, WRONG), (f"{FRAME}.{NUMBER}", REMOVED, MISSING, f"{SHARED}.{NUMBER}")],
    "LABELMAP": [*ANY, *SEGMENTATION, ("BitsAllocated", 1, WRONG), ("SegmentsOverlap", "YES", WRONG)],
    "RTSTRUCT": [
        *ANY,
        ("StructureSetLabel", REMOVED, MISSING),
        ("StructureSetLabel", "", EMPTY),
        ("StructureSetROISequence.ROINumber", REMOVED, MISSING),
        ("ROIContourSequence.ContourSequence.ContourGeometricType", REMOVED, MISSING),
        ("ROIContourSequence.ContourSequence.ContourGeometricType", "OTHER", WRONG),
        ("ROIContourSequence.ContourSequence.ContourImageSequence.ReferencedSOPInstanceUID", "", EMPTY),
        ("ROIContourSequence.ContourSequence.EchoTime", "1", ALIEN),
        ("RTROIObservationsSequence.ReferencedROINumber", REMOVED, MISSING),
        ("StructureSetROISequence.ROIDerivationAlgorithmIdentificationSequence.AlgorithmFamilyCodeSequence.CodingSchemeDesignator",
         REMOVED, MISSING),  # of type 1C
    ],
}


def reports(dataset, standard):
    """What dicom-validator finds, each as the attribute's path and what is wrong with it."""
    result = IODValidator(dataset, standard, error_handler=NullValidationResultHandler()).validate()
    if result.status not in (Status.Passed, Status.Failed):
        raise SystemExit(f"FAILED: dicom-validator does not know what to make of {dataset.SOPClassUID}: {result.status}")
    return {(".".join(keyword_for_tag(part) or str(part) for part in (*(tag.parents or ()), tag.tag)), error.code)
            for errors in result.module_errors.values() for tag, error in errors.items()}


def damaged(dataset, path, value):
    result = copy.deepcopy(dataset)
    *sequences, keyword = path.split(".")
    item = result
    for sequence in sequences:
        item = item[sequence].value[0]
    if value is REMOVED:
        delattr(item, keyword)
    else:
        setattr(item, keyword, value)
    return result


def kind_of(dataset):
    return dataset.get("SegmentationType", dataset.Modality)


def lines(found):
    return "".join(f"\n  {path}: {code.name}" for path, code in sorted(found, key=str)) or " nothing"


def check(file, standard):
    dataset = pydicom.dcmread(file)
    found = reports(dataset, standard)
    print(f"{file.parent.name} {file.name}:{lines(found)}")
    return not found


def check_damages(dataset, standard):
    """Not by the number of reports, but by the one of the very damage."""
    done = DAMAGES[kind_of(dataset)]
    missed = []
    for path, value, code, *place in done:
        if (*(place or [path]), code) not in reports(damaged(dataset, path, value), standard):
            missed.append(f"{path} {'removed' if value is REMOVED else f'with {value!r}'}: no {code.name} of {(place or [path])[0]}")
    print(f"{kind_of(dataset)}: {len(done) - len(missed)} of {len(done)} damages found", *missed, sep="\n  ", flush=True)
    return not missed


def of_others(case):
    """Objects that are not ours, to tell whether the tables are right. Of pydicom's is known that an attribute of type 1 is missing, and that three
    belong to no module (any more)."""
    for kind in ("BINARY", "LABELMAP"):
        yield f"highdicom's {kind}", made_by_highdicom(case, kind)
    yield "pydicom's structure set", pydicom.dcmread(get_testdata_file("rtstruct.dcm"), force=True)


def main(folder, tables):
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # dicom-validator says it
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    logging.getLogger().addHandler(logging.NullHandler())
    write_tables(tables)
    standard = EditionReader(tables).dicom_info_for_edition(EDITION)
    for name, dataset in of_others(folder / "hippocampus"):
        print(f"{name}:{lines(reports(dataset, standard))}")
    files = sorted(folder.glob("*/*.dcm"))
    fine = [check(file, standard) for file in files]
    fine += [check_damages(pydicom.dcmread(folder / "coded" / f"{name}.dcm"), standard) for name in ("binary", "labelmap", "rtstruct")]
    if not all(fine):
        raise SystemExit("FAILED: dicom-validator finds something in objects, or does not find what was damaged")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
