#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace nnunet {

/// Takes typed values out of one JSON object. What is missing or of another type is an Error that names the file, the
/// field and what is wrong: `config.json: "ct.std" is missing. REMEDY.` The object must outlive this.
class JsonFields {
 public:
  /// name: the file, for messages; prefix: where the object lies in it ("ct."). Throws Error for anything but an
  /// object.
  JsonFields(const nlohmann::json& object, std::string name, std::string remedy, std::string prefix = {});

  [[noreturn]] void fail(std::string_view key, std::string_view problem) const;

  /// null counts as absent.
  bool has(const std::string& key) const;
  const nlohmann::json& at(const std::string& key) const;
  /// Throws Error for a key that is not among these.
  void allow_only(const std::vector<std::string_view>& keys) const;
  const std::string& name() const { return name_; }

  bool boolean(const std::string& key) const;
  std::string text(const std::string& key) const;
  double real(const std::string& key) const;  ///< finite
  std::int64_t whole(const std::string& key, std::int64_t low, std::int64_t high) const;

  const nlohmann::json& list(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<double> reals(const std::string& key) const;
  std::vector<std::int64_t> wholes(const std::string& key, std::int64_t low, std::int64_t high) const;

  /// An object within this one.
  JsonFields object(const std::string& key) const;
  /// The objects of a list within this one.
  std::vector<JsonFields> objects(const std::string& key) const;

 private:
  double real(const nlohmann::json& item, const std::string& key) const;
  std::int64_t whole(const nlohmann::json& item, const std::string& key, std::int64_t low, std::int64_t high) const;

  const nlohmann::json* object_;
  std::string name_, remedy_, prefix_;
};

}  // namespace nnunet
