#include "diagnosis/ppp_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace pptp::diagnosis {
namespace {

template <class Value>
struct Word {
  std::string_view word;
  Value value;
};

constexpr Word<PacketProtocol> kProtocols[] = {
    {"LCP", PacketProtocol::lcp},        {"CCP", PacketProtocol::ccp},
    {"IPCP", PacketProtocol::ipcp},      {"IPV6CP", PacketProtocol::ipv6cp},
    {"PAP", PacketProtocol::pap},        {"CHAP", PacketProtocol::chap},
    {"MSCHAP-v2", PacketProtocol::chap}, {"MSCHAP-v1", PacketProtocol::chap},
    {"CHAP-md5", PacketProtocol::chap},  {"EAP", PacketProtocol::eap},
    {"PPTP", PacketProtocol::pptp},      {"Compressed", PacketProtocol::compressed_data},
};

constexpr Word<PacketCode> kCodes[] = {
    {"ConfReq", PacketCode::configure_request}, {"ConfAck", PacketCode::configure_ack},
    {"ConfNak", PacketCode::configure_nak},     {"ConfRej", PacketCode::configure_reject},
    {"TermReq", PacketCode::terminate_request}, {"TermAck", PacketCode::terminate_ack},
    {"CodeRej", PacketCode::code_reject},       {"ProtRej", PacketCode::protocol_reject},
    {"EchoReq", PacketCode::echo_request},      {"EchoRep", PacketCode::echo_reply},
    {"ResetReq", PacketCode::reset_request},    {"ResetAck", PacketCode::reset_ack},
    {"Challenge", PacketCode::challenge},       {"Response", PacketCode::response},
    {"Request", PacketCode::request},           {"Success", PacketCode::success},
    {"Failure", PacketCode::failure},           {"AuthReq", PacketCode::authenticate_request},
    {"AuthAck", PacketCode::authenticate_ack},  {"AuthNak", PacketCode::authenticate_nak},
    {"AuthNack", PacketCode::authenticate_nak},
};

template <class Value, std::size_t N>
std::optional<Value> value_of(std::string_view word, const Word<Value> (&words)[N]) {
  const auto found =
      std::ranges::find_if(words, [&](const Word<Value>& known) { return known.word == word; });
  if (found == std::end(words)) return std::nullopt;
  return found->value;
}

std::optional<std::uint32_t> hex(std::string_view digits) {
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// Reads what is behind the opening bracket, word by word.
class Scanner {
 public:
  explicit Scanner(std::string_view rest) : rest_(rest) {}

  bool at_end() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == ','))
      rest_.remove_prefix(1);
    return rest_.empty() || rest_.front() == ']';
  }

  char front() const { return rest_.front(); }

  std::string_view word() {
    const std::size_t end = std::min(rest_.find_first_of(" ,<\"]"), rest_.size());
    const std::string_view found = rest_.substr(0, std::max<std::size_t>(end, 1));
    rest_.remove_prefix(found.size());
    return found;
  }

  /// Behind '<', to its '>': an endpoint discriminator has brackets of its own.
  std::string_view option() {
    rest_.remove_prefix(1);
    const std::size_t end = std::min(rest_.find('>'), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return found;
  }

  /// Behind '"', to the next that is not escaped.
  std::string quoted() {
    rest_.remove_prefix(1);
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) {
        text += escaped();
      } else {
        text += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    rest_.remove_prefix(std::min<std::size_t>(1, rest_.size()));
    return text;
  }

 private:
  char escaped() {
    rest_.remove_prefix(1);
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    if (!is_octal(rest_.front())) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
    }
    // Old ones print an octet above 127 as a negative number in 32 bits.
    const std::size_t longest = rest_.starts_with("37777777") ? 11 : 3;
    std::uint64_t number = 0;
    for (std::size_t digits = 0; digits < longest && !rest_.empty() && is_octal(rest_.front());
         ++digits) {
      number = number * 8 + static_cast<std::uint64_t>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return static_cast<char>(number & 0xff);
  }

  std::string_view rest_;
};

struct Opening {
  Direction direction;
  std::string_view rest;
};

/// Where "sent [" or "rcvd [" or what others write is, and what is behind it.
std::optional<Opening> find_opening(std::string_view message) {
  constexpr Word<Direction> kOpenings[] = {
      {"sent [", Direction::sent},     {"Sent [", Direction::sent},
      {"send [", Direction::sent},     {"rcvd [", Direction::received},
      {"Rcvd [", Direction::received}, {"recv [", Direction::received},
  };
  for (const auto& [word, direction] : kOpenings) {
    const std::size_t at = message.find(word);
    if (at == std::string_view::npos || (at > 0 && message[at - 1] != ' ')) continue;
    return Opening{direction, message.substr(at + word.size())};
  }
  return std::nullopt;
}

void read_option(PrintedPacket& packet, std::string_view option) {
  option.remove_prefix(std::min(option.find_first_not_of(' '), option.size()));
  const std::size_t end = std::min(option.find(' '), option.size());
  packet.options.push_back({std::string(option.substr(0, end)),
                            std::string(option.substr(std::min(end + 1, option.size())))});
}

void read_rest(PrintedPacket& packet, Scanner& scanner) {
  bool name_follows = false;
  while (!scanner.at_end()) {
    if (scanner.front() == '<') {
      read_option(packet, scanner.option());
      continue;
    }
    if (scanner.front() == '"') {
      (std::exchange(name_follows, false) ? packet.name : packet.text) = scanner.quoted();
      continue;
    }
    const std::string_view word = scanner.word();
    if (word.starts_with("id=") && !packet.id) {
      packet.id = hex(word.substr(3));
    } else if (word == "name" || word == "name=" || word == "user=") {
      name_follows = true;
    } else if (word.starts_with("password")) {
      name_follows = false;
    } else if (const auto octet = hex(word); word.size() == 2 && octet) {
      packet.data.push_back(static_cast<std::uint8_t>(*octet));
    }
  }
}

}  // namespace

const PacketOption* PrintedPacket::option(std::string_view option_name) const {
  const auto found = std::ranges::find(options, option_name, &PacketOption::name);
  return found == options.end() ? nullptr : &*found;
}

std::optional<PrintedPacket> parse_packet(std::string_view message) {
  const auto opening = find_opening(message);
  if (!opening) return std::nullopt;
  PrintedPacket packet;
  packet.direction = opening->direction;
  Scanner scanner(opening->rest);
  if (scanner.at_end()) return std::nullopt;
  const std::string_view protocol = scanner.word();
  if (protocol.starts_with("proto=")) {
    const auto number = hex(protocol.substr(6));
    packet.protocol = PacketProtocol::number;
    packet.number = static_cast<std::uint16_t>(number.value_or(0));
    // Its octets are behind the bracket.
    const std::size_t end = opening->rest.find(']');
    if (end == std::string_view::npos) return packet;
    Scanner octets(opening->rest.substr(end + 1));
    read_rest(packet, octets);
    return packet;
  }
  packet.protocol = value_of(protocol, kProtocols).value_or(PacketProtocol::other);
  if (scanner.at_end() || scanner.front() == '<' || scanner.front() == '"') return packet;
  packet.code_word = std::string(scanner.word());
  packet.code = value_of(packet.code_word, kCodes).value_or(PacketCode::other);
  read_rest(packet, scanner);
  return packet;
}

bool asks_for_mschap(const PacketOption& auth) {
  return std::ranges::any_of(std::array{"MS", "81", "80"}, [&](std::string_view word) {
    return auth.value.find(word) != std::string::npos;
  });
}

std::optional<std::uint32_t> parse_mppe_bits(std::string_view value) {
  constexpr Word<std::uint32_t> kBits[] = {
      {"H", 0x0100'0000}, {"M", 0x80}, {"S", 0x40}, {"L", 0x20}, {"D", 0x10}, {"C", 0x01},
  };
  std::uint32_t bits = 0;
  std::size_t octets = 0;
  std::size_t letters = 0;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(' '), value.size());
    const std::string_view word = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    if (word.size() == 2 && (word[0] == '+' || word[0] == '-')) {
      ++letters;
      if (word[0] == '+') bits |= value_of(word.substr(1), kBits).value_or(0);
    } else if (const auto octet = hex(word); octet && *octet < 0x100 && letters == 0) {
      bits = (bits << 8) | *octet;
      ++octets;
    } else if (!word.empty() && letters == 0) {
      return std::nullopt;
    }
  }
  if (letters == 0 && octets != 4) return std::nullopt;
  return bits;
}

}  // namespace pptp::diagnosis
