#include "diagnosis/echo_talk.h"

namespace pptp::diagnosis {
namespace {

/// Before so many one may be late.
constexpr unsigned kMany = 4;

}  // namespace

void EchoTalk::asked_by_us(unsigned times, std::size_t line) {
  unanswered_ += times;
  line_ = line;
}

void EchoTalk::answered(unsigned times) {
  answers_ += times;
  unanswered_ = 0;
}

std::optional<Fact> EchoTalk::judge(bool given_up) const {
  if (unanswered_ < 2) return std::nullopt;
  if (answers_ == 0 && peer_asks_) return Fact::echo_one_way;
  if (given_up || unanswered_ >= kMany) return Fact::echo_lost;
  return std::nullopt;
}

}  // namespace pptp::diagnosis
