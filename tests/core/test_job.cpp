#include "nnunet/core/job.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/core/error.h"

extern char** environ;

namespace nnunet {
namespace {

using Variables = std::map<std::string, std::string>;

bool is_launchers(const std::string& name) {
  for (const char* prefix : {"SLURM_", "OMPI_", "PMIX_", "TORCHELASTIC_", "MASTER_"})
    if (name.starts_with(prefix)) return true;
  return name == "RANK" || name == "WORLD_SIZE" || name == "LOCAL_RANK" || name == "LOCAL_WORLD_SIZE";
}

Variables launchers_variables() {
  Variables found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (is_launchers(text.substr(0, equals))) found[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return found;
}

void replace_variables(const Variables& wanted) {
  for (const auto& [name, value] : launchers_variables()) unsetenv(name.c_str());
  for (const auto& [name, value] : wanted) setenv(name.c_str(), value.c_str(), 1);
}

class Job : public testing::Test {
 protected:
  ~Job() override { replace_variables(own_); }

  static JobPlace place(const Variables& variables) {
    replace_variables(variables);
    return job_place();
  }
  static std::string refusal(const Variables& variables) {
    try {
      place(variables);
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  }
  static Variables with(Variables variables, const std::string& name, const std::string& value) {
    variables[name] = value;
    return variables;
  }
  static Variables without(Variables variables, const std::string& name) {
    variables.erase(name);
    return variables;
  }

  const Variables torchrun_{{"RANK", "5"},        {"WORLD_SIZE", "8"},
                            {"LOCAL_RANK", "1"},  {"LOCAL_WORLD_SIZE", "4"},
                            {"MASTER_ADDR", "n"}, {"MASTER_PORT", "29501"}};
  const Variables slurm_{{"SLURM_JOB_ID", "1234"},
                         {"SLURM_STEP_ID", "0"},
                         {"SLURM_PROCID", "3"},
                         {"SLURM_NTASKS", "7"},
                         {"SLURM_LOCALID", "1"},
                         {"SLURM_NODEID", "1"},
                         {"SLURM_TASKS_PER_NODE", "2(x3),1"},
                         {"SLURM_JOB_NODELIST", "node[03-05,9]"}};
  const Variables mpi_{{"OMPI_COMM_WORLD_RANK", "1"},
                       {"OMPI_COMM_WORLD_SIZE", "2"},
                       {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};

 private:
  const Variables own_ = launchers_variables();
};

TEST_F(Job, AloneWithoutALauncher) {
  const JobPlace alone = place({});
  EXPECT_EQ(alone.size, 1);
  EXPECT_EQ(alone.rank, 0);
  EXPECT_EQ(alone.launcher, "");
  EXPECT_EQ(place({{"WORLD_SIZE", "4"}, {"MASTER_ADDR", "n"}}).size, 1);  // exported for tasks that are not there
}

TEST_F(Job, Torchrun) {
  const JobPlace p = place(torchrun_);
  EXPECT_EQ(p.rank, 5);
  EXPECT_EQ(p.size, 8);
  EXPECT_EQ(p.local_rank, 1);
  EXPECT_EQ(p.local_size, 4);
  EXPECT_EQ(p.master_address, "n");
  EXPECT_EQ(p.master_port, 29501);
  EXPECT_EQ(p.launcher, "torchrun");
}

TEST_F(Job, TorchrunNamesWhatIsWrong) {
  for (const auto& [name, value] : torchrun_) {
    EXPECT_TRUE(name == "RANK" || refusal(without(torchrun_, name)).find(name) != std::string::npos) << name;
    EXPECT_TRUE(name == "MASTER_ADDR" || refusal(with(torchrun_, name, "four")).find(name) != std::string::npos)
        << name;
  }
  EXPECT_NE(refusal(with(torchrun_, "RANK", "8")).find("RANK: \"8\""), std::string::npos);
  EXPECT_NE(refusal(with(torchrun_, "RANK", "-1")), "");
  EXPECT_NE(refusal(with(torchrun_, "RANK", "1x")), "");
  EXPECT_NE(refusal(with(torchrun_, "WORLD_SIZE", "0")), "");
  EXPECT_NE(refusal(with(torchrun_, "MASTER_PORT", "70000")), "");
  EXPECT_NE(refusal({{"TORCHELASTIC_RUN_ID", "a"}}).find("WORLD_SIZE"), std::string::npos);
}

TEST_F(Job, Slurm) {
  const JobPlace p = place(slurm_);
  EXPECT_EQ(p.rank, 3);
  EXPECT_EQ(p.size, 7);
  EXPECT_EQ(p.local_rank, 1);
  EXPECT_EQ(p.local_size, 2);
  EXPECT_EQ(p.master_address, "node03");
  EXPECT_GE(p.master_port, 1024);
  EXPECT_LT(p.master_port, 32768);
  EXPECT_EQ(p.launcher, "slurm");
  EXPECT_EQ(place(with(slurm_, "SLURM_PROCID", "0")).master_port, p.master_port);
  EXPECT_NE(place(with(slurm_, "SLURM_STEP_ID", "1")).master_port, p.master_port);
  EXPECT_NE(place(with(slurm_, "SLURM_JOB_ID", "1235")).master_port, p.master_port);
  EXPECT_EQ(place(with(slurm_, "MASTER_PORT", "2000")).master_port, 2000);
  EXPECT_EQ(place(with(slurm_, "MASTER_ADDR", "other")).master_address, "other");
}

TEST_F(Job, SlurmTasksOfANode) {
  const auto size = [&](const std::string& list, const std::string& node) {
    Variables v = with(with(slurm_, "SLURM_TASKS_PER_NODE", list), "SLURM_NODEID", node);
    v["SLURM_LOCALID"] = "0";
    return place(v).local_size;
  };
  EXPECT_EQ(size("2(x3),1", "2"), 2);
  EXPECT_EQ(size("2(x3),1", "3"), 1);
  EXPECT_EQ(size("7", "0"), 7);
  EXPECT_EQ(size("1,2(x2),3", "3"), 3);
  Variables v = without(slurm_, "SLURM_TASKS_PER_NODE");
  EXPECT_NE(refusal(v).find("SLURM_NTASKS_PER_NODE"), std::string::npos);
  EXPECT_EQ(place(with(v, "SLURM_NTASKS_PER_NODE", "4")).local_size, 4);
  EXPECT_NE(refusal(without(slurm_, "SLURM_NODEID")).find("SLURM_NODEID"), std::string::npos);
  for (const char* bad : {"2(x", "2(x)", "(x2)", "2(x3", "0", "2,", ",", "2(x99999999999999999999)", "2(x1048576),1"})
    EXPECT_NE(refusal(with(slurm_, "SLURM_TASKS_PER_NODE", bad)).find("SLURM_TASKS_PER_NODE"), std::string::npos)
        << bad;
}

TEST_F(Job, SlurmHostLists) {
  const auto host = [&](const std::string& list) {
    return place(with(slurm_, "SLURM_JOB_NODELIST", list)).master_address;
  };
  EXPECT_EQ(host("localhost"), "localhost");
  EXPECT_EQ(host("a,b[1-2]"), "a");
  EXPECT_EQ(host("node[03-05,9],x"), "node03");
  EXPECT_EQ(host("rack[1-2]n[07,9]"), "rack1n07");
  EXPECT_EQ(host("n[7]-ib"), "n7-ib");
  for (const char* bad : {"node[03", "node[]", ",a", "["})
    EXPECT_NE(refusal(with(slurm_, "SLURM_JOB_NODELIST", bad)).find("SLURM_JOB_NODELIST"), std::string::npos) << bad;
  EXPECT_NE(refusal(without(slurm_, "SLURM_JOB_NODELIST")), "");
  EXPECT_EQ(place(with(slurm_, "SLURM_STEP_NODELIST", "other")).master_address, "other");
}

TEST_F(Job, SlurmCountsOnlyInAStepOfSeveralTasks) {
  EXPECT_EQ(place(without(slurm_, "SLURM_STEP_ID")).size, 1);                // sbatch's shell
  EXPECT_EQ(place(with(slurm_, "SLURM_STEP_ID", "4294967290")).size, 1);     // salloc's
  EXPECT_EQ(place(with(slurm_, "SLURM_STEP_NUM_TASKS", "1")).launcher, "");  // srun -n 1 in a larger job
  EXPECT_EQ(place(with(slurm_, "SLURM_STEP_NUM_TASKS", "5")).size, 5);
}

TEST_F(Job, SlurmNamesWhatIsWrong) {
  for (const char* name : {"SLURM_LOCALID", "SLURM_NTASKS", "SLURM_JOB_ID"})
    EXPECT_NE(refusal(without(slurm_, name)).find(name), std::string::npos) << name;
  for (const char* name : {"SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS", "SLURM_JOB_ID", "SLURM_STEP_ID"})
    EXPECT_NE(refusal(with(slurm_, name, "x")).find(name), std::string::npos) << name;
  EXPECT_NE(refusal(with(slurm_, "SLURM_PROCID", "7")).find("SLURM_PROCID"), std::string::npos);
}

TEST_F(Job, OpenMpi) {
  const JobPlace p = place(mpi_);
  EXPECT_EQ(p.rank, 1);
  EXPECT_EQ(p.size, 2);
  EXPECT_EQ(p.local_rank, 1);
  EXPECT_EQ(p.local_size, 2);
  EXPECT_EQ(p.master_address, "127.0.0.1");
  EXPECT_GT(p.master_port, 0);
  EXPECT_EQ(p.launcher, "openmpi");
  Variables several = with(mpi_, "OMPI_COMM_WORLD_SIZE", "4");
  EXPECT_NE(refusal(several).find("MASTER_ADDR"), std::string::npos);
  EXPECT_EQ(place(with(several, "MASTER_ADDR", "first")).master_address, "first");
  for (const auto& [name, value] : mpi_) {
    EXPECT_NE(refusal(without(mpi_, name)).find(name), std::string::npos) << name;
    EXPECT_NE(refusal(with(mpi_, name, "")).find(name), std::string::npos) << name;
  }
}

TEST_F(Job, TheInnermostLauncherCounts) {
  Variables all = slurm_;
  all.insert(mpi_.begin(), mpi_.end());
  EXPECT_EQ(place(all).launcher, "openmpi");  // mpirun's daemons are tasks of a Slurm step
  all.insert(torchrun_.begin(), torchrun_.end());
  EXPECT_EQ(place(all).launcher, "torchrun");
}

TEST_F(Job, CoresAreShared) {
  JobPlace place;
  const int alone = cores_for(place);
  EXPECT_GE(alone, 1);
  place.local_size = 1 << 20;
  EXPECT_LE(cores_for(place), alone);
  EXPECT_GE(cores_for(place), 1);
}

}  // namespace
}  // namespace nnunet
