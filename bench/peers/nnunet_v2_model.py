"""An untrained nnU-Net v2 model folder from nnU-Net's own plans, as nnUNetv2_predict expects it.

usage: nnunet_v2_model.py PREPROCESSED_DATASET_FOLDER RESULTS_DATASET_FOLDER
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

source, results = Path(sys.argv[1]), Path(sys.argv[2])
model = results / "nnUNetTrainer__nnUNetPlans__3d_fullres"
(model / "fold_0").mkdir(parents=True, exist_ok=True)
shutil.copy(source / "nnUNetPlans.json", model / "plans.json")
shutil.copy(source / "dataset.json", model / "dataset.json")

plans = json.loads((model / "plans.json").read_text())
classes = len(json.loads((model / "dataset.json").read_text())["labels"])
manager = PlansManager(plans)
configuration = manager.get_configuration("3d_fullres")
network = nnUNetTrainer.build_network_architecture(manager, configuration, 1, classes, enable_deep_supervision=False)
torch.save({
    "network_weights": network.state_dict(),
    "trainer_name": "nnUNetTrainer",
    "init_args": {"configuration": "3d_fullres"},
    "inference_allowed_mirroring_axes": (0, 1, 2),
}, model / "fold_0" / "checkpoint_final.pth")
print(json.dumps({"patch": configuration.patch_size, "parameters": sum(p.numel() for p in network.parameters())}))
