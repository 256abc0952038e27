#pragma once
#include <map>
#include <string>
#include <vector>

#include "nnunet/data/folder.h"

namespace nnunet {

/// Case name -> what tells its content from another's; "" where a file could not be read.
using CaseIdentities = std::map<std::string, std::string>;

/// The identities of these cases of a preprocessed folder: a digest of the sizes of image and label, their headers and
/// blocks spread over them, so that it costs
/// a few reads a case and does not depend on where the files lie. Names that are not UTF-8 are given as a checkpoint
/// keeps them.
CaseIdentities identify_cases(const PreprocessedFolder& folder, const std::vector<std::string>& names);

}  // namespace nnunet
