#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "diagnosis/facts.h"
#include "diagnosis/log_line.h"
#include "diagnosis/marks.h"
#include "diagnosis/ppp_text.h"

namespace pptp::diagnosis {

/// A line that means something.
struct Event {
  std::size_t line = 0;  ///< index into the lines
  std::optional<PrintedPacket> packet;
  std::vector<Mark> marks;
  std::vector<std::size_t> patterns;  ///< numbers of the catalogue's patterns, counted through

  bool has(Mark mark) const;
};

/// What a link runs over, as its own lines say.
enum class LinkKind : std::uint8_t { unknown, pptp, modem, pppoe, l2tp, other };

/// One attempt at a call, with what belongs to it, in order.
struct Attempt {
  std::vector<Event> events;
  LinkKind link = LinkKind::unknown;
  std::string peer;  ///< the other end's address, where it is known
};

/// Sorts events into attempts: by process where the lines name it, else by what begins one.
std::vector<Attempt> sort_attempts(std::span<const LogLine> lines, std::vector<Event> events);

/// What an attempt's events amount to.
Facts derive_facts(std::span<const LogLine> lines, const Attempt& attempt);

}  // namespace pptp::diagnosis
