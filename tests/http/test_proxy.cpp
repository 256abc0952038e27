// Which requests go through a proxy, and what is said of it when they fail.
#include <gtest/gtest.h>

#include "fake_proxy.h"
#include "http/proxy.h"
#include "nnunet/http/http_client.h"

using namespace nnunet;
using namespace nnunet::test;
using namespace std::chrono_literals;

namespace {

const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
const std::string bad_gateway = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

HttpReply get(const std::string& url) {
  return HttpClient().send({.url = url, .timeout = 5s, .connect = 5s});
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// An address on the loopback where nobody listens.
std::string nobody() {
  return FakeProxy(hello).address();
}

}  // namespace

TEST(Proxy, ThisMachineIsAskedDirectly) {
  FakeProxy proxy(hello), server(hello);
  const ProxyVariables environment({{"http_proxy", "http://" + proxy.address()}});
  const std::string port = server.address().substr(server.address().find(':'));
  for (const std::string host : {"127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2", "127.1", "0.0.0.0"}) {
    // Nobody listens at 127.0.0.2; that the proxy is not asked is what matters.
    const HttpReply reply = get("http://" + host + port + "/a");
    EXPECT_EQ(reply.via_proxy, "") << host;
    EXPECT_EQ(reply.body, host == "127.0.0.2" ? "" : "hello") << host << " " << reply.broken;
  }
  EXPECT_TRUE(proxy.requests().empty());
  EXPECT_EQ(server.requests().size(), 5U);
  EXPECT_EQ(get("http://other.invalid/a").body, "hello");
  EXPECT_EQ(proxy.requests(), std::vector<std::string>{"GET http://other.invalid/a HTTP/1.1"});
}

TEST(Proxy, NoProxyIsHonoured) {
  FakeProxy proxy(hello);
  for (const char* const variable : {"no_proxy", "NO_PROXY"}) {
    const ProxyVariables environment({{"http_proxy", proxy.address()}, {variable, "a.invalid, .b.invalid"}});
    EXPECT_EQ(get("http://c.invalid/").body, "hello");
    const auto before = proxy.requests().size();
    for (const char* const host : {"a.invalid", "A.Invalid", "x.a.invalid", "b.invalid", "y.b.invalid"}) {
      const HttpReply reply = get(std::string("http://") + host + "/");
      EXPECT_FALSE(reply.broken.empty()) << host;
      EXPECT_FALSE(contains(reply.broken, "proxy")) << reply.broken;
    }
    EXPECT_EQ(proxy.requests().size(), before);
  }
  const ProxyVariables all({{"http_proxy", proxy.address()}, {"no_proxy", "*"}});
  const auto before = proxy.requests().size();
  EXPECT_FALSE(get("http://c.invalid/").broken.empty());
  EXPECT_EQ(proxy.requests().size(), before);
}

TEST(Proxy, AFailureNamesItWithoutThePassword) {
  const std::string address = nobody();
  const ProxyVariables environment({{"http_proxy", "http://user:secret@" + address}});
  const HttpReply reply = get("http://host.invalid:8000/a");
  EXPECT_TRUE(contains(reply.broken, "through the proxy http://" + address + " that http_proxy names")) << reply.broken;
  EXPECT_TRUE(contains(reply.broken, "no_proxy=host.invalid leaves it out")) << reply.broken;
  EXPECT_FALSE(contains(reply.broken, "secret")) << reply.broken;
}

TEST(Proxy, OneThatCannotBeUsedIsNotQuoted) {
  for (const std::string value :
       {"http://user:secret@[bad", "odd://user:secret@host.invalid:1", "user:secret@ho st:1"}) {
    const ProxyVariables environment({{"http_proxy", value}});
    const HttpReply reply = get("http://host.invalid/a");
    EXPECT_TRUE(contains(reply.broken, "http_proxy names")) << reply.broken;
    EXPECT_FALSE(contains(reply.broken, "secret")) << reply.broken;
  }
}

TEST(Proxy, AnErrorsAnswerNamesIt) {
  FakeProxy proxy(bad_gateway);
  const ProxyVariables environment({{"all_proxy", "http://" + proxy.address()}});
  const HttpReply reply = get("http://host.invalid/a");
  EXPECT_EQ(reply.status, 502);
  EXPECT_EQ(reply.broken, "");
  EXPECT_TRUE(contains(reply.via_proxy, proxy.address() + " that all_proxy names; no_proxy=host.invalid"))
      << reply.via_proxy;
}

TEST(Proxy, VariablesByScheme) {
  const ProxyVariables environment(
      {{"http_proxy", "one:1"}, {"HTTPS_PROXY", "http://me:word@two"}, {"all_proxy", "x:3"}});
  EXPECT_EQ(proxy_for("http://a.invalid").address, "http://one:1");
  EXPECT_EQ(proxy_for("https://a.invalid").address, "http://two");
  EXPECT_EQ(proxy_for("https://a.invalid").variable, "HTTPS_PROXY");
  EXPECT_EQ(proxy_for("http://localhost:8000").variable, "");
  EXPECT_EQ(proxy_for("http://[::1]:8000").variable, "");
  EXPECT_EQ(proxy_for("no address at all").variable, "");
  const ProxyVariables none({});
  EXPECT_EQ(proxy_for("http://a.invalid").variable, "");
}

TEST(Proxy, ListsOfHosts) {
  EXPECT_TRUE(lists_host("*", "anything"));
  EXPECT_FALSE(lists_host("", "anything"));
  EXPECT_TRUE(lists_host("a.org,b.org c.org", "B.ORG"));
  EXPECT_TRUE(lists_host(".b.org.", "www.b.org."));
  EXPECT_FALSE(lists_host("b.org", "ab.org"));
  EXPECT_FALSE(lists_host("www.b.org", "b.org"));
  EXPECT_TRUE(lists_host("10.0.0.0/8", "10.1.2.3"));
  EXPECT_FALSE(lists_host("10.0.0.0/8", "11.1.2.3"));
  EXPECT_FALSE(lists_host("10.0.0.0", "10.0.0.1"));
  EXPECT_FALSE(lists_host("0.0.1", "10.0.0.1"));
  EXPECT_TRUE(lists_host("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(lists_host("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(lists_host("fe80::/10", "[fe80::1]"));
  EXPECT_TRUE(lists_host("::1", "[::1]"));
  EXPECT_FALSE(lists_host("::/128", "10.0.0.1"));
}
