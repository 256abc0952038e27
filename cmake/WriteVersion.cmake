# cmake -DSOURCE=.. -DOUTPUT=.. -DVERSION=.. -P WriteVersion.cmake: writes the source of program_version() where it differs.
# The commit is git's where SOURCE is a checkout, else what `git archive` wrote into commit.txt, else not known.
set(commit "")
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --exclude=* --abbrev=9 --dirty=.changed
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
else()
  file(STRINGS ${SOURCE}/cmake/commit.txt commit LIMIT_COUNT 1)
endif()
if(NOT commit MATCHES "^[0-9a-f]+(.changed)?$")
  set(commit "")
endif()
if(commit)
  set(VERSION "${VERSION}+${commit}")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "nnunet/core/version.h"

namespace nnunet {

std::string program_version() {
  return "@VERSION@";
}

}  // namespace nnunet
]])
