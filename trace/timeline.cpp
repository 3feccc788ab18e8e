#include "trace/timeline.h"

#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "trace/control_words.h"
#include "trace/packet_names.h"
#include "trace/packet_words.h"
#include "trace/quoted.h"
#include "tunnel/gre.h"

namespace pptp {
namespace {

/// What goes on beside an exchange, and does not end its repetitions.
bool is_background(Layer layer) {
  return layer == Layer::gre || layer == Layer::data;
}

/// Each of a series has an identifier of its own, and may be of another length.
constexpr std::string_view kEcho = "LCP Echo-";

Layer layer_of(PppProtocol protocol) {
  switch (protocol.value()) {
    case protocol::kLcp.value():
      return Layer::lcp;
    case protocol::kPap.value():
    case protocol::kChap.value():
    case protocol::kEap.value():
      return Layer::authentication;
    case protocol::kCcp.value():
    case protocol::kMppe.value():
      return Layer::ccp;
    case protocol::kIpcp.value():
    case protocol::kIpv6cp.value():
      return Layer::ipcp;
    default:  // an open set
      return Layer::other;
  }
}

}  // namespace

void Timeline::connected(TimePoint now, const CallEnds& ends) {
  ends_ = ends;
  add(now, Way::sent, Layer::tcp, "TCP connection",
      fmt::format("[TCP {}:{} -> {}:{}]", ends.ours.text(), ends.our_port, ends.peer.text(),
                  ends.peer_port));
}

void Timeline::control(TimePoint now, Way way, const ControlMessage& message) {
  add(now, way, Layer::control, std::string(name(type_of(message))), control_words(message));
}

void Timeline::not_pptp(TimePoint now, Way way, Bytes octets) {
  add(now, way, Layer::control, "not a PPTP message", quoted(octets));
}

void Timeline::gre(TimePoint now, Way way, Bytes packet) {
  const Result<ParsedGre> parsed = parse_gre(packet);
  // What carries something is shown as what it carries.
  if (!parsed || parsed->sequence) return;
  add(now, way, Layer::gre, "GRE acknowledgement", {});
}

void Timeline::frame(TimePoint now, Way way, PppProtocol protocol, Bytes information) {
  std::string label = packet_name(protocol, information);
  std::string words = packet_words(protocol, information, Secrets::hidden);
  if (label.starts_with(kEcho)) label += fmt::format(", {} octets", information.size());
  // A Protocol-Reject is about what it rejects.
  const PppProtocol subject = rejected_protocol(protocol, information).value_or(protocol);
  add(now, way, layer_of(subject), std::move(label), std::move(words));
}

void Timeline::ip(TimePoint now, Way way, Bytes packet) {
  constexpr std::uint8_t kVersion6 = 6;
  const bool is_ipv6 = !packet.empty() && packet[0] >> 4 == kVersion6;
  add(now, way, Layer::data, is_ipv6 ? "IPv6 packet" : "IP packet", {});
}

void Timeline::add(TimePoint now, Way way, Layer layer, std::string label, std::string words) {
  if (words.size() > kLongestWords) words = words.substr(0, kLongestWords) + " ...";
  const Duration since = now - begin_;
  Exchange exchange{way, layer, std::move(label), std::move(words), since, since};
  if (Exchange* const before = repeated(exchange)) {
    before->last = since;
    ++before->count;
    return;
  }
  if (first_.size() < kFirst) return first_.push_back(std::move(exchange));
  latest_.push_back(std::move(exchange));
  if (latest_.size() <= kLatest) return;
  left_out_ += latest_.front().count;
  latest_.pop_front();
}

Exchange* Timeline::repeated(const Exchange& exchange) {
  const auto among = [&](auto& exchanges) -> std::pair<Exchange*, bool> {
    for (Exchange& before : exchanges | std::views::reverse) {
      if (before.way == exchange.way && before.layer == exchange.layer &&
          before.label == exchange.label &&
          (before.words == exchange.words || exchange.label.starts_with(kEcho))) {
        return {&before, true};
      }
      if (!is_background(before.layer)) return {nullptr, true};
    }
    return {nullptr, false};
  };
  const auto [found, decided] = among(latest_);
  return decided || left_out_ > 0 ? found : among(first_).first;
}

std::vector<Exchange> Timeline::exchanges() const {
  std::vector<Exchange> all = first_;
  all.insert(all.end(), latest_.begin(), latest_.end());
  return all;
}

}  // namespace pptp
