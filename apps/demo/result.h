#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/demo/ping.h"
#include "apps/demo/transfer.h"
#include "apps/demo/wire_count.h"
#include "apps/ending.h"
#include "apps/status_report.h"
#include "lib/time.h"
#include "tunnel/io/io_error.h"

namespace pptp::app::demo {

/// What the demonstration has come to. What it did not get to is not there.
struct DemoResult {
  std::optional<StatusReport> tunnel;  ///< as the client tells it, once it is up
  Duration set_up_took{};
  std::optional<PingResult> ping;
  std::optional<TransferResult> client_to_server;
  std::optional<TransferResult> server_to_client;
  std::optional<WireCount> wire;
  std::vector<Ending> problems;
};

/// What is wrong with measurements that could be made: an unanswered ping, no encryption, anything
/// in clear.
std::vector<Ending> judge(const DemoResult& result);

/// "MPPE, 128 bit, stateless".
std::string encryption_text(const StatusReport& tunnel);

/// The one document of `demo --json`, and the table for people, each ending with a line feed.
std::string json_text(const DemoResult& result);
std::string table_text(const DemoResult& result);

/// How a demonstration ends that has failed; `id` is one of its own.
Ending failure(std::string_view id, std::string summary, std::vector<std::string> evidence = {});
Ending failure(std::string_view id, const io::IoError& error);

}  // namespace pptp::app::demo
