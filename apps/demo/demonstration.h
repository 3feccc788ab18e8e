#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/demo/net_namespace.h"
#include "apps/demo/result.h"
#include "apps/demo/screen.h"
#include "apps/demo/subcommand.h"
#include "apps/demo/wire_tap.h"
#include "lib/time.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::app::demo {

/// A server and a client of ours, a network namespace for each and a wire between them, and
/// everything that is done with these. To be used inside the sandbox.
class Demonstration {
 public:
  /// `length`: of the TCP transfer in each direction. `options`: for the subcommands.
  Demonstration(Screen& screen, Duration length, std::vector<std::string> options);

  DemoResult run();

  /// What server and client have written, line by line, each with a name before it.
  std::vector<std::string> logs() const;

 private:
  using Step = std::expected<void, Ending>;

  Step run_all();
  Step lay_wire();
  Step write_files();
  Step start_server();
  Step start_client();
  Step measure_ping();
  Step measure_transfers();
  Step hang_up();

  std::size_t show_lines(std::string_view text, std::size_t begin);
  std::unexpected<Ending> broken(std::string_view id, std::string summary) const;

  Screen& screen_;
  Duration length_;
  std::vector<std::string> options_;
  DemoResult result_;
  std::optional<NetNamespace> server_place_;
  std::optional<NetNamespace> client_place_;
  std::optional<io::RuntimeDir> client_directory_;
  std::unique_ptr<WireTap> tap_;
  std::optional<Subcommand> server_;
  std::optional<Subcommand> client_;
};

}  // namespace pptp::app::demo
