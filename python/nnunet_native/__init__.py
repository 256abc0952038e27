"""nnU-Net without torch: segmentation of medical images by trained models of nnU-Net v2 and of nnunet.

    from nnunet_native import nnUNetPredictor

    predictor = nnUNetPredictor()
    predictor.initialize_from_trained_model_folder("nnUNetTrainer__nnUNetPlans__3d_fullres", use_folds=(0,))
    image, properties = predictor.read_images(["case_0000.nii.gz"])
    labels = predictor.predict_single_npy_array(image, properties)

Predictor (nnUNetPredictor is the same class) has the methods of nnunetv2's class of that name. score, plan, preprocess and
client run the program `nnunet`, which lies in this package; run takes any of its commands.
"""
from . import _log
from ._errors import BadModel, Cancelled, Error, InvalidCall, NotEnoughMemory
from ._library import api as _api
from ._predictor import Predictor, nnUNetPredictor
from ._program import client, plan, preprocess, program, run, score

__all__ = ["BadModel", "Cancelled", "Error", "InvalidCall", "NotEnoughMemory", "Predictor", "client", "nnUNetPredictor", "plan",
           "preprocess", "program", "run", "score"]
__version__: str = _api.program_version().decode()

_log.connect()
