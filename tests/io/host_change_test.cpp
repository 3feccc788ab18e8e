#include "tunnel/io/host_change.h"

#include <cerrno>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"
#include "tunnel/io/journal.h"

using namespace pptp::io;
using nlohmann::json;
using pptp::Ipv4Address;

namespace {

std::vector<HostChange> one_of_each() {
  Route full{.destination = Ipv4Prefix::holding(Ipv4Address(10, 0, 0, 0), 8),
             .table = 0x7074,
             .device = 3,
             .gateway = Ipv4Address(192, 0, 2, 1),
             .source = Ipv4Address(192, 0, 2, 7),
             .metric = 5,
             .mtu = 1400};
  Route via6{.device = 4};
  via6.gateway6 = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return {LinkChange{.device = 3, .name = "pptp0", .mtu = 1400, .mtu_before = 1500},
          InterfaceAddress{.device = 3, .local = Ipv4Address(10, 0, 0, 2)},
          InterfaceAddress{.device = 3,
                           .local = Ipv4Address(10, 0, 0, 2),
                           .peer = Ipv4Address(10, 0, 0, 1),
                           .peer_route = false},
          full,
          via6,
          Rule{.priority = 9, .table = 7, .mark = 0xffff'fff0},
          Rule{.to = Ipv4Prefix(Ipv4Address(192, 0, 2, 1))},
          Rule{.suppress_prefix_length = 0},
          Rule{.ipv6 = true, .priority = 9, .unreachable = true},
          Ipv6Route{.destination = {0x20, 0x01}, .length = 16, .table = 7, .device = 3},
          NameServers{.keeper = NameServers::Keeper::resolved,
                      .device = 3,
                      .servers = {Ipv4Address(10, 0, 0, 1)}},
          NameServers{.keeper = NameServers::Keeper::resolvconf,
                      .device = 3,
                      .record = "tun.pptp0",
                      .program = "/sbin/resolvconf",
                      .servers = {Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 2)}},
          NameServers{.device = 3, .record = "pptp0", .file = {.path = "/x", .state_folder = "/y"}},
          ScriptChange{{.program = "/etc/ppp/ip-down",
                        .arguments = {"pptp0", ""},
                        .environment = {{"IFNAME", "pptp0"}}}}};
}

}  // namespace

TEST_CASE("io/host_change is read from the journal as it was written") {
  for (const HostChange& change : one_of_each()) {
    const json written = json::parse(to_json(change).dump());
    CAPTURE(written.dump());
    const auto read = host_change_from_json(written);
    REQUIRE(read.has_value());
    CHECK(*read == change);
  }
}

TEST_CASE("io/host_change refuses records that miss something or hold nonsense") {
  for (const HostChange& change : one_of_each()) {
    const json whole = to_json(change);
    for (const auto& [key, value] : whole.items()) {
      json wrong = whole;
      wrong[key] = json::array({1});
      CAPTURE(wrong.dump());
      const auto read = host_change_from_json(wrong);
      REQUIRE_FALSE(read.has_value());
      CHECK(read.error().fault == IoFault::bad_message);
    }
    json nothing = whole;
    nothing.erase("device");
    nothing.erase("priority");
    nothing.erase("program");
    CHECK_FALSE(host_change_from_json(nothing).has_value());
  }
  CHECK_FALSE(host_change_from_json(json(3)).has_value());
  CHECK_FALSE(host_change_from_json({{"change", "other"}}).has_value());
}

TEST_CASE("io/journal keeps records in order, and its owner") {
  const TemporaryDir directory;
  const std::string path = directory.path() + "/office.journal";
  auto journal = Journal::create(path, {}).value();
  REQUIRE(journal.append({{"n", 1}}).has_value());
  REQUIRE(journal.append({{"n", 2}}).has_value());
  auto contents = read_journal(path).value();
  CHECK(contents.records == std::vector<json>{{{"n", 1}}, {{"n", 2}}});
  CHECK(contents.owner.pid == getpid());
  CHECK_FALSE(contents.owner.boot_id.empty());
  CHECK(contents.owner.start_time > 0);
  CHECK(contents.owner.network_namespace > 0);

  REQUIRE(journal.rewrite({{{"n", 3}}}).has_value());
  REQUIRE(journal.append({{"n", 4}}).has_value());
  CHECK(read_journal(path).value().records == std::vector<json>{{{"n", 3}}, {{"n", 4}}});

  journal.discard();
  CHECK(read_journal(path).error().error == ENOENT);
}

TEST_CASE("io/journal cut short anywhere loses only the record that was being written") {
  const TemporaryDir directory;
  const std::string path = directory.path() + "/office.journal";
  auto journal = Journal::create(path, {}).value();
  const std::size_t head = read_file(path).value().size();
  REQUIRE(journal.append({{"n", 1}}).has_value());
  REQUIRE(journal.append({{"n", 2}}).has_value());
  const std::string whole = read_file(path).value();
  const std::size_t line = (whole.size() - head) / 2;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    const std::string cut = directory.path() + "/cut.journal";
    std::ofstream(cut) << whole.substr(0, size);
    const auto contents = read_journal(cut);
    REQUIRE(contents.has_value() == (size >= head));
    if (contents) CHECK(contents->records.size() == (size - head) / line);
    if (!contents) CHECK(contents.error().fault == IoFault::bad_message);
  }
}

TEST_CASE("io/journal owner that runs is told from one that does not") {
  JournalOwner owner = JournalOwner::this_process();
  // Itself does not count: it holds the lock.
  CHECK_FALSE(owner.runs_elsewhere());
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(owner.runs_elsewhere() ? 7 : 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 7);

  // Its number belongs to nobody now, or to another.
  owner.pid = child;
  CHECK_FALSE(owner.runs_elsewhere());
  owner.pid = getppid();
  ++owner.start_time;
  CHECK_FALSE(owner.runs_elsewhere());
}
