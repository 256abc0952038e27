#!/usr/bin/env python3
"""Makes the seeds in fuzz/corpus from nothing: files of a few hundred bytes that reach each branch of the readers.

    fuzz/make_corpus.py        (needs torch, for the checkpoints)

Names that begin with `found_` are inputs that a fuzzer found; this script leaves them alone.
"""
import collections
import argparse
import io
import json
import pathlib
import pickle
import struct
import sys
import types
import zipfile

import numpy
import torch

CORPUS = pathlib.Path(__file__).parent / "corpus"


def save(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def nifti1(dim=(3, 3, 2, 2), datatype=2, bits=8, order="<", sform=True, slope=0.0, offset=352.0, voxels=b"\0\1\2" * 4):
    dims = list(dim) + [1] * (8 - len(dim))
    h = struct.pack(order + "i35xB8h", 348, 0, *dims)
    h += struct.pack(order + "3f4h", 0, 0, 0, 0, datatype, bits, 0)
    h += struct.pack(order + "8f", 1, 1.5, 2, 3, 0, 0, 0, 0)
    h += struct.pack(order + "3fh2B4f2i", offset, slope, 0.5 if slope else 0, 0, 0, 2, 0, 0, 0, 0, 0, 0)
    h += b"a test".ljust(104, b"\0")
    h += struct.pack(order + "2h6f", 0 if sform else 1, 1 if sform else 0, 0, 0, 0.5, 1, 2, 3)
    h += struct.pack(order + "12f", 1.5, 0, 0, 4, 0, 2, 0, 5, 0, 0, 3, 6)
    h += b"\0" * 16 + b"n+1\0"
    assert len(h) == 348
    return h + b"\0" * 4 + voxels


def nifti2(dim=(3, 3, 2, 2), order="<"):
    dims = list(dim) + [1] * (8 - len(dim))
    h = struct.pack(order + "i", 540) + b"n+2\0\r\n\x1a\n" + struct.pack(order + "2h8q3d8d", 2, 8, *dims, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0)
    h += struct.pack(order + "q4d2q", 544, 0, 0, 0, 0, 0, 0) + struct.pack(order + "2d", 0, 0)
    h += b"\0" * 104 + struct.pack(order + "2i18d2i", 0, 1, *([0] * 6), 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0)
    h = h.ljust(540, b"\0")
    assert len(h) == 540
    return h + b"\0" * 4 + b"\0\1\2" * 4


def write_nifti():
    seeds = {"u1": nifti1(), "big_endian": nifti1(order=">"), "nifti2": nifti2(), "nifti2_big_endian": nifti2(order=">"),
             "f4_4d": nifti1((4, 2, 2, 1, 2), 16, 32, voxels=struct.pack("<8f", *range(8))),
             "i2_scaled": nifti1(datatype=4, bits=16, slope=2.0, voxels=struct.pack("<12h", *range(-4, 8))),
             "f8": nifti1((3, 1, 1, 2), 64, 64, voxels=struct.pack("<2d", 1, float("nan"))),
             "qform": nifti1(sform=False), "plane": nifti1((2, 4, 3)), "offset": nifti1(offset=400.0, voxels=b"\0" * 60),
             "pair": nifti1().replace(b"n+1", b"ni1"), "huge": nifti1((3, 32767, 32767, 32767)), "complex": nifti1(datatype=32)}
    import gzip
    for name, content in seeds.items():
        save("nifti", name, content)
        save("nifti_gz", name, content)
    save("nifti", "gz", gzip.compress(nifti1(), mtime=0))
    save("nifti", "gz_two_members", gzip.compress(nifti1()[:300], mtime=0) + gzip.compress(nifti1()[300:], mtime=0))
    save("nifti", "gz_cut", gzip.compress(nifti1(), mtime=0)[:-9])
    save("nifti", "gz_bomb", gzip.compress(nifti1((3, 1024, 1024, 1), voxels=b"\0" * 1024 * 1024), mtime=0))


def dicom(syntax="1.2.840.10008.1.2.1", form="explicit", pixels=None, frames=1, preamble=True, deflate=False, cut=0, traits=False,
          vectors=False):
    """A plane of 2 x 3 voxels of 16 bits, or an enhanced file of several; with what may tell volumes of a series apart."""
    order = ">" if form == "big" else "<"

    def element(tag, kind, value):
        value += b"\0" * (len(value) % 2)
        head = struct.pack(order + "HH", tag >> 16, tag & 0xffff)
        if form == "implicit" and tag >> 16 != 2:
            return head + struct.pack("<I", len(value)) + value
        wide = kind in (b"OW", b"OB", b"SQ")
        return head + kind + (b"\0\0" + struct.pack(order + "I", len(value)) if wide else struct.pack(order + "H", len(value))) + value

    def items(*contents):
        return b"".join(struct.pack(order + "HHI", 0xfffe, 0xe000, len(c)) + c for c in contents)

    def word(tag, value):
        return element(tag, b"US", struct.pack(order + "H", value))

    place = element(0x00200032, b"DS", b"1\\2\\3")
    d = element(0x00080008, b"CS", b"ORIGINAL\\PRIMARY") + element(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.2")
    d += element(0x00080018, b"UI", b"1.2.3.1") + element(0x00080060, b"CS", b"CT") + element(0x0020000e, b"UI", b"1.2.3")
    if frames == 1:
        d += place + element(0x00200037, b"DS", b"1\\0\\0\\0\\1\\0")
    d += word(0x00280002, 1) + element(0x00280004, b"CS", b"MONOCHROME2")
    if frames > 1:
        d += element(0x00280008, b"IS", str(frames).encode())
    d += word(0x00280010, 2) + word(0x00280011, 3) + element(0x00280030, b"DS", b"1\\1.5")
    d += word(0x00280100, 16) + word(0x00280101, 12) + word(0x00280102, 11) + word(0x00280103, 1)
    d += element(0x00281052, b"DS", b"-1024") + element(0x00281053, b"DS", b"2")
    def doubles(tag, *values):
        return element(tag, b"FD", struct.pack(order + f"{len(values)}d", *values))

    def longs(tag, *values):
        return element(tag, b"UL", struct.pack(order + f"{len(values)}I", *values))

    content = b""
    if traits:
        d += element(0x00080022, b"DA", b"20230405") + element(0x00080032, b"TM", b"101112.5") + element(0x00180010, b"LO", b"agent")
        d += element(0x00180081, b"DS", b"4.92") + element(0x00180086, b"IS", b"1") + element(0x00200012, b"IS", b"2")
        d += element(0x00181060, b"DS", b"40.5") + doubles(0x00189087, 1000) + doubles(0x00189089, 0, 0.6, 0.8)
        d += element(0x00209222, b"SQ", items(*[element(0x00209165, b"AT", struct.pack(order + "2H", 0x20, tag)) for tag in (0x9057, 0x9128)]))
        content = element(0x00209111, b"SQ", items(element(0x00209056, b"SH", b"1") + longs(0x00209128, 1) + longs(0x00209157, 1, 2)))
        content += element(0x00189117, b"SQ", items(doubles(0x00189087, 0) + element(0x00189076, b"SQ", items(doubles(0x00189089, 1, 0, 0)))))
        content += element(0x00189114, b"SQ", items(doubles(0x00189082, 4.92)))
    if vectors:
        d += element(0x00540022, b"SQ", items(place + element(0x00200037, b"DS", b"1\\0\\0\\0\\1\\0")))
        d += element(0x00540070, b"US", struct.pack(order + "2H", 1, 1)) + element(0x00540080, b"US", struct.pack(order + "2H", 1, 2))
    elif frames > 1:
        d += element(0x52009229, b"SQ", items(element(0x00209116, b"SQ", items(element(0x00200037, b"DS", b"1\\0\\0\\0\\1\\0")))))
        d += element(0x52009230, b"SQ", items(*[element(0x00209113, b"SQ", items(place)) + content] * frames))
    if pixels is None:
        d += element(0x7fe00010, b"OW", struct.pack(order + "6h", *range(-3, 3)) * frames)
    else:  # fragments
        d += struct.pack("<HH", 0x7fe0, 0x10) + b"OB\0\0\xff\xff\xff\xff" + items(b"", *pixels) + struct.pack("<HHI", 0xfffe, 0xe0dd, 0)
    if deflate:
        import zlib
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        d = packer.compress(d) + packer.flush()
    order = "<"
    head = b"\0" * 128 + b"DICM" + element(0x00020010, b"UI", syntax.encode()) if preamble else b""
    return (head + d)[:len(head + d) - cut]


def write_dicom():
    """Also the packed ones need no encoder: 2 x 3 voxels of RLE are written down, JPEGs are too short to be whole."""
    rle = struct.pack("<16I", 2, 64, 66, *[0] * 13) + bytes([0xfb, 1]) + bytes([5, 0, 1, 2, 3, 4, 5])
    soi = bytes.fromhex("ffd8ffc3000b0c0002000301011100")
    j2k = bytes.fromhex("ff4fff51002900000000000300000002000000000000000000000003000000020000000000000000") + bytes([0, 1, 0x8b, 1, 1])
    seeds = {"explicit": dicom(), "implicit": dicom("1.2.840.10008.1.2", "implicit"), "big": dicom("1.2.840.10008.1.2.2", "big"),
             "no_preamble": dicom(form="implicit", preamble=False), "deflated": dicom("1.2.840.10008.1.2.1.99", deflate=True),
             "enhanced": dicom(frames=2), "cut": dicom(cut=5), "rle": dicom("1.2.840.10008.1.2.5", pixels=[rle]),
             "jpeg": dicom("1.2.840.10008.1.2.4.70", pixels=[soi]), "jpeg_ls": dicom("1.2.840.10008.1.2.4.80", pixels=[soi.replace(b"\xc3", b"\xf7")]),
             "jpeg2000": dicom("1.2.840.10008.1.2.4.90", pixels=[j2k]), "fragments": dicom("1.2.840.10008.1.2.1.98", pixels=[bytes(6), bytes(6)]),
             "traits": dicom(traits=True), "frame_traits": dicom(frames=2, traits=True), "vectors": dicom(frames=2, vectors=True),
             "big_traits": dicom("1.2.840.10008.1.2.2", "big", frames=2, traits=True)}
    for name, content in seeds.items():
        save("dicom", name, content)


def write_images():
    """The smallest of the images that tests read; without torch: python3 -c "import make_corpus as m; m.write_images()"."""
    folder = CORPUS.parents[1] / "tests/reference/fixtures/images"
    targets = {".nrrd": "nrrd", ".mha": "metaimage", ".gipl": "gipl", ".png": "png", ".bmp": "bmp", ".tif": "tiff", ".tiff": "tiff"}
    for file in sorted(folder.iterdir()):
        if file.suffix in targets and file.stat().st_size < 1000:
            save(targets[file.suffix], file.name, file.read_bytes())


def npy(descr, shape, content, version=1, fortran=False):
    head = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}".ljust(53) + "\n"
    size = struct.pack("<H" if version == 1 else "<I", len(head))
    return b"\x93NUMPY" + bytes([version, 0]) + size + head.encode() + content


def write_npy():
    for kind, size in {"<f4": 4, "<f8": 8, "|u1": 1, "<u2": 2, "<i4": 4, "<i8": 8, "|b1": 1, ">f4": 4}.items():
        save("npy", kind[1:] + ("_big_endian" if kind[0] == ">" else ""), npy(kind, "(2, 3)", bytes(range(6 * size))))
    save("npy", "version2", npy("<f4", "(1,)", b"\0" * 4, 2))
    save("npy", "fortran", npy("<f4", "(1, 2)", b"\0" * 8, 1, True))
    save("npy", "scalar", npy("<f4", "()", b"\0" * 4))
    save("npy", "empty", npy("<f4", "(0, 5)", b""))
    save("npy", "absurd", npy("<f4", "(99999999999, 99999999999)", b""))
    save("npy", "records", npy("[('a', '<f4')]", "(1,)", b"\0" * 4))


CONFIG = {"patch_size": [16, 32, 16], "spacings": [2.0, 1.0, 1.0], "n_class": 3, "in_channels": 1, "modality": "CT",
          "labels": ["background", "a", "b"], "ct": {"min": -5, "max": 10.5, "mean": 1, "std": 2},
          "cases": [{"name": "one", "spacing": [1, 1, 2], "shape": [3, 4, 5], "has_label": True}, {"name": "two"}],
          "task": "04", "options": "{}"}

RULE = {"method": "spline", "order": 3, "order_across": 0, "separate_axis": "anisotropic", "across": "first",
        "anisotropy": 3.0, "above_anisotropy": False}
PLAN = {"version": 1, "previous_stage": False,
        "preprocess": {"reorient": False, "transpose": [0, 1, 2], "crop": "positive",
                       "channels": [{"scheme": "ct", "statistics": CONFIG["ct"], "use_mask": False, "least_std": 0.0}],
                       "normalization": "after_resampling", "spacing": [2.0, 1.0, 1.0], "size_rounding": "truncate",
                       "resample_when": "spacing_differs", "image": RULE, "label": RULE | {"order": 1},
                       "logits": RULE | {"order": 1}, "label_vote": "last_half", "training_fit": "to_patch"},
        "window": {"patch": [16, 32, 16], "overlap": 0.5, "starts": "flush_last", "weights": "gaussian", "sigma": 0.125,
                   "mirror_axes": [0, 1, 2], "mirror": False, "mirrored_unit": "volume", "sums": "fp32"},
        "labels": {"entries": [{"name": n, "values": [i]} for i, n in enumerate(CONFIG["labels"])],
                   "decision": "argmax", "region_values": [], "type": "uint8"}}
NETWORK = {"dim": 3, "in_channels": 1, "n_class": 3, "kernels": [[3, 3, 3]] * 2, "strides": [[1, 1, 1], [2, 2, 2]],
           "filters": [4, 8], "norm": "instance", "residual": False, "negative_slope": 0.01}


def write_json():
    save("config", "planned", json.dumps(CONFIG | {"plan": PLAN}))
    save("config", "network", json.dumps(CONFIG | {"plan": PLAN | {"network": NETWORK}}))
    save("config", "full", json.dumps(CONFIG))
    save("config", "small", json.dumps({k: CONFIG[k] for k in ("spacings", "n_class", "in_channels")} | {"patch_size": [16, 16]}))
    save("config", "wrong", json.dumps(CONFIG | {"patch_size": [[1], {"a": None}, 1e300], "cases": [{"name": "../x"}]}))
    save("config", "deep", '{"patch_size":' + "[" * 500 + "]" * 500 + "}")
    dataset = {"name": "x", "modality": {"0": "CT", "1": "MRI"}, "labels": {"0": "background", "1": "a"}, "numTraining": 2, "numTest": 1,
               "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}, {"image": "in/b.nii", "label": "l"}],
               "test": ["./imagesTs/c.nii.gz", {"image": "imagesTr/d.nii.gz"}]}
    save("dataset", "msd", json.dumps(dataset))
    save("dataset", "v2", json.dumps({"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2}, "test": ["a.nii"]}))
    for i, path in enumerate(["/etc/passwd", "../a", "root/etc/passwd", "up/a", "in/../../a", "imagesTr/dangling", "loop/a", ".", "a\0b"]):
        save("dataset", f"leaves_{i}", json.dumps(dataset | {"test": [path]}))
    save("dataset", "regions", json.dumps(dataset | {"labels": {"background": 0, "a": [1, 2]}}))
    save("dataset", "deep", "[" * 2000)


def write_forms():
    def part(content=b"\x1f\x8b\r\n\0", head="Content-Disposition: form-data; name=\"file\"; filename=\"a.nii.gz\""):
        return b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"

    named = "Content-Disposition: form-data; "
    bodies = {"file": part() + b"--b--\r\n", "two": part() + part(b"", named + "name=async") + b"--b--",
              "preamble": b"before\r\n" + part(b"--b \r\n--bc\r\n-") + b"--b-- \t\r\nafter", "cut": part()[:-2], "empty": b"--b--",
              "path": part(head=named + "name=a; filename=\"C:\\\\x\\y.nii\"; filename*=UTF-8''%2fz"), "extended": part(head=named + "name=a; filename*=UTF-8''..%2fz"),
              "encoded": part(head=named + "name=a\r\nContent-Transfer-Encoding: BASE64"), "folded": part(head=named + "\r\n name=a"),
              "mixed": part(head=named + "name=a\r\nContent-Type: multipart/mixed; boundary=c"), "newlines": part().replace(b"\r\n", b"\n"),
              "many": part() * 70 + b"--b--", "no_blank_line": b"--b\r\n" + named.encode() + b"name=a\r\n--b--\r\n"}
    for name, body in bodies.items():
        save("multipart", name, b"multipart/form-data; boundary=b\n" + body)
    save("multipart", "quoted", b"Multipart/Form-Data; charset=\"a;b\"; BOUNDARY=\"b c\"\n" + part().replace(b"--b", b"--b c") + b"--b c--")
    dicom = b"--b\r\nContent-Type: application/dicom; transfer-syntax=1.2\r\n\r\none\r\n"
    save("multipart", "related", b"multipart/related; type=\"application/dicom\"; boundary=b\n" + dicom + b"--b\r\n\r\ntwo\r\n--b--")
    save("multipart", "no_boundary", b"multipart/form-data\n" + part() + b"--b--")
    save("multipart", "long_boundary", b"multipart/form-data; boundary=" + b"b" * 71 + b"\n" + part())


def torch_bytes(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def pickle_of(file):
    archive = zipfile.ZipFile(io.BytesIO(file))
    return next(archive.read(n) for n in archive.namelist() if n.endswith("/data.pkl"))


class Thing:  # a class that no reader knows
    def __init__(self):
        self.number, self.items = 3, [1, 2]


def write_checkpoints():
    weights = collections.OrderedDict()
    for name, shape in {"input_block.conv1.conv.weight": (4, 1, 3, 3, 3), "bottleneck.conv1.conv.weight": (8, 4, 3, 3, 3),
                        "bottleneck.conv1.norm.weight": (16,)}.items():
        weights[name] = torch.zeros(shape)
    ours = {"format": "nnunet", "version": 1, "state_dict": weights, "plan": NETWORK, "data": CONFIG,
            "training": {"epoch": 3, "best": [0.5, None, True], "big": 1 << 70, "text": "\u00e4"}}
    lightning = {"state_dict": collections.OrderedDict((f"model.{k}", torch.nn.Parameter(v)) for k, v in weights.items()),
                 "hyper_parameters": {"args": argparse.Namespace(norm="batch", negative_slope=0.2), "path": pathlib.PurePosixPath("/a/b")},
                 "device": torch.device("cpu"), "size": torch.Size([1, 2]), "thing": Thing(), "bytes": b"\xff\x00", "set": {1, 2}}
    shared = torch.arange(8.0)
    kinds = {"f16": torch.zeros(2, dtype=torch.float16), "u16": torch.zeros(2, dtype=torch.uint16), "i64": torch.zeros(2, dtype=torch.int64),
             "view": shared[2:6:2], "expanded": shared[:1].expand(100), "empty": torch.zeros(0, 3), "bool": torch.zeros(1, dtype=torch.bool)}
    cyclic = []
    cyclic.append(cyclic)
    for name, value in {"ours": ours, "lightning": lightning, "kinds": kinds, "state_dict": weights, "cyclic": [cyclic, {"state_dict": weights}]}.items():
        file = torch_bytes(value)
        save("checkpoint", f"{name}.pkl", pickle_of(file))
    save("checkpoint", "small.pt", torch_bytes({"a": torch.zeros(2), "b": "text"}))
    plain = {"state_dict": {"a": [1, 2.5, -3, 1 << 40, "x" * 300, ("t",), {1.5: None}]}}
    for protocol in range(2, 6):
        save("checkpoint", f"protocol{protocol}.pkl", pickle.dumps(plain, protocol))
    deep = b"\x80\x02" + b"]" * 2000 + b"a" * 1999 + b"."
    save("checkpoint", "deep.pkl", deep)
    # Each level holds the one below twice: 2^40 numbers in 200 bytes.
    save("checkpoint", "bomb.pkl", b"\x80\x02]K\x01a" + b"".join(b"q" + bytes([i]) + b"](h" + bytes([i]) + b"h" + bytes([i]) + b"e" for i in range(40)) + b".")


V2_CONFIGURATION = {
    "patch_size": [8, 12], "spacing": [1.0, 1.5], "normalization_schemes": ["CTNormalization"], "use_mask_for_norm": [False],
    "resampling_fn_data": "resample_torch_fornnunet", "resampling_fn_seg": "resample_data_or_seg_to_shape",
    "resampling_fn_probabilities": "no_resampling_hack",
    "resampling_fn_data_kwargs": {"is_seg": False, "force_separate_z": None},
    "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": True},
    "architecture": {"network_class_name": "a.ResidualEncoderUNet", "arch_kwargs": {
        "n_stages": 2, "features_per_stage": [2, 4], "conv_op": "torch.nn.modules.conv.Conv2d", "kernel_sizes": 3,
        "strides": [1, [2, 2]], "n_blocks_per_stage": 1, "n_conv_per_stage_decoder": [1], "conv_bias": True,
        "norm_op": "torch.nn.InstanceNorm2d", "norm_op_kwargs": {"eps": 1e-05, "affine": True}, "dropout_op": None,
        "nonlin": "torch.nn.ReLU", "nonlin_kwargs": {"inplace": True}}}}
V2_OLD = {"inherits_from": "2d", "architecture": None, "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 2,
          "unet_max_num_features": 3, "n_conv_per_stage_encoder": [1, 1], "n_conv_per_stage_decoder": [1],
          "pool_op_kernel_sizes": [[1, 1], [2, 2]], "conv_kernel_sizes": [[3, 3], [3, 3]], "previous_stage": "2d"}
V2_PLANS = {"dataset_name": "D", "plans_name": "P", "image_reader_writer": "SimpleITKIO", "transpose_forward": [0, 1, 2],
            "foreground_intensity_properties_per_channel": {
                "0": {"mean": 1.5, "std": 2.0, "percentile_00_5": -3.0, "percentile_99_5": 4.0, "max": float("nan")}},
            "configurations": {"2d": V2_CONFIGURATION, "old": V2_OLD, "round": {"inherits_from": "round"}}}
V2_DATASETS = {
    "labels": {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "ignore": 2}, "file_ending": ".nii.gz"},
    "regions": {"modality": {"0": "CT"}, "labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}}


def write_v2():
    for name, dataset in V2_DATASETS.items():
        save("v2_plan", name, json.dumps(V2_PLANS) + "\0" + json.dumps(dataset))
    weights = collections.OrderedDict((name, torch.zeros(2)) for name in ("encoder.stem.convs.0.conv.bias", "module.decoder.encoder.a"))
    checkpoint = torch_bytes({"network_weights": weights, "optimizer_state": {}, "trainer_name": "nnUNetTrainer",
                              "inference_allowed_mirroring_axes": (0, 1),
                              "init_args": {"plans": V2_PLANS, "configuration": "2d", "fold": 0, "dataset_json": V2_DATASETS["labels"]}})
    save("checkpoint", "v2.pkl", pickle_of(checkpoint))
    for kind, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in {"fold_0/checkpoint_final.pth": checkpoint, "plans.json": json.dumps(V2_PLANS),
                                  "dataset.json": json.dumps(V2_DATASETS["labels"]), "LICENSE": "none"}.items():
                entry = zipfile.ZipInfo(f"D/T__P__2d/{name}", (2024, 1, 1, 0, 0, 0))
                entry.compress_type = method
                archive.writestr(entry, content)
        save("v2_model", f"{kind}.zip", file.getvalue())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("../plans.json", (2024, 1, 1, 0, 0, 0)), "{}")
    save("v2_model", "outside.zip", file.getvalue())


def npz(entries, method=zipfile.ZIP_DEFLATED, zip64=False):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=zip64) as entry:
                entry.write(content)
    return file.getvalue()


def write_npz():
    name, plain = "probabilities.npy", npy("<f4", "(2, 1, 2, 3)", bytes(range(48)))
    save("npz", "deflated", npz({name: plain}))
    save("npz", "stored", npz({name: plain}, zipfile.ZIP_STORED))
    save("npz", "zip64", npz({"other.npy": plain, name: plain}, zip64=True))
    save("npz", "half_fortran", npz({name: npy("<f2", "(2, 3)", bytes(12), 1, True)}))
    save("npz", "f8_version2", npz({name: npy("<f8", "(3,)", bytes(24), 2)}))
    save("npz", "absurd", npz({name: npy("<f4", "(99999999999, 99999999999)", b"")}))
    save("npz", "zeros", npz({name: npy("<f4", "(300, 300)", bytes(360000))}))


def write_properties():
    module = types.ModuleType("nnunetv2.postprocessing.remove_connected_components")
    name = "remove_all_but_largest_component_from_segmentation"
    exec(f"def {name}(): pass", module.__dict__)
    for part in ("nnunetv2", "nnunetv2.postprocessing"):
        sys.modules[part] = types.ModuleType(part)
    sys.modules[module.__name__] = module
    function = getattr(module, name)
    function.__module__ = module.__name__
    steps = ([function, function], [{"labels_or_regions": [numpy.int64(1), 2]}, {"labels_or_regions": (2, 3), "background_label": 0}])
    itk = {"sitk_stuff": {"spacing": (0.5, 1.0, 2.0), "origin": (1.0, 2.0, 3.0), "direction": (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)},
           "spacing": [2.0, 1.0, 0.5], "bbox_used_for_cropping": [[0, 3]] * 3, "class_locations": {(1, 2): numpy.zeros((2, 4), int)}}
    nibabel = {"nibabel_stuff": {"original_affine": numpy.diag([1.5, 2, 3, 1])}, "spacing": [3.0, 2.0, 1.5]}
    for protocol in range(2, 6):
        for kind, value in {"steps": steps, "itk": itk, "nibabel": nibabel}.items():
            save("properties", f"{kind}{protocol}", pickle.dumps(value, protocol))
    save("properties", "fortran", pickle.dumps({"nibabel_stuff": {"original_affine": numpy.asfortranarray(numpy.arange(16.0).reshape(4, 4))}}))
    save("properties", "system", b"\x80\x02](cos\nsystem\ne](}(X\x11\0\0\0labels_or_regionsK\x01ue\x86.")


if __name__ == "__main__":
    write_nifti()
    write_images()
    write_dicom()
    write_npy()
    write_json()
    write_forms()
    write_checkpoints()
    write_v2()
    write_npz()
    write_properties()
