#include "apps/progress.h"

#include <cstdio>
#include <string>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace pptp::app {

std::string summary(const StatusReport& report) {
  if (report.state == CallState::idle) {
    return fmt::format("{} waits for something to send", report.interface);
  }
  const std::string& name = report.interface.empty() ? report.profile : report.interface;
  std::string text = fmt::format("{} is up: {}", name, report.local);
  if (!report.peer.empty()) text += fmt::format(" -> {}", report.peer);
  if (report.mppe) {
    text += fmt::format(", MPPE {} bit {}", report.mppe->bits,
                        report.mppe->stateful ? "stateful" : "stateless");
  } else {
    text += ", NOT ENCRYPTED";
  }
  return text + fmt::format(", MTU {}", report.mtu);
}

namespace {

// A log for scripts has nothing else between its lines.

void show(ProgramLog& log, PhaseLine& line, std::string_view phase) {
  if (log.is_json()) return log.line(LogLevel::notice, phase);
  line.show(phase);
}

void finish(ProgramLog& log, PhaseLine& line, std::string_view text) {
  if (log.is_json()) return log.line(LogLevel::notice, text);
  line.finish(text);
}

}  // namespace

ShownProgress::ShownProgress(ProgramLog& log)
    : log_(log), line_(stderr, TerminalTraits::of(stderr)) {
  log_.share_terminal_with(&line_);
}

ShownProgress::~ShownProgress() {
  log_.share_terminal_with(nullptr);
}

void ShownProgress::phase(std::string_view text) {
  show(log_, line_, text);
}

void ShownProgress::up(const StatusReport& report) {
  finish(log_, line_, summary(report));
}

void ShownProgress::ended(const Ending& ending) {
  line_.clear();
  if (!ending.id.empty() || log_.is_json()) {
    log_.tell(ending);
  } else if (!ending.summary.empty()) {
    line_.finish(ending.summary);
  }
}

PipedProgress::PipedProgress(io::UniqueFd pipe) noexcept : pipe_(std::move(pipe)) {}

namespace {

void write_line(const io::UniqueFd& pipe, const nlohmann::json& document) {
  if (!pipe) return;
  const std::string line =
      document.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  // Whoever waited may be gone; the call goes on without being watched.
  (void)!::write(pipe.fd(), line.data(), line.size());
}

}  // namespace

void PipedProgress::phase(std::string_view text) {
  write_line(pipe_, {{"phase", text}});
}

void PipedProgress::warned(std::string_view text) {
  write_line(pipe_, {{"warning", text}});
}

void PipedProgress::up(const StatusReport& report) {
  write_line(pipe_, {{"up", summary(report)}});
  pipe_.reset();
}

void PipedProgress::ended(const Ending& ending) {
  write_line(
      pipe_,
      {{"ended", describe(ending)}, {"error", to_json(ending)}, {"status", ending.status()}});
  pipe_.reset();
}

int relay_progress(io::UniqueFd pipe, ProgramLog& log) {
  PhaseLine line(stderr, TerminalTraits::of(stderr));
  log.share_terminal_with(&line);
  std::FILE* const in = ::fdopen(pipe.release(), "r");
  std::string text;
  int status = static_cast<int>(ExitStatus::internal_error);
  bool told = false;
  for (int c = std::fgetc(in); c != EOF && !told; c = std::fgetc(in)) {
    if (c != '\n') {
      text += static_cast<char>(c);
      continue;
    }
    const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
    text.clear();
    if (document.contains("phase")) {
      show(log, line, document.value("phase", ""));
    } else if (document.contains("warning")) {
      log.line(LogLevel::warning, document.value("warning", ""));
    } else if (document.contains("up")) {
      finish(log, line, document.value("up", ""));
      status = 0;
      told = true;
    } else if (document.contains("ended")) {
      line.clear();
      log.tell(document.value("ended", ""), document.value("error", nlohmann::json::object()));
      status = document.value("status", status);
      told = true;
    }
  }
  std::fclose(in);
  log.share_terminal_with(nullptr);
  if (!told) log.tell(ending_of(Trouble::internal_error, "the background process is gone"));
  return status;
}

}  // namespace pptp::app
