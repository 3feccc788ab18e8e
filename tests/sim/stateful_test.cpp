// Stateful MPPE over a path that loses, against a peer of either dialect (interop note 3.10), in
// virtual time.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/sim/seeded_entropy.h"
#include "tests/tunnel/manual_peer.h"

namespace pptp::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr double kLoss = 0.05;
constexpr Duration kLatency = milliseconds(20);
constexpr Duration kRoundTrip = 2 * kLatency;
/// Of the packets each way.
constexpr Duration kInterval = milliseconds(50);
constexpr Duration kSpan = hours(1);

/// What the client is without packets for, from the first one that it cannot decipher on.
struct Outage {
  TimePoint since;
  Duration wait;             ///< for a packet that is missing
  unsigned resets_lost = 0;  ///< Reset-Requests and flushed packets, on their way
};

/// An Engine, a peer whose sender follows `rule`, and a wire that loses in both directions.
class StatefulRun {
 public:
  explicit StatefulRun(FlushRule rule) : rule_(rule), peer_(config()), random_(7) {
    peer_.grant_call();
    peer_.authenticate();
    peer_.open_ccp("00000040");
    peer_.open_ipcp();
    REQUIRE(peer_.network);
    REQUIRE(peer_.encryption->send.mode == MppeMode::stateful);
    REQUIRE(peer_.encryption->receive.mode == MppeMode::stateful);
    peer_.gre.clear();
    peer_.frames.clear();
  }

  void run() {
    const TimePoint end = peer_.now + kSpan;
    TimePoint tick = peer_.now;
    while (tick < end) {
      const bool arrival_first = !wire_.empty() && wire_.top().when <= tick;
      const TimePoint next = arrival_first ? wire_.top().when : tick;
      peer_.wait(next - peer_.now);
      after_engine();
      if (arrival_first) {
        arrive();
      } else {
        send_both_ways();
        tick += kInterval;
      }
    }
  }

  unsigned outages = 0;
  std::uint64_t wrong = 0;
  std::uint64_t to_client = 0;
  std::uint64_t to_peer = 0;
  std::uint32_t sent = 0;

  ManualPeer& peer() { return peer_; }

 private:
  struct Datagram {
    TimePoint when;
    std::uint64_t order = 0;
    bool to_client = false;
    Octets octets;  ///< to the client: GRE; to the peer: PPP frame

    bool operator>(const Datagram& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  static CallConfig config() {
    CallConfig config = ManualPeer::config_for_client();
    config.link.encryption.allow_stateful = true;
    config.link.encryption.ask_stateful = true;
    return config;
  }

  void send_both_ways() {
    const std::size_t size = 40 + sent * 37 % 1'300;
    REQUIRE(peer_.send_ip(ip_from_client(sent, size)));
    after_engine();
    to_client_frame(peer_.seal_ip(ip_from_server(sent, size)));
    ++sent;
  }

  static bool is_flushed(Bytes frame) {
    const Result<Frame> outer = parse_frame(frame);
    return outer && outer->protocol == protocol::kMppe &&
           (Reader(outer->information).u16() & 0x8000) != 0;
  }

  static bool is_reset(Bytes frame) {
    const Result<Frame> outer = parse_frame(frame);
    return outer && outer->protocol == protocol::kCcp && outer->information[0] == kResetReq;
  }

  void to_client_frame(const Octets& frame) {
    const Octets datagram = ManualPeer::gre_datagram(peer_.sequence, frame);
    peer_.sequence = peer_.sequence.next();
    const bool lost = random_.chance(kLoss);
    if (lost) lost_at_ = peer_.now;
    if (outage_ && lost && is_flushed(frame)) ++outage_->resets_lost;
    if (!lost) wire_.push({peer_.now + kLatency, order_++, true, datagram});
  }

  /// Sends what the Engine has said, and takes what it has delivered.
  void after_engine() {
    if (!outage_ && peer_.drops(Drop::mppe_unsynchronised) > dropped_) {
      outage_ = Outage{.since = peer_.now, .wait = peer_.engine.rx().receiver().reorder_timeout()};
    }
    dropped_ = peer_.drops(Drop::mppe_unsynchronised);
    for (const SentGre& sent_gre : std::exchange(peer_.gre, {})) {
      if (sent_gre.payload.empty()) continue;
      const bool lost = random_.chance(kLoss);
      if (outage_ && lost && is_reset(sent_gre.payload)) ++outage_->resets_lost;
      if (!lost) wire_.push({peer_.now + kLatency, order_++, false, sent_gre.payload});
    }
    peer_.frames.clear();
    for (const Octets& ip : std::exchange(peer_.delivered, {})) {
      ++to_client;
      if (!is_sent(ip, kServerInner, kClientInner)) ++wrong;
      if (outage_) end_outage();
    }
    for (const ControlMessage& message : std::exchange(peer_.said, {})) {
      if (const auto* const request = std::get_if<EchoRequest>(&message))
        peer_.say(EchoReply{.identifier = request->identifier});
    }
  }

  bool is_sent(const Octets& ip, Ipv4Address from, Ipv4Address to) const {
    if (ip.size() < 24) return false;
    const std::uint32_t number = Reader(Bytes(ip).subspan(20)).u32();
    return number < sent + 1 && ip == ip_packet(number, from, to, 40 + number * 37 % 1'300);
  }

  void end_outage() {
    const Duration lasted = peer_.now - outage_->since;
    // What came after another loss than the one it began with had to wait for that.
    const TimePoint first_loss = outage_->since - outage_->wait - kLatency - kInterval;
    const Duration wait = std::max(outage_->wait, peer_.engine.rx().receiver().reorder_timeout());
    const Duration hold = lost_at_ > first_loss ? 2 * wait : Duration::zero();
    // One round trip, and until the peer has a packet to send; each time that something of the
    // exchange is lost, until the retry and once more that. All of it may wait behind a hole.
    const Duration exchange = kRoundTrip + kInterval + hold;
    const Duration bound = exchange + outage_->resets_lost * (CcpPolicy::kResetInterval + exchange);
    CAPTURE(outages);
    CAPTURE(outage_->resets_lost);
    CHECK(lasted <= bound);
    ++outages;
    outage_.reset();
  }

  void arrive() {
    const Datagram datagram = wire_.top();
    wire_.pop();
    if (datagram.to_client) {
      peer_.say_datagram(datagram.octets);
      after_engine();
      return;
    }
    const Result<Frame> frame = parse_frame(datagram.octets);
    REQUIRE(frame);
    if (frame->protocol == protocol::kCcp && frame->information[0] == kResetReq) {
      peer_.sealer->flush(rule_);
    } else if (frame->protocol == protocol::kMppe) {
      peer_open(frame->information);
    }
  }

  void peer_open(Bytes mppe) {
    Packet slot = peer_.pool.acquire();
    REQUIRE(slot.assign(mppe));
    if (!peer_.opener->open(slot)) {
      const Result<Frame> inner = parse_inner_frame(slot.bytes());
      REQUIRE(inner);
      ++to_peer;
      if (!is_sent({inner->information.begin(), inner->information.end()}, kClientInner,
                   kServerInner))
        ++wrong;
    }
    if (peer_.opener->needs_reset() && peer_.now - asked_ >= CcpPolicy::kResetInterval) {
      asked_ = peer_.now;
      to_client_frame(ManualPeer::frame(protocol::kCcp, ManualPeer::packet(kResetReq, 1)));
    }
  }

  FlushRule rule_;
  ManualPeer peer_;
  sim::SeededEntropy random_;
  std::priority_queue<Datagram, std::vector<Datagram>, std::greater<>> wire_;
  std::uint64_t order_ = 0;
  std::uint64_t dropped_ = 0;
  std::optional<Outage> outage_;
  TimePoint lost_at_{};  ///< on the way to the client
  TimePoint asked_{};
};

TEST_CASE("sim/stateful: an hour at 5 percent loss each way, against either dialect") {
  for (const FlushRule rule : {FlushRule::change_key, FlushRule::keep_key}) {
    CAPTURE(static_cast<int>(rule));
    StatefulRun run(rule);
    run.run();
    CHECK_FALSE(run.peer().ended);
    CHECK(run.wrong == 0);
    CHECK(run.outages > 1'000);
    CHECK(run.to_client > run.sent * 7 / 10);
    CHECK(run.to_peer > run.sent * 7 / 10);
    CHECK((run.peer().engine.tx().streams_reused() > 0) == (rule == FlushRule::keep_key));
  }
}

}  // namespace
}  // namespace pptp::test
