#!/usr/bin/env python3
"""Makes tests/reference/fixtures/images: small images of every format, written by SimpleITK, Pillow, tifffile and by
hand, and what nnU-Net v2's readers say of them (expected.json).

    python3 tests/reference/make_image_fixtures.py        needs nnunetv2 (with SimpleITK, nibabel, scikit-image)
"""
import json
import pathlib
import shutil
import struct
import zlib

import nibabel
import numpy as np
import SimpleITK as sitk
import tifffile
from nnunetv2.imageio.reader_writer_registry import recursive_find_reader_writer_by_name
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent / "fixtures/images"
RANDOM = np.random.RandomState(16)
VOLUME = (np.arange(24, dtype=np.int16) * 37 - 300).reshape(2, 3, 4)
expected = {}


def path(name):
    return str(FOLDER / name)


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, str):
        return value
    return [plain(v) for v in value] if np.ndim(value) else float(value)


def rounded(value):
    """Places and directions, which come from float32, with nine digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value if isinstance(value, str) else float(f"{value:.9g}")


def number(value):
    return int(value) if value == int(value) else float(value)


def expect(name, reader, labels=False):
    """What nnU-Net's reader says of the file."""
    io = recursive_find_reader_writer_by_name(reader)()
    array, properties = io.read_seg(path(name)) if labels else io.read_images((path(name),))
    note(name, reader, array, properties)


def note(name, reader, array, properties):
    expected.setdefault(name, {})[reader] = {"shape": list(array.shape), "voxels": [number(v) for v in array.ravel()]} | {
        k: rounded(v) if k.endswith("_stuff") else v for k, v in plain(properties).items()}


def expect_vectors(name):
    """nnU-Net takes a vector image's slices for channels; here the components are."""
    image = sitk.ReadImage(path(name))
    stuff = {"spacing": image.GetSpacing(), "origin": image.GetOrigin(), "direction": image.GetDirection()}
    note(name, "SimpleITKIO", np.moveaxis(sitk.GetArrayFromImage(image), -1, 0),
         {"sitk_stuff": stuff, "spacing": image.GetSpacing()[::-1]})


def write(name, *parts):
    (FOLDER / name).write_bytes(b"".join(p.encode() if isinstance(p, str) else p for p in parts))


def itk_image(array, turned=True):
    image = sitk.GetImageFromArray(array, isVector=False)
    n = image.GetDimension()
    image.SetSpacing((0.7, 1.25, 3.1, 2)[:n])
    image.SetOrigin((-12.5, 7.125, 1 / 3, 0)[:n])
    if turned and n == 3:
        a, b = 0.3, -0.2
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        image.SetDirection((turn @ np.diag([1, -1, 1])).ravel())
    if turned and n == 2:
        image.SetDirection((0, 1, -1, 0))
    return image


def make_itk():
    for ending in ("nrrd", "mha", "mhd"):
        sitk.WriteImage(itk_image(VOLUME), path(f"turned.{ending}"), True)
        expect(f"turned.{ending}", "SimpleITKIO")
    sitk.WriteImage(itk_image(VOLUME, turned=False), path("volume.gipl"))
    expect("volume.gipl", "SimpleITKIO")
    plane = RANDOM.randint(0, 60000, (3, 5)).astype(np.uint16)
    for ending in ("nrrd", "mha"):
        sitk.WriteImage(itk_image(plane), path(f"plane.{ending}"), True)
        sitk.WriteImage(itk_image(RANDOM.rand(2, 2, 3, 2).astype(np.float32)), path(f"four_axes.{ending}"))
        sitk.WriteImage(sitk.Compose([itk_image(VOLUME), itk_image(VOLUME * 2), itk_image(VOLUME + 1)]), path(f"vectors.{ending}"))
        expect(f"plane.{ending}", "SimpleITKIO")
        expect(f"four_axes.{ending}", "SimpleITKIO")
        expect_vectors(f"vectors.{ending}")


def make_nrrd():
    little, big = VOLUME.tobytes(), VOLUME.astype(">i2").tobytes()
    head = "NRRD0004\n# made by hand\ntype: short\ndimension: 3\nsizes: 4 3 2\n"
    raw = head + "encoding: raw\nendian: little\n"
    write("big_endian.nrrd", head, "encoding: raw\nendian: big\nspacings: 1 2 3\naxis mins: 5 6 7\nsome:=thing\n\n", big)
    write("nodes.nrrd", raw, "spacings: 1 2 3\naxis mins: 5 6 7\ncenters: node cell node\n\n", little)
    for name in ("right-anterior-superior", "LAS", "scanner-xyz"):
        orthogonal = "space directions: (0,1.5,0) (2,0,0) (0,0,-3)\nspace origin: (1.5,-2,3)\n\n"
        write(f"{name[:5].lower()}.nrrd", raw, f"space: {name}\n", orthogonal, little)
        expect(f"{name[:5].lower()}.nrrd", "SimpleITKIO")
    write("text.nrrd", head.replace("short", "float"), "encoding: ascii\n\n", " ".join(str(v / 8) for v in VOLUME.ravel()))
    write("detached.nhdr", raw, "data file: detached.raw\nbyte skip: 5\n\n")
    write("detached.raw", b"abcde", little)
    write("list_last.nrrd", "NRRD0004\ntype: short\ndimension: 4\nsizes: 4 3 1 2\nencoding: raw\nendian: little\nspace: LPS\n"
          "kinds: domain domain domain list\nspace directions: (1,0,0) (0,2,0) (0,0,3) none\nspace origin: (1,2,3)\n\n", little)
    for name in ("big_endian.nrrd", "nodes.nrrd", "text.nrrd", "detached.nhdr"):
        expect(name, "SimpleITKIO")
    expect_vectors("list_last.nrrd")


def make_metaimage():
    head = "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_SHORT\n"
    write("big_endian.mha", head, "BinaryDataByteOrderMSB = True\nElementSize = 1.5 2 3\nOrientation = 0 1 0 -1 0 0 0 0 1\nPosition = 1 2 3\nElementDataFile = LOCAL\n", VOLUME.astype(">i2").tobytes())
    write("negative.mha", head, "ElementSpacing = -1.5 2 3\nOffset = 1 2 3\nElementDataFile = LOCAL\n", VOLUME.tobytes())
    write("foreign_header.mhd", head, "HeaderSize = -1\nElementDataFile = foreign_header.raw\n")
    write("foreign_header.raw", b"abcd", VOLUME.tobytes())
    for name in ("big_endian.mha", "negative.mha", "foreign_header.mhd"):
        expect(name, "SimpleITKIO")


def make_nifti():
    sitk.WriteImage(itk_image(RANDOM.randint(0, 9, (3, 5)).astype(np.uint8), turned=False), path("plane.nii.gz"))
    expect("plane.nii.gz", "SimpleITKIO")
    for i in range(5):
        # Nearly diagonal to far from it: every axis order and flips.
        q, _ = np.linalg.qr(RANDOM.randn(3, 3))
        affine = np.eye(4)
        affine[:3, :3] = q @ np.diag([0.5, 1.25, 2])
        affine[:3, 3] = RANDOM.randn(3) * 20
        image = nibabel.Nifti1Image(VOLUME.transpose(2, 1, 0), affine)
        image.set_qform(affine, 1), image.set_sform(affine, 1)
        if i == 4:
            image.header.set_slope_inter(0.5, 3)
        name = f"oblique_{i}.nii.gz"
        nibabel.save(image, path(name))
        for reader in ("SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO", "NibabelIOWithReorient"):
            expect(name, reader)
    affine = np.eye(4)
    affine[:3, :3] = [[0.9, 1.1, 0.2], [0.7, -0.6, 0.3], [0.1, 0.4, -2]]  # with shear: nibabel alone takes it
    nibabel.save(nibabel.Nifti1Image(VOLUME.transpose(2, 1, 0), affine), path("sheared.nii.gz"))
    expect("sheared.nii.gz", "NibabelIO")
    expect("sheared.nii.gz", "NibabelIOWithReorient")


def png(depth, colour, rows, width, interlaced=0):
    def chunk(tag, data):
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows))) + chunk(b"IEND", b"")


def make_pictures():
    grey = RANDOM.randint(0, 256, (5, 7)).astype(np.uint8)
    colours = RANDOM.randint(0, 256, (5, 7, 4)).astype(np.uint8)
    wide = RANDOM.randint(0, 65536, (5, 7, 4)).astype(">u2")
    few = Image.fromarray(colours[..., :3].copy()).quantize(6)
    pictures = {"grey": Image.fromarray(grey), "rgb": Image.fromarray(colours[..., :3].copy()), "palette": few,
                "bits": Image.fromarray(grey > 128), "rgba": Image.fromarray(colours)}
    for name, picture in pictures.items():
        for ending in ("png", "bmp"):
            picture.save(path(f"{name}.{ending}"))
    few.save(path("palette_transparent.png"), transparency=1)
    Image.fromarray(wide[..., 0].astype(np.uint16)).save(path("grey16.png"))
    write("rgb16.png", png(16, 2, [r[:, :3].tobytes() for r in wide], 7))
    write("grey_alpha16.png", png(16, 4, [r[:, :2].tobytes() for r in wide], 7))
    write("grey4.png", png(4, 0, [bytes([0x12, 0x34, 0x5f, 0x70]), bytes([0xfe, 0xdc, 0xba, 0x90])], 7))
    write("grey2.png", png(2, 0, [bytes([0x1b, 0xe4]), bytes([0xff, 0x00])], 7))
    # Interlaced, 2 x 2: passes 1, 6 and 7 have pixels.
    write("interlaced.png", png(8, 0, [b"\x0a", b"\x14", b"\x1e\x28"], 2, 1).replace(struct.pack(">II", 2, 3), struct.pack(">II", 2, 2)))
    fix_head(FOLDER / "interlaced.png")
    for file in sorted([*FOLDER.glob("*.png"), *FOLDER.glob("*.bmp")]):
        expect(file.name, "NaturalImage2DIO")
    expect("grey.png", "SimpleITKIO")


def fix_head(file):
    data = bytearray(file.read_bytes())
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    file.write_bytes(bytes(data))


def make_tiff():
    grey = RANDOM.randint(0, 256, (9, 21)).astype(np.uint8)
    rgb = RANDOM.randint(0, 256, (5, 7, 3)).astype(np.uint8)
    volume = RANDOM.randint(0, 65536, (5, 2, 6)).astype(np.uint16)
    tifffile.imwrite(path("grey.tif"), grey)
    tifffile.imwrite(path("bits.tif"), grey > 128, photometric="minisblack")
    tifffile.imwrite(path("rgb.tif"), rgb, compression="zlib", predictor=True)
    tifffile.imwrite(path("planar.tif"), np.moveaxis(rgb, 2, 0).copy(), photometric="rgb", planarconfig="separate")
    smooth = (np.add.outer(np.arange(12), np.arange(15)) // 3).astype(np.uint8)
    Image.fromarray(RANDOM.randint(0, 30, (28, 30)).astype(np.uint8)).save(path("lzw.tif"), compression="tiff_lzw")  # 10 bits
    Image.fromarray(smooth).save(path("lzw_differences.tif"), compression="tiff_lzw", tiffinfo={317: 2})
    Image.fromarray(smooth).save(path("packbits.tif"), compression="packbits")
    tifffile.imwrite(path("three_pages.tif"), volume[:3], photometric="minisblack")
    for name in ("grey", "bits", "rgb", "planar", "lzw", "lzw_differences", "packbits", "three_pages"):
        expect(f"{name}.tif", "NaturalImage2DIO")
    options = {"photometric": "minisblack"}
    tifffile.imwrite(path("volume_0000.tif"), volume, compression="zlib", **options)
    (FOLDER / "volume.json").write_text(json.dumps({"spacing": [2.5, 0.75, 1]}))
    tifffile.imwrite(path("floats.tif"), volume.astype(np.float32) / 7, compression="zlib", predictor=True, **options)
    tifffile.imwrite(path("big_endian.tiff"), volume.astype(">i2"), byteorder=">", metadata=None, **options)
    tifffile.imwrite(path("big_tiff.tif"), volume[:2], bigtiff=True, tile=(16, 16), compression="zlib", **options)
    tifffile.imwrite(path("one_page.tif"), volume[:1], **options)
    tifffile.imwrite(path("imagej.tif"), volume, imagej=True)
    tifffile.imwrite(path("one_directory.tif"), volume, truncate=True, **options)
    for name in ("volume_0000.tif", "floats.tif", "big_endian.tiff", "big_tiff.tif", "one_page.tif", "imagej.tif", "one_directory.tif"):
        expect(name, "Tiff3DIO")


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    make_itk(), make_nrrd(), make_metaimage(), make_nifti(), make_pictures(), make_tiff()
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in sorted(expected.items()))
    (FOLDER / "expected.json").write_text("{" + text + "}\n")


if __name__ == "__main__":
    main()
