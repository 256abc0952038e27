"""Callers, an archive and comparisons for dicom_node.sh.

  series SOURCE FOLDER SERIES     the files of a series, as another one: SERIES is the last part of its UID
  store HOST:PORT FOLDER          sends a folder's files (pynetdicom); fails unless each is taken
  archive PORT FOLDER SECONDS     takes objects; answers after so many seconds
  labels OBJECT EXPECTED          two segmentations say the same of the same instances
"""
import pathlib
import sys
import time

import numpy as np
import pydicom
from pydicom.uid import CTImageStorage

ROOT = "1.2.826.0.1.3680043.10.1"


def series(source, folder, number):
    """Also fills UIDs that are empty, which C-STORE cannot do without."""
    folder.mkdir(parents=True)
    for k, path in enumerate(sorted(source.iterdir())):
        d = pydicom.dcmread(path, force=True)
        d.SOPClassUID = d.file_meta.get("MediaStorageSOPClassUID") or d.get("SOPClassUID") or CTImageStorage
        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.{number}.{k + 1}"
        d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID
        d.SeriesInstanceUID = f"{ROOT}.{number}"
        d.StudyInstanceUID, d.FrameOfReferenceUID = f"{ROOT}.0.1", f"{ROOT}.0.2"
        d.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)


def store(address, folder):
    from pynetdicom import AE

    host, port = address.split(":")
    files = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    ae = AE(ae_title="PYTHON")
    for kind in {(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in files}:
        ae.add_requested_context(*kind)
    association = ae.associate(host, int(port), ae_title="NNUNET")
    assert association.is_established, "no association"
    for d in files:
        status = association.send_c_store(d)
        assert status and status.Status == 0, f"not taken: {status}"
    association.release()


def archive(port, folder, seconds):
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import SegmentationStorage

    def take(event):
        d = event.dataset
        d.file_meta = event.file_meta
        count = len(list(folder.iterdir()))
        d.save_as(folder / f"{count:03}.dcm", enforce_file_format=True)
        time.sleep(seconds)
        return 0

    ae = AE(ae_title="PACS")
    ae.add_supported_context(SegmentationStorage)
    ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, take)])


def said(path):
    """What a segmentation says: planes by the instances they refer to, and segments; voxels as they are packed."""
    d = pydicom.dcmread(path)
    planes = []
    for group in d.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        planes.append((source, int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)))
    names = [s.SegmentLabel for s in d.SegmentSequence]
    return d, planes, names, bytes(d.PixelData)


def labels(path, expected):
    ours, theirs = said(path), said(expected)
    assert ours[1:] == theirs[1:], f"{path} says something else than {expected}"
    assert np.frombuffer(ours[3], np.uint8).any(), "no label at all"
    assert ours[0].SeriesInstanceUID != theirs[0].SeriesInstanceUID and "not a medical device" in ours[0].SeriesDescription


if __name__ == "__main__":
    name, *words = sys.argv[1:]
    if name == "series":
        series(pathlib.Path(words[0]), pathlib.Path(words[1]), words[2])
    elif name == "store":
        store(words[0], pathlib.Path(words[1]))
    elif name == "archive":
        archive(int(words[0]), pathlib.Path(words[1]), float(words[2]))
    elif name == "labels":
        labels(words[0], words[1])
    else:
        sys.exit(__doc__)
