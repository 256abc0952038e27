"""What nnunetv2 2.8 itself does with checkpoints of ours: see nnunet_v2_training.sh."""
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import torch

NAME = "Dataset004_Hippocampus"
TRAINER = "nnUNetTrainer_5epochs"
torch.set_num_threads(2)


def dataset(shared):
    """Ten cases, and the plans of the reference trainings."""
    models = Path(shared) / "reference-v2/run/models" / NAME / f"{TRAINER}__nnUNetPlansNarrow__3d_fullres"
    source = Path(shared) / "data/Task04_Hippocampus"
    raw, preprocessed = Path(os.environ["nnUNet_raw"]) / NAME, Path(os.environ["nnUNet_preprocessed"]) / NAME
    for folder in (raw / "imagesTr", raw / "labelsTr", preprocessed, Path("images")):
        folder.mkdir(parents=True)
    cases = sorted(path.name for path in (source / "imagesTr").glob("*.nii.gz"))[:13]
    for name in cases[:10]:
        shutil.copy(source / "imagesTr" / name, raw / "imagesTr" / name.replace(".nii.gz", "_0000.nii.gz"))
        shutil.copy(source / "labelsTr" / name, raw / "labelsTr" / name)
    for name in cases[10:]:
        shutil.copy(source / "imagesTr" / name, Path("images") / name.replace(".nii.gz", "_0000.nii.gz"))
    description = json.loads((models / "dataset.json").read_text())
    description["numTraining"] = 10
    for folder in (raw, preprocessed):
        (folder / "dataset.json").write_text(json.dumps(description))
    shutil.copy(models / "plans.json", preprocessed / "nnUNetPlansNarrow.json")
    shutil.copy(models / "dataset_fingerprint.json", preprocessed)


def trainer(model, fold=0):
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
    from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as module

    module.infer_dataset_class = lambda folder: nnUNetDatasetBlosc2
    plans = json.loads((Path(model) / "plans.json").read_text())
    plans["continue_training"] = True
    made = recursive_find_trainer_class_by_name(TRAINER)(
        plans=plans, configuration="3d_fullres", fold=fold,
        dataset_json=json.loads((Path(model) / "dataset.json").read_text()), device=torch.device("cpu"))
    made.log_file = os.devnull
    made.initialize()
    return made


def one_epoch(made):
    """As an epoch of the peer's, on random numbers."""
    made.network.train()
    made.set_deep_supervision_enabled(True)
    made.lr_scheduler.step(made.current_epoch)
    shape = made.configuration_manager.patch_size
    scales = made._get_deep_supervision_scales()
    targets = [torch.randint(0, 3, (2, 1, *[round(s * f) for s, f in zip(shape, scale)])) for scale in scales]
    return float(made.train_step({"data": torch.randn(2, 1, *shape), "target": targets})["loss"])


def continues(model, checkpoint, output):
    made = trainer(model)
    made.load_checkpoint(str(Path(model) / "fold_0" / checkpoint))
    epochs = made.current_epoch
    logged = made.logger.get_checkpoint()
    assert epochs >= 1, epochs
    for key, values in logged.items():
        assert len(values) == epochs, (key, len(values), epochs)
    for key in ("mean_fg_dice", "ema_fg_dice", "train_losses", "val_losses"):
        assert all(isinstance(value, np.float32) for value in logged[key]), key
    assert isinstance(made._best_ema, np.float32)
    assert made.inference_allowed_mirroring_axes == (0, 1, 2)
    parameters = sum(1 for _ in made.network.parameters())
    momenta = made.optimizer.state_dict()["state"]
    assert len(momenta) == parameters - 2, (len(momenta), parameters)  # the head of the lowest resolution has none
    group = made.optimizer.param_groups[0]
    assert (group["momentum"], group["weight_decay"], group["nesterov"]) == (0.99, 3e-5, True), group
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    assert np.isfinite(one_epoch(made))
    assert abs(group["lr"] - 0.01 * (1 - epochs / 5) ** 0.9) < 1e-12, group["lr"]
    after = made.network.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    # The epoch that ran is written as one that is done.
    made.logger.log("lrs", group["lr"], epochs)
    for key, value in (("train_losses", np.float32(0.5)), ("val_losses", np.float32(0.5)),
                       ("mean_fg_dice", np.float32(0.25)), ("dice_per_class_or_region", [np.float32(0.25)] * 2),
                       ("epoch_start_timestamps", 1.0), ("epoch_end_timestamps", 2.0)):
        made.logger.log(key, value, epochs)
    made.save_checkpoint(output)


def finished(model):
    saved = torch.load(Path(model) / "fold_0/checkpoint_final.pth", map_location="cpu", weights_only=False)
    assert saved["current_epoch"] == 5, saved["current_epoch"]
    assert all(len(values) == 5 for values in saved["logging"].values())
    assert saved["trainer_name"] == TRAINER
    summary = json.loads((Path(model) / "fold_0/validation/summary.json").read_text())
    assert np.isfinite(summary["foreground_mean"]["Dice"])


def predict(model, output):
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    Path(output).mkdir(exist_ok=True)
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(model), (0,), "checkpoint_final.pth")
    predictor.predict_from_files_sequential("images", output, save_probabilities=False, overwrite=True)


def same_maps(ours, theirs):
    import SimpleITK as sitk

    names = sorted(path.name for path in Path(theirs).glob("*.nii.gz"))
    assert names
    for name in names:
        a, b = (sitk.GetArrayFromImage(sitk.ReadImage(str(Path(folder) / name))) for folder in (ours, theirs))
        differing = float(np.mean(a != b))
        assert a.shape == b.shape and differing <= 1e-3, (name, differing)


def same_cases(ours, theirs):
    """The stores that training reads: made by us, and taken over from nnU-Net's cases."""
    files = sorted(Path(ours).glob("*/*/*.npy"))
    assert files
    for file in files:
        a, b = np.load(file), np.load(Path(theirs) / file.relative_to(ours))
        assert a.shape == b.shape and a.dtype == b.dtype, file
        assert np.abs(a.astype(np.float64) - b).max() <= (1e-5 if a.dtype == np.float32 else 0), file


def pretrained(model, checkpoint):
    from nnunetv2.run.load_pretrained_weights import load_pretrained_weights

    made = trainer(model, fold=1)
    load_pretrained_weights(made.network, checkpoint)
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)["network_weights"]
    for name, value in made.network.state_dict().items():
        if ".seg_layers." not in name:
            assert torch.equal(value, saved[name]), name
        elif name.endswith("weight"):
            assert not torch.equal(value, saved[name]), name


if __name__ == "__main__":
    {"dataset": dataset, "continues": continues, "finished": finished, "predict": predict, "same_maps": same_maps,
     "pretrained": pretrained, "same_cases": same_cases}[sys.argv[1]](*sys.argv[2:])
