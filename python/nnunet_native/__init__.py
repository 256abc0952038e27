"""nnU-Net without torch: segmentation of medical images by trained models of nnU-Net v2 and of nnunet.

    from nnunet_native import nnUNetPredictor

    predictor = nnUNetPredictor()
    predictor.initialize_from_trained_model_folder("nnUNetTrainer__nnUNetPlans__3d_fullres", use_folds=(0,))
    image, properties = predictor.read_images(["case_0000.nii.gz"])
    labels = predictor.predict_single_npy_array(image, properties)

Predictor (nnUNetPredictor is the same class) has the methods of nnunetv2's class of that name. Arrays of images are
(channels, z, y, x), label maps (z, y, x), spacings mm in the order (z, y, x). find_series, read_series, write_dicom_seg and
Predictor.predict_dicom are for DICOM; score compares label maps. plan, preprocess and client run the program `nnunet`, which
lies in this package; run takes any of its commands. Not a medical device.
"""
from . import _log
from ._errors import BadModel, Cancelled, Error, InvalidCall, NotEnoughMemory
from ._library import api as _api
from ._dicom import DicomSeries, find_series, read_series, write_dicom_seg
from ._predictor import Predictor, nnUNetPredictor
from ._program import client, plan, preprocess, program, run
from ._scores import score

__all__ = ["BadModel", "Cancelled", "DicomSeries", "Error", "InvalidCall", "NotEnoughMemory", "Predictor", "client", "find_series",
           "nnUNetPredictor", "plan", "preprocess", "program", "read_series", "run", "score", "write_dicom_seg"]
__version__: str = _api.program_version().decode()

_log.connect()
