#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/commands.h"
#include "apps/demo/demonstration.h"
#include "apps/demo/result.h"
#include "apps/demo/sandbox.h"
#include "apps/demo/screen.h"
#include "apps/ending.h"
#include "tunnel/io/tun.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {
namespace {

int report(const demo::DemoResult& result, bool json) {
  if (json)
    fmt::print("{}", demo::json_text(result));
  else if (result.tunnel)
    fmt::print("\n{}", demo::table_text(result));
  (void)std::fflush(stdout);
  for (const Ending& problem : result.problems) {
    print(stderr, problem);
    for (const std::string& line : problem.evidence)
      fmt::print(stderr, "    | {}\n", line);
  }
  return static_cast<int>(result.problems.empty() ? ExitStatus::ended_by_us
                                                  : ExitStatus::internal_error);
}

int report(std::vector<Ending> problems, bool json) {
  demo::DemoResult result;
  result.problems = std::move(problems);
  return report(result, json);
}

/// Returns what is missing and cannot be made by the demonstration.
std::vector<Ending> prepare() {
  std::vector<Ending> missing;
  const io::UniqueFd tun(::open(io::kTunDevice, O_RDWR | O_CLOEXEC));
  if (!tun) missing.push_back(ending_of(io::tun_open_failure(errno).error()));
  if (const auto sandbox = demo::enter_sandbox(); !sandbox)
    missing.push_back(demo::failure("demo-no-namespaces", sandbox.error()));
  return missing;
}

int demonstrate(demo::Screen& screen, const DemoArguments& arguments, int verbosity) {
  std::vector<std::string> options(static_cast<std::size_t>(verbosity), "-v");
  demo::Demonstration demonstration(screen, std::chrono::seconds(arguments.seconds),
                                    std::move(options));
  const demo::DemoResult result = demonstration.run();
  if (verbosity > 0) {
    for (const std::string& line : demonstration.logs())
      fmt::print(stderr, "{}\n", line);
  }
  return report(result, arguments.json);
}

/// What to say about a child process that has not said it itself.
Ending why(const demo::ChildEnd& end) {
  if (end.how == demo::ChildEnd::How::interrupted) return ending_of(Trouble::interrupted);
  return ending_of(Trouble::internal_error, fmt::format("signal {}", end.status));
}

int demonstrate_in_sandbox(demo::Screen& screen, const DemoArguments& arguments, int verbosity) {
  if (auto missing = prepare(); !missing.empty()) return report(std::move(missing), arguments.json);
  const auto end = demo::run_in_sandbox([&] { return demonstrate(screen, arguments, verbosity); });
  if (!end) return report({demo::failure("demo-no-namespaces", end.error())}, arguments.json);
  if (end->how == demo::ChildEnd::How::finished) return end->status;
  screen.begin("ended before its time");
  screen.cut_short();
  return report({why(*end)}, arguments.json);
}

}  // namespace

int run_demo(const DemoArguments& arguments, const Globals& globals) {
  demo::Screen screen;
  // In a child process, because whoever has entered the sandbox can never leave it.
  const auto end = demo::run_in_child(
      [&] { return demonstrate_in_sandbox(screen, arguments, globals.log.verbosity); }, SIGTERM);
  if (!end) return report({ending_of(end.error())}, arguments.json);
  return end->how == demo::ChildEnd::How::finished ? end->status
                                                   : report({why(*end)}, arguments.json);
}

}  // namespace pptp::app
