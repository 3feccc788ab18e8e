#include "apps/demo/screen.h"

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "tunnel/io/clock.h"

namespace pptp::app::demo {

Screen::Screen() : start_(io::engine_now()), phase_(stderr, TerminalTraits::of(stderr)) {}

void Screen::begin(std::string_view what) {
  current_ = what;
  progress_.clear();
  phase_.show(line(current_ + " ..."));
}

void Screen::progress(std::string_view state) {
  if (state == progress_) return;
  progress_ = state;
  phase_.show(line(fmt::format("{}: {} ...", current_, state)));
}

void Screen::done(std::string_view result) {
  phase_.finish(line(fmt::format("{}: {}", current_, result)));
}

void Screen::failed() {
  done("failed");
}

void Screen::cut_short() {
  phase_.clear();
}

std::string Screen::line(std::string_view text) const {
  const auto elapsed = io::engine_now() - start_;
  return fmt::format("{:6.2f} s  {}", std::chrono::duration<double>(elapsed).count(), text);
}

}  // namespace pptp::app::demo
