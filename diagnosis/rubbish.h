#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "diagnosis/facts.h"

namespace pptp::diagnosis {

/// Packets with protocol numbers that nobody has, here or at the peer, which rejects them: what
/// wrong keys make of good packets. When it began tells keys that never were the same from a cipher
/// that has lost its place.
class Rubbish {
 public:
  /// `soon`: whether encryption had only just begun; nothing where that is not known.
  /// `received`: it came to us, rather than that the peer rejected it.
  void note(std::uint32_t number, bool received, std::optional<bool> soon);

  std::vector<Fact> take() { return std::exchange(facts_, {}); }

 private:
  std::vector<Fact> facts_;
  bool begun_at_once_ = false;
};

}  // namespace pptp::diagnosis
