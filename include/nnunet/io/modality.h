#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace nnunet {

/// True for CT in any case of letters, with blanks around it or without: its intensities mean the same in all images.
bool is_ct_name(std::string_view modality);
/// True for the names of magnetic resonance and its sequences (MRI, T1w, FLAIR, ADC, ...), and for nnU-Net's z-score.
bool is_mr_name(std::string_view modality);

/// Says, once a file, which of its channels' modalities (first one first) is treated as another: a name that is not
/// known as MRI, a channel that differs from the first, which decides for all of them.
void warn_of_modality(const std::vector<std::string>& modality, const std::string& file);

}  // namespace nnunet
