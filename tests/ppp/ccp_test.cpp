#include "ppp/ccp.h"

#include <bit>
#include <string>

#include <doctest/doctest.h>

#include "tests/ppp/policies.h"

namespace pptp::test {
namespace {

constexpr std::uint8_t kMppe = 18;

EncryptionConfig allowing(bool k40, bool k56, bool k128) {
  EncryptionConfig config;
  config.allow_40 = k40;
  config.allow_56 = k56;
  config.allow_128 = k128;
  return config;
}

/// One of the 64 combinations of options that bear on CCP.
EncryptionConfig combination(unsigned number) {
  EncryptionConfig config = allowing(number & 1, number & 2, number & 4);
  config.allow_stateful = number & 8;
  config.ask_stateful = number & 16;
  config.policy = number & 32 ? EncryptionPolicy::prefer : EncryptionPolicy::require;
  return config;
}

bool allows(const EncryptionConfig& config, MppeParameters parameters) {
  if (parameters.mode == MppeMode::stateful && !config.allow_stateful && !config.ask_stateful) {
    return false;
  }
  switch (parameters.bits) {
    case KeyBits::k40:
      return config.allow_40;
    case KeyBits::k56:
      return config.allow_56;
    case KeyBits::k128:
      return config.allow_128;
  }
  return false;
}

std::optional<KeyBits> strongest_common(const EncryptionConfig& a, const EncryptionConfig& b) {
  for (const KeyBits bits : {KeyBits::k128, KeyBits::k56, KeyBits::k40}) {
    const MppeParameters parameters{bits, MppeMode::stateless};
    if (allows(a, parameters) && allows(b, parameters)) return bits;
  }
  return std::nullopt;
}

/// pppd 2.4.9 with MPPE required (interop note 3.15): picks the strongest of several bits, rejects
/// a lone one that it does not allow and stateful mode, and leaves the link where it cannot agree.
class PppdLike final : public OptionPolicy {
 public:
  explicit PppdLike(std::uint32_t keys) : keys_(keys), ask_(keys | mppe_bits::kStateless) {}

  bool left_the_link = false;
  std::optional<std::uint32_t> transmit;
  std::optional<std::uint32_t> receive;

  PppProtocol protocol() const noexcept override { return protocol::kCcp; }

  void restart() noexcept override {}

  void write_request(OptionWriter& out) noexcept override { out.put_u32(kMppe, ask_); }

  void begin_judging() noexcept override { his_.reset(); }

  Verdict judge(const Option& option, OptionWriter& nak) noexcept override {
    if (option.type != kMppe || option.data.size() != 4) return leave();
    const std::uint32_t bits = Reader(option.data).u32();
    std::uint32_t wish = bits & (mppe_bits::kStateless | mppe_bits::k128 | mppe_bits::k40);
    if (!(wish & mppe_bits::kStateless)) return leave();
    const std::uint32_t both = mppe_bits::k128 | mppe_bits::k40;
    if ((wish & both) == both) {
      wish &= ~(keys_ & mppe_bits::k128 ? mppe_bits::k40 : mppe_bits::k128);
    } else if ((wish & both) == 0) {
      wish = keys_ | mppe_bits::kStateless;
    } else if ((wish & both & keys_) == 0) {
      return leave();
    }
    if (wish == bits) {
      his_ = bits;
      return Verdict::ack;
    }
    nak.put_u32(kMppe, wish);
    return Verdict::nak;
  }

  void judge_missing(OptionWriter&) noexcept override {}

  void peer_request_acked() noexcept override { transmit = his_; }

  void acked() noexcept override { receive = ask_; }

  bool naked(const Option& option) noexcept override {
    const std::uint32_t bits = Reader(option.data).u32();
    if ((bits & ~ask_) != 0 || !(bits & mppe_bits::kStateless)) {
      left_the_link = true;
      return false;
    }
    ask_ = bits;
    return true;
  }

  bool rejected(const Option&) noexcept override {
    left_the_link = true;
    return false;
  }

  bool extra_code(TimePoint, Negotiator&, std::uint8_t, Identifier, Bytes) noexcept override {
    return false;
  }

 private:
  Verdict leave() noexcept {
    left_the_link = true;
    return Verdict::reject;
  }

  std::uint32_t keys_;
  std::uint32_t ask_;
  std::optional<std::uint32_t> his_;
};

TEST_CASE(
    "ccp of every combination of options agrees on the strongest common key or ends cleanly") {
  for (unsigned i = 0; i < 64; ++i) {
    for (unsigned j = 0; j < 64; ++j) {
      const EncryptionConfig a = combination(i);
      const EncryptionConfig b = combination(j);
      CAPTURE(i);
      CAPTURE(j);
      CcpPolicy left(a);
      CcpPolicy right(b);
      Negotiation negotiation(left, right);
      negotiation.run();
      REQUIRE(!negotiation.endless());
      const auto common = strongest_common(a, b);
      if (!common) {
        const bool encrypted = negotiation.opened() && left.send() && left.receive() &&
                               right.send() && right.receive();
        REQUIRE(!encrypted);
        continue;
      }
      REQUIRE(negotiation.opened());
      REQUIRE(left.send());
      REQUIRE(left.receive());
      REQUIRE(left.send() == right.receive());
      REQUIRE(left.receive() == right.send());
      for (const MppeParameters& each : {*left.send(), *left.receive()}) {
        REQUIRE(each.bits == *common);
        REQUIRE(allows(a, each));
        REQUIRE(allows(b, each));
      }
      if (!a.ask_stateful && !b.ask_stateful) {
        REQUIRE(left.send()->mode == MppeMode::stateless);
        REQUIRE(left.receive()->mode == MppeMode::stateless);
      }
    }
  }
}

TEST_CASE("ccp agrees with pppd wherever there is a key length that both allow") {
  const std::uint32_t pppd_keys[] = {mppe_bits::k128, mppe_bits::k40,
                                     mppe_bits::k128 | mppe_bits::k40};
  const EncryptionConfig ours[] = {allowing(false, false, true), allowing(true, false, false),
                                   allowing(true, false, true), allowing(true, true, true),
                                   allowing(false, true, false)};
  for (const std::uint32_t keys : pppd_keys) {
    for (const EncryptionConfig& config : ours) {
      CAPTURE(keys);
      CAPTURE(config.allow_40);
      CAPTURE(config.allow_128);
      CcpPolicy policy(config);
      PppdLike pppd(keys);
      Negotiation negotiation(policy, pppd);
      negotiation.run();
      REQUIRE(!negotiation.endless());
      const bool both_128 = config.allow_128 && (keys & mppe_bits::k128);
      const bool both_40 = config.allow_40 && (keys & mppe_bits::k40);
      if (!both_128 && !both_40) {
        CHECK(pppd.left_the_link);
        CHECK(policy.failure(FinishReason::none).cause == Cause::mppe_bits_refused);
        CHECK(policy.failure(FinishReason::none).code == (keys | mppe_bits::kStateless));
        continue;
      }
      CHECK(!pppd.left_the_link);
      CHECK(negotiation.opened());
      const std::uint32_t key = both_128 ? mppe_bits::k128 : mppe_bits::k40;
      CHECK(pppd.transmit == (key | mppe_bits::kStateless));
      CHECK(pppd.receive == (key | mppe_bits::kStateless));
      const MppeParameters expected{both_128 ? KeyBits::k128 : KeyBits::k40, MppeMode::stateless};
      CHECK(policy.send() == expected);
      CHECK(policy.receive() == expected);
    }
  }
}

TEST_CASE("rfc3078/2.1 a request has all allowed key lengths") {
  CcpPolicy only_128(allowing(false, false, true));
  CHECK(request(only_128) == Octets{18, 6, 1, 0, 0, 0x40});
  CcpPolicy all(allowing(true, true, true));
  CHECK(request(all) == Octets{18, 6, 1, 0, 0, 0xe0});
  EncryptionConfig config;
  config.ask_stateful = true;
  CcpPolicy stateful(config);
  CHECK(request(stateful) == Octets{18, 6, 0, 0, 0, 0x40});
  config.policy = EncryptionPolicy::off;
  CcpPolicy off(config);
  CHECK(request(off).empty());
}

TEST_CASE("rfc3078/2.1 the peer's bits are judged") {
  CcpPolicy policy(allowing(true, false, true));
  policy.begin_judging();
  const auto bits = [&](std::uint8_t high, std::uint8_t low) {
    policy.begin_judging();
    return judge(policy, kMppe, {high, 0, 0, low});
  };
  CHECK(bits(1, 0x40).verdict == Verdict::ack);
  CHECK(bits(1, 0x20).verdict == Verdict::ack);
  const auto nak = [](std::uint8_t low) { return Judgement{Verdict::nak, {18, 6, 1, 0, 0, low}}; };
  CHECK(bits(1, 0x60) == nak(0x40));  // several: the strongest
  CHECK(bits(1, 0xe0) == nak(0x40));
  CHECK(bits(1, 0x80) == nak(0x40));  // not allowed: ours
  CHECK(bits(1, 0xa0) == nak(0x20));  // the one of them that is allowed
  CHECK(bits(1, 0x00) == nak(0x40));  // none
  CHECK(bits(1, 0x50) == nak(0x40));  // D
  CHECK(bits(1, 0x41) == nak(0x40));  // C
  CHECK(bits(1, 0x01) == nak(0x40));  // MPPC alone
  CHECK(bits(0, 0x40) == nak(0x40));  // stateful
  CHECK(bits(3, 0x40) == nak(0x40));  // unknown bits
  CHECK(judge(policy, kMppe, {1, 0, 0, 0x40}).verdict == Verdict::reject);  // a second one
}

TEST_CASE("ccp naks an mppe option of a wrong length") {
  for (std::size_t length = 0; length < 9; ++length) {
    if (length == 4) continue;
    CcpPolicy policy{EncryptionConfig{}};
    policy.begin_judging();
    CHECK(judge(policy, kMppe, Octets(length, 0x40)) ==
          Judgement{Verdict::nak, {18, 6, 1, 0, 0, 0x40}});
  }
}

TEST_CASE("ccp rejects every other compression") {
  CcpPolicy policy{EncryptionConfig{}};
  policy.begin_judging();
  for (int type = 0; type < 256; ++type) {
    if (type == kMppe) continue;
    CHECK(judge(policy, static_cast<std::uint8_t>(type), {0x78, 0}).verdict == Verdict::reject);
  }
  EncryptionConfig config;
  config.policy = EncryptionPolicy::off;
  CcpPolicy off(config);
  off.begin_judging();
  CHECK(judge(off, kMppe, {1, 0, 0, 0x40}).verdict == Verdict::reject);
}

TEST_CASE("ccp insists on the mppe option") {
  CcpPolicy policy(allowing(true, false, true));
  policy.begin_judging();
  CHECK(missing(policy) == Octets{18, 6, 1, 0, 0, 0x40});
  policy.begin_judging();
  judge(policy, kMppe, {1, 0, 0, 0x40});
  CHECK(missing(policy).empty());
}

TEST_CASE("ccp takes stateful mode only where allowed and insisted on") {
  EncryptionConfig config;
  config.allow_stateful = true;
  CcpPolicy policy(config);
  policy.begin_judging();
  CHECK(judge(policy, kMppe, {0, 0, 0, 0x40}) == Judgement{Verdict::nak, {18, 6, 1, 0, 0, 0x40}});
  policy.begin_judging();
  CHECK(judge(policy, kMppe, {0, 0, 0, 0x40}).verdict == Verdict::ack);

  policy.restart();
  policy.begin_judging();
  CHECK(judge(policy, kMppe, {0, 0, 0, 0x40}).verdict == Verdict::nak);

  const Octets stateful = {0, 0, 0, 0x40};
  CHECK(policy.naked({kMppe, stateful}));
  CHECK(request(policy) == Octets{18, 6, 0, 0, 0, 0x40});

  CcpPolicy strict{EncryptionConfig{}};
  CHECK(!strict.naked({kMppe, stateful}));
  CHECK(strict.failure(FinishReason::no_agreement).cause == Cause::mppe_stateful_only);
}

TEST_CASE("ccp turns to stateless where the peer rejects stateful") {
  EncryptionConfig config;
  config.ask_stateful = true;
  CcpPolicy policy(config);
  const Octets asked = {0, 0, 0, 0x40};
  CHECK(policy.rejected({kMppe, asked}));
  CHECK(request(policy) == Octets{18, 6, 1, 0, 0, 0x40});
  const Octets again = {1, 0, 0, 0x40};
  CHECK(!policy.rejected({kMppe, again}));
}

TEST_CASE("ccp follows a nak to fewer bits and never to more") {
  CcpPolicy policy(allowing(true, false, true));
  const Octets weak = {1, 0, 0, 0x20};
  const Octets strong = {1, 0, 0, 0x40};
  const Octets several = {1, 0, 0, 0xe1};
  CHECK(policy.naked({kMppe, several}));
  CHECK(request(policy) == Octets{18, 6, 1, 0, 0, 0x40});
  CHECK(!policy.naked({kMppe, weak}));
  policy.restart();
  CHECK(policy.naked({kMppe, weak}));
  CHECK(request(policy) == Octets{18, 6, 1, 0, 0, 0x20});
  CHECK(!policy.naked({kMppe, strong}));
}

TEST_CASE("ccp does not follow endless naks") {
  CcpPolicy policy{EncryptionConfig{}};
  const Octets same = {1, 0, 0, 0x40};
  bool gave_up = false;
  for (int i = 0; i < 50 && !gave_up; ++i)
    gave_up = !policy.naked({kMppe, same});
  CHECK(gave_up);
}

TEST_CASE("ccp names why there is no encryption") {
  const Octets bits40 = {1, 0, 0, 0x20};
  CcpPolicy untouched{EncryptionConfig{}};
  CHECK(untouched.failure(FinishReason::timeout).cause == Cause::mppe_timeout);
  CHECK(untouched.failure(FinishReason::rejected).cause == Cause::mppe_peer_refused);
  CHECK(untouched.failure(FinishReason::peer_terminated).cause == Cause::mppe_peer_refused);

  CcpPolicy weak{EncryptionConfig{}};
  CHECK(!weak.naked({kMppe, bits40}));
  CHECK(weak.failure(FinishReason::no_agreement).cause == Cause::mppe_bits_refused);
  CHECK(weak.failure(FinishReason::no_agreement).code == 0x0100'0020);
}

TEST_CASE("ccp remembers what each side offered first") {
  CcpPolicy policy(allowing(true, false, true));
  CHECK_FALSE(policy.offers().ours);
  (void)request(policy);
  const Octets weak = {1, 0, 0, 0x20};
  CHECK(policy.naked({kMppe, weak}));
  (void)request(policy);
  for (const std::uint8_t keys : {std::uint8_t{0x80}, std::uint8_t{0x40}}) {
    policy.begin_judging();
    (void)judge(policy, kMppe, {0, 0, 0, keys});
  }
  CHECK(policy.offers().ours == 0x0100'0060);
  CHECK(policy.offers().suggested == 0x0100'0020);
  CHECK(policy.offers().asked == 0x80);
  CHECK_FALSE(policy.offers().rejected);
  (void)policy.rejected({kMppe, weak});
  CHECK(policy.offers().rejected);
  policy.restart();
  CHECK_FALSE(policy.offers().ours);
}

TEST_CASE("rfc1962/3 reset-request is answered once opened and told where it means something") {
  EncryptionConfig config;
  config.ask_stateful = true;
  CcpPolicy a(config);
  CcpPolicy b(config);
  Negotiation negotiation(a, b);
  const Octets early = {14, 9, 0, 4};
  negotiation.a().receive(negotiation.now(), early);
  CHECK(!a.take_reset_request());
  negotiation.run();
  REQUIRE(negotiation.opened());
  REQUIRE(a.send()->mode == MppeMode::stateful);

  const Octets with_data = {14, 9, 0, 8, 1, 2, 3, 4};
  negotiation.a().receive(negotiation.now(), with_data);
  CHECK(negotiation.a().poll_packet() == Octets{15, 9, 0, 4});
  CHECK(a.take_reset_request());
  CHECK(!a.take_reset_request());
  const Octets ack = {15, 77, 0, 4};
  negotiation.a().receive(negotiation.now(), ack);
  CHECK(!negotiation.a().poll_packet());
  const Octets unknown = {16, 1, 0, 4};
  negotiation.a().receive(negotiation.now(), unknown);
  CHECK(negotiation.a().poll_packet().value()[0] == 7);

  CcpPolicy c{EncryptionConfig{}};
  CcpPolicy d{EncryptionConfig{}};
  Negotiation stateless(c, d);
  stateless.run();
  REQUIRE(stateless.opened());
  stateless.a().receive(stateless.now(), with_data);
  CHECK(stateless.a().poll_packet() == Octets{15, 9, 0, 4});
  CHECK(!c.take_reset_request());
}

TEST_CASE("ccp limits the rate of its reset-requests") {
  CcpPolicy a{EncryptionConfig{}};
  CcpPolicy b{EncryptionConfig{}};
  Negotiation negotiation(a, b);
  a.request_reset(negotiation.now(), negotiation.a());
  negotiation.run();
  REQUIRE(negotiation.opened());
  int sent = 0;
  std::optional<std::uint8_t> last;
  for (int ms = 0; ms < 1000; ++ms) {
    const Deadline retry =
        a.request_reset(negotiation.now() + std::chrono::milliseconds(ms), negotiation.a());
    const Deadline next = negotiation.now() + std::chrono::milliseconds(ms / 100 * 100 + 100);
    CHECK(retry == (ms % 100 == 0 ? Deadline() : next));
    while (const auto packet = negotiation.a().poll_packet()) {
      CHECK(packet->size() == 4);
      CHECK((*packet)[0] == 14);
      CHECK((*packet)[1] != last);
      last = (*packet)[1];
      ++sent;
    }
  }
  CHECK(sent == 10);
}

TEST_CASE("rfc3078/2.1 compression is agreed on where both ask for it, and in no other way") {
  EncryptionConfig plain;
  EncryptionConfig compressing;
  compressing.mppc = true;
  for (const bool a_asks : {false, true}) {
    for (const bool b_asks : {false, true}) {
      CcpPolicy a{a_asks ? compressing : plain};
      CcpPolicy b{b_asks ? compressing : plain};
      Negotiation negotiation(a, b);
      negotiation.run();
      REQUIRE(negotiation.opened());
      for (const CcpPolicy* each : {&a, &b}) {
        REQUIRE(each->send());
        REQUIRE(each->receive());
        CHECK(each->send()->mppc == (a_asks && b_asks));
        CHECK(each->receive()->mppc == (a_asks && b_asks));
      }
    }
  }
}

}  // namespace
}  // namespace pptp::test
