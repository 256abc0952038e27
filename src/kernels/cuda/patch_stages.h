#pragma once
#include "patch_intensity_stages.h"
#include "patch_read_stages.h"

/// A batch of nnU-Net v2's patches: its kernels one after the other.
namespace nnunet::kernels::cuda {

/// run(stages...) for one operator of an entry of the list.
template <class Run>
void run_channel_operator(const PatchRoom& room, std::int64_t entry, ChannelOperator what, const Run& run) {
  using Op = ChannelOperator;
  const Voxels v = room.image_voxels();
  switch (what) {
    case Op::noise:
      return run(AddNoise{{room, v, entry}});
    case Op::blur:
      return run(Neighbourhood<BlurChannels<2>>{{{room, v, entry}}}, Neighbourhood<BlurChannels<1>>{{{room, v, entry}}},
                 Neighbourhood<BlurChannels<0>>{{{room, v, entry}}});
    case Op::linear:
      return run(Pointwise<LinearChange>{{{room, v, entry}}});
    case Op::contrast:
      return run(MomentPieces<Op::contrast>{{room, v, entry}}, MomentTotals<Op::contrast>{{room, v, entry}},
                 Pointwise<StretchContrast>{{{room, v, entry}}});
    case Op::low_resolution:
      return run(Neighbourhood<Coarsen>{{{room, v, entry}}});
    case Op::gamma:
      return run(MomentPieces<Op::gamma>{{room, v, entry}}, MomentTotals<Op::gamma>{{room, v, entry}},
                 RaisePieces{{{room, v, entry}}}, MomentTotals<Op::gamma, true>{{room, v, entry}},
                 Pointwise<RestoreMoments>{{{room, v, entry}}});
    case Op::median:
      return run(Neighbourhood<Median>{{{room, v, entry}}});
    case Op::blank_boxes:
      return run(BlankBoxes{{room, v, entry}});
    case Op::gradient:
      return run(Pointwise<AddGradient>{{{room, v, entry}}});
    case Op::local_gamma:
      return run(MomentPieces<Op::local_gamma>{{room, v, entry}}, MomentTotals<Op::local_gamma>{{room, v, entry}},
                 Pointwise<BlendGamma>{{{room, v, entry}}});
    case Op::sharpening:
      return run(Neighbourhood<Sharpen>{{{room, v, entry}}});
    case Op::none:
    case Op::count:
      return;
  }
}

/// run(stages...) for each kernel. A channel meets at most one operator of an entry, so that their order is free.
template <class Run>
void run_patch_stages(const PatchShape& shape, const PatchBatch& batch, void* workspace, const Run& run) {
  const PatchRoom room(shape, batch, workspace);
  run(ReadPatches{room, room.label_voxels()});
  for (std::int64_t entry = 0; entry < shape.entries; ++entry)
    for (std::uint32_t what = 0; what < static_cast<std::uint32_t>(ChannelOperator::count); ++what)
      if ((batch.drawn[entry] >> what & 1) != 0)
        run_channel_operator(room, entry, static_cast<ChannelOperator>(what), run);
  run(PutImage{room, room.image_voxels()});
  run(PutLabels{room, room.label_voxels()});
}

}  // namespace nnunet::kernels::cuda
