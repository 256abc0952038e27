"""A DICOM series in files, element by element (PS3.5, PS3.10), for tests in environments without a DICOM library."""
import struct
from pathlib import Path

import numpy as np

CT, EXPLICIT_LITTLE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


def element(group, number, kind, value):
    if isinstance(value, str):
        value = value.encode() + (b"" if len(value) % 2 == 0 else b"\0" if kind == "UI" else b" ")
    length = struct.pack("<2xI" if kind in ("OB", "OW") else "<H", len(value))
    return struct.pack("<HH2s", group, number, kind.encode()) + length + value


def word(group, number, value):
    return element(group, number, "US", struct.pack("<H", value))


def decimals(values):
    return "\\".join(f"{value:.10g}" for value in values)


def name(z):
    """Of plane z's file: in another order than the planes."""
    return f"{(z * 7919) % 10007:05}"


def write_series(folder, voxels, spacing=(2, 1, 1), series="1.2.826.0.1.7", direction=(1, 0, 0, 0, 1, 0), origin=(-10, -20, 30)):
    """voxels: int16 (z, y, x); spacing: mm, (z, y, x); direction: of rows and columns, LPS."""
    voxels = np.ascontiguousarray(voxels, dtype="<i2")
    normal = np.cross(direction[:3], direction[3:])
    Path(folder).mkdir(parents=True, exist_ok=True)
    for z, plane in enumerate(voxels):
        instance = f"{series}.{z + 1}"
        meta = element(2, 0x10, "UI", EXPLICIT_LITTLE)
        head = b"\0" * 128 + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta
        data = b"".join([
            element(8, 0x16, "UI", CT), element(8, 0x18, "UI", instance), element(8, 0x20, "DA", "20200102"),
            element(8, 0x60, "CS", "CT"), element(0x10, 0x10, "PN", "Nobody^Known"), element(0x10, 0x20, "LO", "4711"),
            element(0x20, 0xd, "UI", "1.2.826.0.1"), element(0x20, 0xe, "UI", series), element(0x20, 0x11, "IS", "3"),
            element(0x20, 0x32, "DS", decimals(np.asarray(origin) + z * spacing[0] * normal)),
            element(0x20, 0x37, "DS", decimals(direction)), element(0x20, 0x52, "UI", "1.2.826.0.1.9"),
            word(0x28, 2, 1), element(0x28, 4, "CS", "MONOCHROME2"), word(0x28, 0x10, plane.shape[0]),
            word(0x28, 0x11, plane.shape[1]), element(0x28, 0x30, "DS", decimals(spacing[1:])), word(0x28, 0x100, 16),
            word(0x28, 0x101, 16), word(0x28, 0x102, 15), word(0x28, 0x103, 1), element(0x7fe0, 0x10, "OW", plane.tobytes())])
        (Path(folder) / name(z)).write_bytes(head + data)
