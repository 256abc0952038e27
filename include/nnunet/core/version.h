#pragma once
#include <string>

namespace nnunet {

/// "0.1.0+539196e3f": the version and, where it is known, the commit that was built; ".changed" at the end where files
/// differed from that commit.
std::string program_version();

}  // namespace nnunet
