// A Negotiator with LCP's policy, driven by an arbitrary sequence of operations and packets.
//
// First octet: bit 0 role, bit 1 without compression, bits 2-4 how many methods. Then operations,
// each an octet, an octet of length and so many octets (see operate()).
#include "ppp/options.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/bytes.h"
#include "ppp/lcp.h"

namespace {

using namespace pptp;

void require(bool holds) {
  if (!holds) std::abort();
}

class Counter final : public Entropy {
 public:
  void fill(MutableBytes out) noexcept override {
    for (std::uint8_t& octet : out)
      octet = next_++;
  }

 private:
  std::uint8_t next_ = 1;
};

LcpConfig config_from(std::uint8_t octet) {
  constexpr std::array<AuthMethod, 5> kMethods = {AuthMethod::mschapv2, AuthMethod::pap,
                                                  AuthMethod::eap_mschapv2, AuthMethod::chap_md5,
                                                  AuthMethod::mschapv1};
  LcpConfig config;
  config.role = (octet & 1) != 0 ? Role::server : Role::client;
  config.pfc = config.acfc = (octet & 2) == 0;
  const std::size_t methods = std::min<std::size_t>((octet >> 2) & 7, kMethods.size());
  config.methods.assign(kMethods.begin(), kMethods.begin() + static_cast<std::ptrdiff_t>(methods));
  return config;
}

class Driver {
 public:
  explicit Driver(std::uint8_t config) : policy_(config_from(config), entropy_, Log{}) {}

  void operate(std::uint8_t operation, Bytes argument) {
    const std::uint8_t first = argument.empty() ? std::uint8_t{0} : argument[0];
    switch (operation % 12) {
      case 0:
        negotiator_.receive(now_, argument);
        break;
      case 1:
        receive_framed(first, argument.subspan(argument.empty() ? 0 : 1));
        break;
      case 2:  // an honest answer, or no fuzzer would ever get to Opened
        negotiator_.receive(now_, answer(2));
        break;
      case 3:
        negotiator_.receive(now_, answer(static_cast<std::uint8_t>(3 + first % 2)));
        break;
      case 4:
        now_ += std::chrono::milliseconds(100 * first);
        negotiator_.on_deadline(now_);
        break;
      case 5:
        negotiator_.open(now_);
        break;
      case 6:
        negotiator_.close(now_, as_text(argument));
        break;
      case 7:
        negotiator_.lower_up(now_);
        break;
      case 8:
        negotiator_.lower_down(now_);
        break;
      case 9:
        negotiator_.protocol_rejected(now_);
        break;
      case 10:
        policy_.send_echo(negotiator_);
        policy_.send_protocol_reject(negotiator_, PppProtocol(0xc02b), argument);
        break;
      case 11:
        negotiator_.set_max_packet(policy_.peer_mru());
        break;
    }
    check();
  }

 private:
  // Code, and what follows Length.
  void receive_framed(std::uint8_t code, Bytes data) {
    std::vector<std::uint8_t> packet(4 + data.size());
    Writer out(packet);
    out.u8(static_cast<std::uint8_t>(code % 16));
    out.u8(1);
    out.u16(static_cast<std::uint16_t>(packet.size()));
    out.bytes(data);
    negotiator_.receive(now_, packet);
  }

  std::vector<std::uint8_t> answer(std::uint8_t code) const {
    std::vector<std::uint8_t> packet = last_request_;
    if (!packet.empty()) packet[0] = code;
    return packet;
  }

  void check() {
    std::size_t packets = 0;
    while (const auto packet = negotiator_.poll_packet()) {
      Reader reader(*packet);
      const std::uint8_t code = reader.u8();
      reader.skip(1);
      require(reader.u16() == packet->size());
      require(packet->size() <= negotiator_.max_packet());
      const bool carries_options = code >= 1 && code <= 4;
      const auto options = OptionList::parse(reader.rest());
      if (carries_options) require(options.has_value());
      // An empty Nak or Reject would say nothing.
      if (code == 3 || code == 4) require(!options->empty());
      if (code == 1) last_request_ = *packet;
      ++packets;
    }
    require(packets <= 3);
    while (negotiator_.poll_signal()) {
    }
    while (policy_.poll_protocol_reject()) {
    }
    require(restart_timer_runs(negotiator_.state()) == negotiator_.next_deadline().has_value());
    require(policy_.peer_mru() >= LcpPolicy::kMinMru);
    require(policy_.peer_mru() <= LcpPolicy::kDefaultMru);
    require(policy_.local_mru() >= LcpPolicy::kMinMru);
    require(policy_.local_mru() <= LcpPolicy::kDefaultMru);
  }

  Counter entropy_;
  LcpPolicy policy_;
  Negotiator negotiator_{policy_, NegotiatorConfig{}, Log{}};
  TimePoint now_{};
  std::vector<std::uint8_t> last_request_;
};

void check_list(Bytes octets) {
  const auto list = OptionList::parse(octets);
  if (!list) return;
  std::vector<std::uint8_t> copy(octets.size());
  Writer writer(copy);
  OptionWriter out(writer);
  for (const Option option : *list)
    out.put(option);
  require(writer.ok() && std::ranges::equal(writer.written(), octets));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  check_list(input);
  Reader reader(input);
  Driver driver(reader.u8());
  while (reader.remaining() > 0) {
    const std::uint8_t operation = reader.u8();
    const std::size_t length = reader.u8();
    driver.operate(operation, reader.take(std::min(length, reader.remaining())));
  }
  return 0;
}
