#include "apps/program_log.h"

#include <array>
#include <chrono>
#include <ctime>
#include <exception>
#include <mutex>
#include <poll.h>
#include <syslog.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>

#include "apps/terminal.h"

namespace pptp::app {
namespace {

constexpr const char* kProgram = "pptpd-user";

std::string_view word(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::notice:
      return "notice";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

// spdlog has no "notice": ours move down by one, and syslog gets its "info" for it.
spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::trace;
    case LogLevel::info:
      return spdlog::level::debug;
    case LogLevel::notice:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

LogLevel least_level(int verbosity) {
  if (verbosity <= 0) return LogLevel::notice;
  return verbosity == 1 ? LogLevel::info : LogLevel::debug;
}

/// Whether a line can go to standard error without waiting for whoever reads it.
bool standard_error_takes_a_line() {
  pollfd error{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&error, 1, 0) != 0;
}

// RFC 3339, in UTC, with microseconds.
std::string time_now() {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const std::time_t whole = system_clock::to_time_t(floor<seconds>(now));
  const auto rest = duration_cast<microseconds>(now - system_clock::from_time_t(whole));
  std::tm parts{};
  if (gmtime_r(&whole, &parts) == nullptr) return {};
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:06}Z", std::string_view(text.data(), size), rest.count());
}

}  // namespace

struct ProgramLog::Impl {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;
  bool system_log = false;
  unsigned dropped = 0;  ///< lines since the last one
};

ProgramLog::ProgramLog(LogOptions options) : options_(options), impl_(std::make_unique<Impl>()) {
  // The line is complete when it gets there.
  impl_->logger =
      std::make_shared<spdlog::logger>(kProgram, std::make_shared<spdlog::sinks::stderr_sink_st>());
  impl_->logger->set_pattern("%v");
  impl_->logger->set_level(spdlog::level::trace);
}

ProgramLog::~ProgramLog() = default;

void ProgramLog::line(LogLevel level, std::string_view text) noexcept {
  if (!wants(level)) return;
  // A log line that cannot be written, for want of memory or a reader, is lost; the call goes on.
  try {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->system_log) {
      impl_->logger->log(to_spdlog(level), log_line(options_.format, level, text, {}));
      return;
    }
    // What is only told on request must not hold up what it tells of.
    if (level <= LogLevel::info && !standard_error_takes_a_line()) {
      ++impl_->dropped;
      return;
    }
    if (phase_line_ != nullptr) phase_line_->clear();
    if (const unsigned dropped = std::exchange(impl_->dropped, 0); dropped > 0) {
      const std::string words =
          fmt::format("{} line(s) are missing here: nobody read them", dropped);
      impl_->logger->log(to_spdlog(level), log_line(options_.format, level, words, time_now()));
    }
    impl_->logger->log(to_spdlog(level), log_line(options_.format, level, text, time_now()));
    impl_->logger->flush();
    if (phase_line_ != nullptr) phase_line_->redraw();
  } catch (const std::exception&) {
    return;
  }
}

void ProgramLog::tell(const Ending& ending) {
  tell(describe(ending), to_json(ending));
}

void ProgramLog::tell(std::string_view text, const nlohmann::json& error) {
  const std::lock_guard lock(impl_->mutex);
  put_text(stderr, is_json() ? error_line(error, time_now()) + "\n" : std::string(text));
}

int ProgramLog::failed(const Ending& ending) {
  tell(ending);
  return ending.status();
}

int ProgramLog::failed(const ConfigErrors& errors) {
  if (!is_json()) return app::failed(errors);
  for (const ConfigError& error : errors)
    tell(ending_of(error));
  return static_cast<int>(ExitStatus::config_invalid);
}

bool ProgramLog::wants(LogLevel level) const noexcept {
  return level >= least_level(options_.verbosity);
}

void ProgramLog::to_system_log() {
  const std::lock_guard lock(impl_->mutex);
  impl_->logger = std::make_shared<spdlog::logger>(
      kProgram,
      std::make_shared<spdlog::sinks::syslog_sink_st>(kProgram, LOG_PID, LOG_DAEMON, false));
  impl_->logger->set_level(spdlog::level::trace);
  impl_->system_log = true;
}

std::string error_line(const nlohmann::json& error, std::string_view time) {
  const bool is_error = !error.value("id", std::string()).empty();
  nlohmann::ordered_json line = {{"time", time},
                                 {"level", word(is_error ? LogLevel::error : LogLevel::notice)},
                                 {"message", error.value("summary", std::string())}};
  for (const auto& [key, value] : error.items())
    line[key] = value;
  return line.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::string log_line(LogFormat format, LogLevel level, std::string_view text,
                     std::string_view time) {
  if (format == LogFormat::json) {
    nlohmann::ordered_json line;
    if (!time.empty()) line["time"] = time;
    line["level"] = word(level);
    line["message"] = text;
    return line.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
  }
  if (time.empty()) return std::string(text);
  // Of the time, what changes while somebody looks on: hours to milliseconds.
  return fmt::format("{} {:<7} {}", time.substr(11, 12), word(level), text);
}

}  // namespace pptp::app
