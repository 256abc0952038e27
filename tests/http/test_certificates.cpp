// Where the certificates that the system trusts are looked for.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "http/certificates.h"

namespace nnunet::test {
namespace {

class Certificates : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* const named = std::getenv("SSL_CERT_FILE")) former_ = named;
  }
  void TearDown() override {
    former_.empty() ? unsetenv("SSL_CERT_FILE") : setenv("SSL_CERT_FILE", former_.c_str(), 1);
  }

  std::string former_;
};

TEST_F(Certificates, AreTheSystemsUnlessOthersAreNamed) {
  unsetenv("SSL_CERT_FILE");
  const std::string systems = system_certificates();
  EXPECT_TRUE(systems.empty() || std::filesystem::exists(systems)) << systems;
  setenv("SSL_CERT_FILE", "", 1);
  EXPECT_EQ(system_certificates(), systems);
  setenv("SSL_CERT_FILE", "mine.pem", 1);
  EXPECT_EQ(system_certificates(), "mine.pem");
}

}  // namespace
}  // namespace nnunet::test
