#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/checkup.h"
#include "trace/timeline.h"

namespace pptp::app {

/// The parts of a call, in their order.
enum class Stage : std::uint8_t {
  control_connection,
  link,
  authentication,
  network,
  path,  ///< measured
  end
};

std::string_view name(Stage stage);

/// A packet between the two lines of a ladder diagram.
struct Rung {
  enum class Kind : std::uint8_t {
    seen,
    lost,    ///< it was sent, and does not seem to have arrived
    missing  ///< it was waited for in vain, or nothing came of it; has no time, words and count
  };

  Kind kind = Kind::seen;
  Stage stage = Stage::control_connection;
  Exchange exchange = {};
  bool failing = false;   ///< what the call failed of is here
  std::string note = {};  ///< in what way; on one Rung at most
};

struct Ladder {
  std::vector<Rung> rungs;
  /// What has to be said where something is wrong and no rung shows it.
  std::string remark;
};

/// Draws what was said, with the mark where the first step of the call failed.
Ladder ladder_of(const Timeline& timeline, const diagnosis::Diagnosis& diagnosis);

}  // namespace pptp::app
