#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// Probabilities as numpy's .npz: a zip file with one array, which is read and written class by class, so that no more
/// than a class is in memory. Preprocessed cases of earlier nnU-Net v2 are read, too.
namespace nnunet::v2 {

inline constexpr const char* kProbabilities = "probabilities";

/// What an array may hold: float32, float16 and float64, or int8 and int16.
enum class NpzNumbers { floats, labels };

/// Reads an array in C order (others are turned round in memory).
class NpzReader {
 public:
  /// Throws Error: no zip file, no such array, another type, damaged.
  explicit NpzReader(const std::filesystem::path& path, const std::string& key = kProbabilities,
                     NpzNumbers numbers = NpzNumbers::floats);
  ~NpzReader();
  NpzReader(NpzReader&&) noexcept;
  NpzReader& operator=(NpzReader&&) = delete;

  const std::vector<std::int64_t>& shape() const;
  /// The next values, row by row. Throws Error beyond the end and for a wrong checksum.
  void read(std::span<float> values);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes float32 as numpy.savez_compressed does; the file appears with commit().
class NpzWriter {
 public:
  /// threads: that pack.
  NpzWriter(const std::filesystem::path& path, const std::vector<std::int64_t>& shape, int threads,
            const std::string& key = kProbabilities);
  ~NpzWriter();
  NpzWriter(NpzWriter&&) noexcept;
  NpzWriter& operator=(NpzWriter&&) = delete;

  /// The next values, row by row.
  void write(std::span<const float> values);
  /// Throws std::logic_error unless all values were written.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Packs an .npy file as the array `key` of an .npz file.
void write_npz(const std::filesystem::path& npz, const std::filesystem::path& npy, int threads,
               const std::string& key = kProbabilities);

}  // namespace nnunet::v2
