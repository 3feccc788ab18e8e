#include "diagnosis/lcp_talk.h"

namespace pptp::diagnosis {
namespace {

/// Requests without a word from the peer: nobody needs to wait for the time-out.
constexpr unsigned kSilent = 3;
/// Before so many refusals two sides may still agree.
constexpr unsigned kManyRefusals = 5;

}  // namespace

void LcpTalk::note(const PrintedPacket& packet, unsigned times, std::size_t line) {
  switch (packet.code) {
    case PacketCode::configure_request:
      request(packet, times, line);
      break;
    case PacketCode::configure_ack:
      ack(packet.direction == Direction::sent);
      break;
    case PacketCode::configure_nak:
    case PacketCode::configure_reject:
      refusal(packet, times);
      break;
    default:
      break;
  }
}

void LcpTalk::request(const PrintedPacket& packet, unsigned times, std::size_t line) {
  const bool auth = packet.option("auth") != nullptr;
  if (packet.direction == Direction::sent) {
    requests_sent_ += times;
    line_ = line;
    auth_asked_by_us_ |= auth;
  } else {
    requests_received_ += times;
    if (auth) facts_.push_back(Fact::client);
  }
}

void LcpTalk::ack(bool sent) {
  (sent ? ack_sent_ : ack_received_) = true;
  if (!sent) ++answers_;
  if (ack_sent_ && ack_received_) facts_.push_back(Fact::lcp_open);
}

void LcpTalk::refusal(const PrintedPacket& packet, unsigned times) {
  const bool reject = packet.code == PacketCode::configure_reject;
  const PacketOption* auth = packet.option("auth");
  if (packet.direction == Direction::received) {
    ++answers_;
    refusals_ += times;
    if (const PacketOption* mru = packet.option("mru"); mru != nullptr && !reject)
      if (mru_naks_ += times; mru_naks_ >= 2) facts_.push_back(Fact::mru_naked_again);
    if (auth != nullptr) facts_.push_back(Fact::method_refused_by_peer);
    return;
  }
  if (auth == nullptr) return;
  if (!reject) {
    facts_.push_back(Fact::method_changed);
  } else {
    facts_.push_back(asks_for_mschap(*auth) ? Fact::mschap_refused_by_us
                                            : Fact::other_method_refused_by_us);
  }
}

bool LcpTalk::asked_often() const {
  return requests_sent_ >= kSilent;
}

std::vector<Fact> LcpTalk::judge(bool open, bool given_up, bool received) const {
  std::vector<Fact> facts;
  if (requests_sent_ == 0) return facts;
  if (!received && (given_up || asked_often())) facts.push_back(Fact::nothing_received);
  if (open) return facts;
  if (requests_received_ >= kSilent && asked_often() && answers_ == 0)
    facts.push_back(Fact::answers_missing);
  if (refusals_ >= kManyRefusals) facts.push_back(Fact::lcp_keeps_disagreeing);
  return facts;
}

}  // namespace pptp::diagnosis
