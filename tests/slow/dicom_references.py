"""What DICOM objects refer to, for dicom_reading.py and dicom_writing.py."""


def references(item):
    """UIDs of all instances that an object refers to."""
    for element in item:
        if element.VR == "SQ":
            for inner in element.value:
                yield from references(inner)
        elif element.keyword == "ReferencedSOPInstanceUID":
            yield element.value
