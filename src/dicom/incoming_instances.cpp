#include "incoming_instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "library.h"
#include "nnunet/core/log.h"
#include "nnunet/io/digest.h"
#include "uids.h"

namespace nnunet::dicom {
namespace {

using Status = StoreAnswer::Status;

/// Series without a UID are told apart as find_series does.
std::string series_name(const Instance& i) {
  return digest_of(i.series_uid.empty() ? fmt::format("/ {} {} {}", i.study_uid, i.series_number, i.modality)
                                        : i.series_uid);
}

bool is_no_image(const Instance& instance) {
  return instance.modality == "SEG" || (!instance.has_pixels && instance.rows == 0);
}

/// Why it is not what was announced, or not whole; empty: it is.
StoreAnswer look_at(const Instance& instance, const ReceivedInstance& received) {
  if (instance.sop_instance_uid != received.sop_instance_uid || instance.sop_class_uid != received.sop_class_uid)
    return {Status::wrong_data_set, "it is another instance than was announced"};
  if (!instance.has_pixels) return {Status::cannot_understand, "it is an image without pixel data"};
  if (!instance.damage.empty()) return {Status::cannot_understand, instance.damage};
  return {};
}

}  // namespace

StorageHandler::Place IncomingInstances::begin(std::uint64_t association) {
  {
    const std::lock_guard lock(mutex_);
    associations_[association].busy = true;
  }
  Place place;
  place.most_bytes = std::min(most_bytes_, spool_.room(place.why_not));
  if (place.most_bytes > 0) place.file = spool_.incoming();
  return place;
}

StoreAnswer IncomingInstances::take(const ReceivedInstance& received) {
  std::optional<Instance> instance;
  try {
    instance = library().read_header(received.file);
  } catch (const Unreadable& e) {
    return {Status::cannot_understand, fmt::format("it {}", e.what())};
  }
  if (is_no_image(*instance)) {
    log::info(fmt::format("instance {} is dropped: it is no image",
                          is_valid_uid(received.sop_instance_uid) ? received.sop_instance_uid : "without a UID"));
    return {};
  }
  if (StoreAnswer answer = look_at(*instance, received); answer.status != Status::success) return answer;
  const std::string series = series_name(*instance);
  const std::size_t count = spool_.add(received.file, series, digest_of(received.sop_instance_uid));
  if (count == 1)
    log::info(fmt::format("series {}: its first instance is here",
                          is_valid_uid(instance->series_uid) ? instance->series_uid : "without a UID"));
  const std::lock_guard lock(mutex_);
  associations_[received.association].series.insert(series);
  return {};
}

void IncomingInstances::end(std::uint64_t association, const std::filesystem::path& file) {
  if (!file.empty()) spool_.forget(file);
  const std::lock_guard lock(mutex_);
  associations_[association].busy = false;
}

void IncomingInstances::closed(std::uint64_t association) {
  const std::lock_guard lock(mutex_);
  associations_.erase(association);
}

std::set<std::string> IncomingInstances::held_series() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> held;
  for (const auto& [number, sending] : associations_)
    if (sending.busy) held.insert(sending.series.begin(), sending.series.end());
  return held;
}

}  // namespace nnunet::dicom
