#pragma once
#include <cstddef>
#include <map>
#include <vector>

#include "elements.h"
#include "instance.h"

namespace nnunet::dicom {

using Traits = std::map<Trait, TraitValue>;

/// What is read of a header for them.
void add_wanted_traits(Wanted& wanted);

/// What a data set says of all its frames.
Traits traits_of(const Elements& data_set);
/// What a frame's groups, or those that all frames share, say. dimensions: as own_dimensions.
void add_group_traits(Traits& traits, const Elements& groups, const std::vector<std::size_t>& dimensions);
/// Which of a multi-frame file's dimension indices (from 0) are no places.
std::vector<std::size_t> own_dimensions(const Elements& data_set);
/// Nuclear medicine: frame i's number in each of the vectors that frames are counted by, but for slices.
void add_vector_traits(Traits& traits, const Elements& data_set, std::size_t frame);

}  // namespace nnunet::dicom
