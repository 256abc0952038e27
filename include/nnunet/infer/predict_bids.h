#pragma once
#include "nnunet/infer/predict_images.h"
#include "nnunet/io/bids.h"

namespace nnunet {

/// Segments the images of a BIDS dataset (options.input) into a derivative (options.output): label maps under BIDS's
/// names (io/bids.h), each with a .json that names its sources, dseg.tsv with the labels' names and colours,
/// dataset_description.json. Label maps are kept, made anew or refused as predict_images does, which see for the rest.
/// Throws Error as list_bids_cases, for another number of channels than the network's, a model whose images are no
/// NIfTI files, an output that BIDS has no name for, and a folder that lies in the dataset elsewhere than under
/// derivatives/ or that another program described.
ImagePredictionResult predict_bids(Predictor& predictor, const BidsSelection& selection,
                                   const ImagePredictionOptions& options);

}  // namespace nnunet
