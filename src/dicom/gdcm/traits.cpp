#include "traits.h"

#include <algorithm>
#include <array>
#include <string>

namespace nnunet::dicom {

namespace {

enum class Form { text, decimals, doubles, longs, words };

/// Where a trait stands, and how it is written.
struct Source {
  Trait trait;
  Tag tag;
  Form form;
};

constexpr Tag kContrastAgent = 0x00180010, kAcquisitionDate = 0x00080022, kAcquisitionDateTime = 0x0008002a,
              kAcquisitionTime = 0x00080032, kFrameMoment = 0x00189074, kFrameContent = 0x00209111,
              kDiffusion = 0x00189117, kGradientSequence = 0x00189076, kGradient = 0x00189089,
              kDimensionIndices = 0x00209157, kDimensionSequence = 0x00209222, kDimensionPointer = 0x00209165,
              kDimensionGroup = 0x00209167;

constexpr auto kOfInstance = std::to_array<Source>({{Trait::stack, 0x00209056, Form::text},
                                                    {Trait::temporal_position, 0x00200100, Form::decimals},
                                                    {Trait::echo_number, 0x00180086, Form::decimals},
                                                    {Trait::echo_time, 0x00180081, Form::decimals},
                                                    {Trait::inversion_time, 0x00180082, Form::decimals},
                                                    {Trait::flip_angle, 0x00181314, Form::decimals},
                                                    {Trait::b_value, 0x00189087, Form::doubles},
                                                    {Trait::gradient, kGradient, Form::doubles},
                                                    {Trait::image_type, 0x00080008, Form::text},
                                                    {Trait::component, 0x00089208, Form::text},
                                                    {Trait::acquisition, 0x00200012, Form::decimals},
                                                    {Trait::trigger_time, 0x00181060, Form::decimals},
                                                    {Trait::reference_time, 0x00541300, Form::decimals},
                                                    {Trait::repetition_time, 0x00180080, Form::decimals}});

/// The same of frames: in the first item of a sequence of their groups.
struct GroupSource {
  Tag sequence;
  Source source;
};
constexpr auto kOfGroups = std::to_array<GroupSource>({
    {kFrameContent, {Trait::stack, 0x00209056, Form::text}},
    {kFrameContent, {Trait::temporal_position, 0x00209128, Form::longs}},
    {kFrameContent, {Trait::acquisition, 0x00209156, Form::words}},
    {0x00189114, {Trait::echo_time, 0x00189082, Form::doubles}},
    {0x00189115, {Trait::inversion_time, 0x00189079, Form::doubles}},
    {0x00189112, {Trait::flip_angle, 0x00181314, Form::decimals}},
    {0x00189112, {Trait::repetition_time, 0x00180080, Form::decimals}},
    {kDiffusion, {Trait::b_value, 0x00189087, Form::doubles}},
    {0x00189226, {Trait::image_type, 0x00089007, Form::text}},  // MR
    {0x00189226, {Trait::component, 0x00089208, Form::text}},
    {0x00189329, {Trait::image_type, 0x00089007, Form::text}},  // CT
    {0x00189751, {Trait::image_type, 0x00089007, Form::text}},  // PET
    {0x00189118, {Trait::trigger_time, 0x00209153, Form::doubles}},
});

constexpr auto kVectors = std::to_array<std::pair<Trait, Tag>>({{Trait::energy_window, 0x00540010},
                                                                {Trait::detector, 0x00540020},
                                                                {Trait::phase, 0x00540030},
                                                                {Trait::interval, 0x00540060},
                                                                {Trait::time_slot, 0x00540070},
                                                                {Trait::temporal_position, 0x00540100}});

/// Dimensions that say where a frame lies.
constexpr auto kPlaces = std::to_array<Tag>({0x00200032, 0x00201041, 0x00209057, 0x00209113});

TraitValue value_of(const Elements& e, Tag tag, Form form) {
  constexpr std::size_t longest_text = 256, most_numbers = 64;
  TraitValue value;
  switch (form) {
    case Form::text:
      value.text = e.text(tag);
      break;
    case Form::decimals:
      value.numbers = e.decimals(tag);
      break;
    case Form::doubles:
      value.numbers = e.doubles(tag);
      break;
    case Form::longs:
      value.numbers = e.longs(tag);
      break;
    case Form::words:
      value.numbers = e.words(tag);
      break;
  }
  if (value.text.size() > longest_text || value.numbers.size() > most_numbers) return {};
  return value;
}

void put(Traits& traits, Trait trait, TraitValue value) {
  if (!value.text.empty() || !value.numbers.empty()) traits[trait] = std::move(value);
}

void put(Traits& traits, const Elements& e, const Source& source) {
  put(traits, source.trait, value_of(e, source.tag, source.form));
}

/// Date and time as digits, so that texts are in the order of time; empty where they are something else.
void put_moment(Traits& traits, std::string text) {
  text = text.substr(0, text.find_first_of("+-&"));
  std::erase(text, ':');
  if (std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); }))
    put(traits, Trait::acquisition_moment, {{}, text});
}

}  // namespace

void add_wanted_traits(Wanted& wanted) {
  for (const Source& source : kOfInstance) wanted.values.push_back(source.tag);
  for (const GroupSource& group : kOfGroups) {
    wanted.values.push_back(group.source.tag);
    wanted.sequences.push_back(group.sequence);
  }
  for (const auto& [trait, tag] : kVectors) wanted.values.push_back(tag);
  for (const Tag tag : {kContrastAgent, kAcquisitionDate, kAcquisitionDateTime, kAcquisitionTime, kFrameMoment,
                        kDimensionIndices, kDimensionPointer, kDimensionGroup})
    wanted.values.push_back(tag);
  for (const Tag tag : {kGradientSequence, kDimensionSequence}) wanted.sequences.push_back(tag);
}

Traits traits_of(const Elements& data_set) {
  Traits traits;
  for (const Source& source : kOfInstance) put(traits, data_set, source);
  if (!data_set.text(kContrastAgent).empty()) put(traits, Trait::contrast, {{1}, {}});
  const std::string moment = data_set.text(kAcquisitionDateTime), time = data_set.text(kAcquisitionTime);
  if (!moment.empty())
    put_moment(traits, moment);
  else if (!time.empty())
    put_moment(traits, data_set.text(kAcquisitionDate) + time);
  return traits;
}

void add_group_traits(Traits& traits, const Elements& groups, const std::vector<std::size_t>& dimensions) {
  for (const GroupSource& group : kOfGroups)
    if (const Elements* item = groups.item(group.sequence)) put(traits, *item, group.source);
  if (const Elements* diffusion = groups.item(kDiffusion))
    if (const Elements* item = diffusion->item(kGradientSequence))
      put(traits, *item, {Trait::gradient, kGradient, Form::doubles});
  const Elements* content = groups.item(kFrameContent);
  if (content == nullptr) return;
  put_moment(traits, content->text(kFrameMoment));
  const std::vector<double> indices = content->longs(kDimensionIndices);
  TraitValue own;
  for (const std::size_t i : dimensions)
    if (i < indices.size()) own.numbers.push_back(indices[i]);
  put(traits, Trait::dimensions, std::move(own));
}

std::vector<std::size_t> own_dimensions(const Elements& data_set) {
  constexpr std::size_t most = 16;
  std::vector<std::size_t> own;
  const auto found = data_set.sequences.find(kDimensionSequence);
  if (found == data_set.sequences.end()) return own;
  for (std::size_t i = 0; i < std::min(found->second.size(), most); ++i) {
    const std::vector<Tag> pointer = found->second[i].tags(kDimensionPointer),
                           group = found->second[i].tags(kDimensionGroup);
    const auto is_place = [](const std::vector<Tag>& tags) {
      return !tags.empty() && std::ranges::find(kPlaces, tags.front()) != kPlaces.end();
    };
    if (!pointer.empty() && !is_place(pointer) && !is_place(group)) own.push_back(i);
  }
  return own;
}

void add_vector_traits(Traits& traits, const Elements& data_set, std::size_t frame) {
  for (const auto& [trait, tag] : kVectors) {
    const std::vector<double> numbers = data_set.words(tag);
    if (frame < numbers.size()) put(traits, trait, {{numbers[frame]}, {}});
  }
}

}  // namespace nnunet::dicom
