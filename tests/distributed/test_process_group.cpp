#include <gtest/gtest.h>

#include <mutex>

#include "distributed/group.h"
#include "nnunet/distributed/gradient_average.h"

namespace nnunet {
namespace {

using test::in_group;

TEST(ProcessGroup, AloneEverythingStaysAsItIs) {
  const ProcessGroup alone;
  torch::Tensor t = torch::ones({3});
  alone.sum(t);
  alone.broadcast(t);
  EXPECT_TRUE(t.equal(torch::ones({3})));
  EXPECT_EQ(alone.largest(4), 4);
  EXPECT_TRUE(global_sum(alone, t).is_same(t));
}

TEST(ProcessGroup, SumsBroadcastsAndCompares) {
  in_group(3, [](const ProcessGroup& group) {
    const int rank = group.rank();
    for (const auto type : {torch::kFloat, torch::kDouble, torch::kLong}) {
      torch::Tensor t = torch::full({5}, rank + 1, type);
      group.sum(t);
      EXPECT_TRUE(t.equal(torch::full({5}, 6, type)));
    }
    torch::Tensor first = torch::full({2, 2}, rank);
    group.broadcast(first);
    EXPECT_TRUE(first.equal(torch::zeros({2, 2}, torch::kLong)));
    std::string text = rank == 0 ? "said by the first" : "";
    group.broadcast(text);
    EXPECT_EQ(text, "said by the first");
    EXPECT_EQ(group.largest(rank == 1 ? 7 : -2), 7);
  });
}

TEST(ProcessGroup, TheSumsGradientIsTheSumOfTheGradients) {
  in_group(2, [](const ProcessGroup& group) {
    const torch::Tensor x = torch::full({2}, group.rank() + 1.0, torch::kDouble).requires_grad_();
    const torch::Tensor weight = torch::full({2}, group.rank() == 0 ? 3.0 : 5.0, torch::kDouble);
    const torch::Tensor sum = global_sum(group, x);
    EXPECT_TRUE(sum.detach().equal(torch::full({2}, 3.0, torch::kDouble)));
    (sum * weight).sum().backward();
    EXPECT_TRUE(x.grad().equal(torch::full({2}, 8.0, torch::kDouble)));
  });
}

TEST(GradientAverage, AveragesEachStep) {
  in_group(2, [](const ProcessGroup& group) {
    torch::Tensor a = torch::ones({300, 4}).requires_grad_(), b = torch::ones({7}).requires_grad_();
    GradientAverage average(group, {a, b});
    for (int step = 1; step <= 3; ++step) {
      a.mutable_grad().reset();
      b.mutable_grad().reset();
      average.before_forward();
      const double factor = (group.rank() + 1) * step;
      const torch::Tensor loss = (a * factor).sum() + (b * b * factor).sum();
      average.before_backward();
      loss.backward();
      EXPECT_TRUE(a.grad().equal(torch::full({300, 4}, 1.5 * step)));
      EXPECT_TRUE(b.grad().equal(torch::full({7}, 3.0 * step)));
    }
  });
}

TEST(ProcessGroup, SaysWhyAnotherLeft) {
  std::mutex mutex;
  std::string message;
  const int port = test::free_port();
  const auto member = [&](int rank) {
    JobPlace place;
    place.rank = place.local_rank = rank;
    place.size = place.local_size = 2;
    place.master_address = "127.0.0.1";
    place.master_port = port;
    const ProcessGroup group(place, torch::kCPU, std::chrono::seconds(5));
    if (rank == 1) return group.report_failure("case 12 is lost");
    try {
      for (;;) group.barrier();
    } catch (const LostProcess& e) {
      const std::lock_guard lock(mutex);
      message = e.what();
    }
  };
  { std::jthread first(member, 0), second(member, 1); }
  EXPECT_NE(message.find("case 12 is lost"), std::string::npos) << message;
}

TEST(ProcessGroup, SaysThatTheOthersDidNotCome) {
  JobPlace place;
  place.rank = 0;
  place.size = place.local_size = 2;
  place.master_address = "127.0.0.1";
  place.master_port = test::free_port();
  EXPECT_THROW(ProcessGroup(place, torch::kCPU, std::chrono::seconds(1)), Error);
}

}  // namespace
}  // namespace nnunet
