#include "ppp/ipv6cp.h"

#include "lib/bytes.h"

namespace pptp {
namespace {

// RFC 5072 4.
constexpr std::uint8_t kInterfaceIdentifier = 1;
/// RFC 5072 4.1, RFC 4291 2.5.1: set in identifiers that are unique in the whole world.
constexpr std::uint8_t kUniversal = 0x02;

// Ours: a peer that goes on suggesting something else will not come to an end by itself.
constexpr unsigned kMaxNaks = 10;

constexpr InterfaceId kNone{};

std::optional<InterfaceId> id_of(const Option& option) noexcept {
  Reader reader(option.data);
  const auto id = reader.array<8>();
  if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
  return id;
}

}  // namespace

Ipv6cpPolicy::Ipv6cpPolicy(const InterfaceId& wanted, Entropy& entropy) noexcept
    : entropy_(entropy), local_(wanted) {
  if (local_ == kNone) local_ = fresh_id();
  restart();
}

/// The identifier stays from one negotiation to the next, and with it the address.
void Ipv6cpPolicy::restart() noexcept {
  peer_ = kNone;
  naks_ = 0;
  judged_.reset();
  judged_option_ = false;
}

void Ipv6cpPolicy::write_request(OptionWriter& out) noexcept {
  out.put(kInterfaceIdentifier, local_);
}

void Ipv6cpPolicy::begin_judging() noexcept {
  judged_.reset();
  judged_option_ = false;
}

Verdict Ipv6cpPolicy::judge(const Option& option, OptionWriter& nak) noexcept {
  if (option.type != kInterfaceIdentifier || judged_option_) return Verdict::reject;
  judged_option_ = true;
  const std::optional<InterfaceId> id = id_of(option);
  // RFC 5072 4.1: zero asks for a suggestion, and what both have chosen neither can keep.
  if (!id || *id == kNone || *id == local_) {
    nak.put(kInterfaceIdentifier, fresh_id());
    return Verdict::nak;
  }
  judged_ = id;
  return Verdict::ack;
}

void Ipv6cpPolicy::judge_missing(OptionWriter& nak) noexcept {
  if (!judged_option_) nak.put(kInterfaceIdentifier, fresh_id());
}

void Ipv6cpPolicy::peer_request_acked() noexcept {
  peer_ = judged_.value_or(kNone);
}

bool Ipv6cpPolicy::naked(const Option& option) noexcept {
  if (++naks_ > kMaxNaks) return false;
  if (option.type != kInterfaceIdentifier) return true;
  const std::optional<InterfaceId> id = id_of(option);
  local_ = id && *id != kNone && *id != peer_ ? *id : fresh_id();
  return true;
}

bool Ipv6cpPolicy::rejected(const Option& option) noexcept {
  // Without an identifier there is no address to have.
  return option.type != kInterfaceIdentifier;
}

bool Ipv6cpPolicy::extra_code(TimePoint, Negotiator&, std::uint8_t, Identifier, Bytes) noexcept {
  return false;
}

/// RFC 5072 4.1, item 4: a random one.
InterfaceId Ipv6cpPolicy::fresh_id() noexcept {
  InterfaceId id{};
  while (id == kNone || id == local_ || id == peer_) {
    entropy_.fill(id);
    id[0] &= static_cast<std::uint8_t>(~kUniversal);
  }
  return id;
}

}  // namespace pptp
