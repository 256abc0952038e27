// Exceptions pass between the program (or the C library) and the libraries of DICOM, each of which has GCC's unwinder
// inside. A copy of it fills its table of the processor's registers when it is first used to throw; without the table
// it aborts where an exception of another copy arrives. So each is used once when it is loaded.
#include <unwind.h>

namespace {

_Unwind_Reason_Code stop(_Unwind_Context*, void*) {
  return _URC_END_OF_STACK;
}

__attribute__((constructor)) void fill_table() {
  _Unwind_Backtrace(stop, nullptr);
}

}  // namespace
