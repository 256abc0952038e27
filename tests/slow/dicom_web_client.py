"""An independent client of DICOMweb, dicomweb-client, stores a series at the server, whole and in chunks, at the service and at
its study. What it is answered is the object that nnunet predict wrote: dicom_web_client.py URL SERIES OBJECT."""
import io
import pathlib
import sys

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient

url, folder, expected = sys.argv[1:]
series = [pydicom.dcmread(file) for file in sorted(pathlib.Path(folder).iterdir())]
study = series[0].StudyInstanceUID
new_each_time = {"SOPInstanceUID", "MediaStorageSOPInstanceUID", "SeriesInstanceUID", "DimensionOrganizationUID", "InstanceCreationDate",
                 "InstanceCreationTime", "SeriesDate", "SeriesTime", "ContentDate", "ContentTime", "StructureSetDate", "StructureSetTime"}


def store(instances=series, chunk=10**6, **study):
    """The parts of the answer, by the client's own reader."""
    answers = []
    client = DICOMwebClient(url, callback=lambda answer, *_, **__: answers.append(answer), chunk_size=chunk, timeout=600)
    report = client.store_instances(instances, **study)
    assert len(report) == 0, f"nothing is kept, but the client understands {report}"
    return [bytes(part) for part in client._decode_multipart_message(answers[-1], stream=False)]


def refused(status, **what):
    try:
        store(**what)
    except requests.HTTPError as error:
        assert error.response.status_code == status, error
        return error.response.json()["error"]
    raise AssertionError(f"taken: {what}")


def facts(dataset):
    """All that is the same whenever an object is made of the same labels."""
    return [(element.tag, element.VR, [facts(item) for item in element.value] if element.VR == "SQ" else element.value)
            for element in dataset if element.keyword not in new_each_time]


wanted = pydicom.dcmread(expected)
assert wanted.file_meta.MediaStorageSOPClassUID == pydicom.uid.SegmentationStorage
for how in {}, {"chunk": 50000}, {"study_instance_uid": study}:
    [part] = store(**how)
    got = pydicom.dcmread(io.BytesIO(part))
    assert facts(got.file_meta) == facts(wanted.file_meta)
    assert facts(got) == facts(wanted), [pair for pair in zip(facts(got), facts(wanted)) if pair[0] != pair[1]]
    assert got.SOPInstanceUID != wanted.SOPInstanceUID
[part] = store(additional_params={"dicom_seg": "rtstruct"})
assert pydicom.dcmread(io.BytesIO(part)).Modality == "RTSTRUCT"

assert "study" in refused(409, study_instance_uid="1.2.3")
assert "missing" in refused(400, instances=series[:5] + series[6:])
assert "dicom_seg=nifti" in refused(400, additional_params={"dicom_seg": "nifti"})
print(f"ok: dicomweb-client gets the object of nnunet predict for {len(series)} instances")
