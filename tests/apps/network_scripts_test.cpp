#include "apps/network_scripts.h"

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "tests/apps/temporary_folder.h"
#include "tunnel/io/file.h"

namespace pptp::app {
namespace {

using std::chrono::seconds;

ScriptFacts some_facts() {
  ScriptFacts facts;
  facts.interface = "pptp0";
  facts.user = R"(OFFICE\alice)";
  facts.server_name = "vpn.example.com";
  facts.server = Ipv4Address(198, 51, 100, 1);
  facts.network.local = Ipv4Address(192, 168, 77, 10);
  facts.network.peer = Ipv4Address(192, 168, 77, 1);
  facts.network.wins = {Ipv4Address(10, 0, 0, 7), Ipv4Address()};
  facts.dns = {Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 2)};
  facts.mtu = 1400;
  return facts;
}

/// A profile whose scripts are in a folder of the test's own.
struct Scene {
  TemporaryFolder folder;
  Profile profile;
  io::EventLoop loop;
  std::optional<io::IoResult<void>> result;

  Scene() {
    profile.name = "office";
    profile.folder = folder.path();
  }

  /// A line of shell as a program of the folder.
  void write(const std::string& name, const std::string& line) const {
    const std::filesystem::path path = profile.folder / name;
    std::ofstream(path) << "#!/bin/sh\ncd " << profile.folder.string() << "\n" << line << "\n";
    REQUIRE(chmod(path.c_str(), 0755) == 0);
  }

  void start(NetworkScripts& scripts) {
    const auto taken_over = [this] {
      std::ofstream(profile.folder / "log", std::ios::app) << "ours\n";
    };
    scripts.start(some_facts(), taken_over, [this](const io::IoResult<void>& ran) {
      result = ran;
      loop.stop();
    });
    loop.run_for(seconds(10));
  }

  std::string log() const { return io::read_file(profile.folder / "log").value_or(""); }
};

TEST_CASE("network_scripts: without any, nothing runs and nothing is to be undone") {
  Scene scene;
  NetworkScripts scripts(scene.loop, Log(), scene.profile);
  CHECK(scripts.check().has_value());
  CHECK_FALSE(scripts.take_over_the_network());
  CHECK(scripts.undoing(some_facts()).empty());
  scripts.start(
      some_facts(), [] { CHECK(false); }, [](const io::IoResult<void>&) { CHECK(false); });
  scripts.calling_again(some_facts());
  scripts.called_again(some_facts());
  CHECK_FALSE(scripts.running());
}

TEST_CASE("network_scripts: what cannot be run is told before anything is dialled") {
  Scene scene;
  SUBCASE("no script") {
    scene.profile.network.script = "vpnc";
  }
  SUBCASE("a folder without either") {
    scene.profile.network.ip_up_dir = ".";
  }
  NetworkScripts scripts(scene.loop, Log(), scene.profile);
  const auto checked = scripts.check();
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().fault == io::IoFault::bad_name);
  CHECK(checked.error().text().find(scene.profile.folder.string()) != std::string::npos);
  CHECK_FALSE(checked.error().hint.empty());
}

TEST_CASE("network_scripts: the vpnc-script first, then ip-up; done when both have ended") {
  Scene scene;
  scene.profile.network.script = "vpnc";
  scene.profile.network.ip_up_dir = ".";
  scene.profile.network.dns = DnsFromPeer();
  scene.write("vpnc", R"(echo "$reason $TUNDEV $VPNGATEWAY $INTERNAL_IP4_ADDRESS )"
                      R"($INTERNAL_IP4_DNS; $INTERNAL_IP4_NBNS $INTERNAL_IP4_MTU $CISCO_SPLIT_INC )"
                      R"($CISCO_SPLIT_INC_0_ADDR" >>log)");
  scene.write("ip-up",
              R"(printf '%s\n' "$* $DNS1 $DNS2 $WINS1 $PPPLOGNAME $PEERNAME $USEPEERDNS" >>log)");
  NetworkScripts scripts(scene.loop, Log(), scene.profile);
  REQUIRE(scripts.check().has_value());
  CHECK(scripts.take_over_the_network());
  scene.start(scripts);
  REQUIRE(scene.result);
  CHECK(scene.result->has_value());
  CHECK(scene.log() ==
        "connect pptp0 198.51.100.1 192.168.77.10 10.0.0.1 10.0.0.2; 10.0.0.7 1400 1 "
        "192.168.77.1\n"
        "ours\n"
        "pptp0 pptp 0 192.168.77.10 192.168.77.1 office 10.0.0.1 10.0.0.2 10.0.0.7 "
        "OFFICE\\alice vpn.example.com 1\n");
  const auto undoing = scripts.undoing(some_facts());
  REQUIRE(undoing.size() == 1);  // there is no ip-down
  CHECK(undoing[0].undo.environment.at("reason") == "disconnect");
}

TEST_CASE("network_scripts: routes are a list for the vpnc-script, everything is none") {
  Scene scene;
  scene.profile.network.script = "vpnc";
  scene.write("vpnc", "true");
  const auto environment = [&] {
    return NetworkScripts(scene.loop, Log(), scene.profile)
        .undoing(some_facts())
        .at(0)
        .undo.environment;
  };
  scene.profile.network.routes = {io::parse_ipv4_prefix("10.0.0.0/8").value(),
                                  io::parse_ipv4_prefix("192.0.2.64/26").value()};
  const auto some = environment();
  CHECK(some.at("CISCO_SPLIT_INC") == "2");
  CHECK(some.at("CISCO_SPLIT_INC_0_MASK") == "255.0.0.0");
  CHECK(some.at("CISCO_SPLIT_INC_1_ADDR") == "192.0.2.64");
  CHECK(some.at("CISCO_SPLIT_INC_1_MASK") == "255.255.255.192");
  CHECK(some.at("CISCO_SPLIT_INC_1_MASKLEN") == "26");
  scene.profile.network.default_route = true;
  CHECK_FALSE(environment().contains("CISCO_SPLIT_INC"));
}

TEST_CASE("network_scripts: one that fails is told, and keeps the next from running") {
  Scene scene;
  scene.profile.network.script = "vpnc";
  scene.profile.network.ip_up_dir = ".";
  scene.write("ip-up", "echo never >>log");
  SUBCASE("by its status") {
    scene.write("vpnc", "exit 4");
  }
  SUBCASE("because it is none") {
    scene.write("vpnc", "true");
    std::ofstream(scene.profile.folder / "vpnc") << "#!/nowhere/sh\n";
  }
  NetworkScripts scripts(scene.loop, Log(), scene.profile);
  scene.start(scripts);
  REQUIRE(scene.result);
  REQUIRE_FALSE(scene.result->has_value());
  CHECK(scene.result->error().fault == io::IoFault::script_failed);
  CHECK(scene.result->error().text().find("vpnc") != std::string::npos);
  CHECK_FALSE(scripts.running());
  CHECK(scene.log().empty());
}

TEST_CASE("network_scripts: what still runs is killed when the connection ends") {
  Scene scene;
  scene.profile.network.script = "vpnc";
  scene.write("vpnc", "sleep 60");
  NetworkScripts scripts(scene.loop, Log(), scene.profile);
  const auto began = std::chrono::steady_clock::now();
  scripts.start(
      some_facts(), [] { CHECK(false); }, [](const io::IoResult<void>&) { CHECK(false); });
  CHECK(scripts.running());
  scripts.stop();
  CHECK_FALSE(scripts.running());
  CHECK(std::chrono::steady_clock::now() - began < seconds(10));
}

TEST_CASE("network_scripts: what pppd tells ip-down") {
  CHECK(link_words(seconds(61) + std::chrono::milliseconds(900), 5, 6) ==
        std::map<std::string, std::string>{
            {"CONNECT_TIME", "61"}, {"BYTES_SENT", "5"}, {"BYTES_RCVD", "6"}});
}

}  // namespace
}  // namespace pptp::app
