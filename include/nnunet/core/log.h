#pragma once
#include <filesystem>
#include <string_view>

/// The logger: the only global state of the library. Messages go to stderr (prefix with level for warnings and
/// errors) and, after set_log_file, as plain lines with a time stamp to a file. Thread-safe.
namespace nnunet::log {

void info(std::string_view message);
void warn(std::string_view message);
/// A warning whose text was logged before is left out: of a file that is read several times, say.
void warn_once(std::string_view message);
void error(std::string_view message);

/// Copies everything logged from now on to this file (appends). Throws Error if it cannot be written.
void set_log_file(const std::filesystem::path& path);
/// Only warnings and errors on the terminal (the log file still gets everything).
void set_quiet(bool quiet);

}  // namespace nnunet::log
