"""An older processor on a newer one: everyone held to fewer instruction sets by environment variables."""
import os

LOWERED = ("avx2",)
SECTIONS = ("forward", "train", "shapes", "v2_cases", "v2_networks", "v2_augment", "v2_train")  # those whose peers can be held back
# Ours; ATen's own kernels (numpy's stay as they are); oneDNN under PyTorch and under OpenVINO; MKL. onnxruntime asks the processor alone: it takes
# part on a processor that has no more.
VARIABLES = {"avx2": {"NNUNET_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
                      "DNNL_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}


def hold(isa):
    """For all processes started from now on."""
    os.environ.update(VARIABLES[isa])


def section_key(name, isa):
    return f"{name}, {isa}" if isa else name


def sections(parser, wanted, every):
    """The sections that can be measured so; all of them where none were named."""
    if wanted == every:
        return list(SECTIONS)
    if unfit := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"--isa: the peers of {', '.join(unfit)} cannot be held back")
    return wanted
