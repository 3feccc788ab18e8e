#include "diagnosis/facts.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <re2/re2.h>
#include <string>
#include <utility>

#include "diagnosis/attempt.h"
#include "diagnosis/ccp_talk.h"
#include "diagnosis/echo_talk.h"
#include "diagnosis/lcp_talk.h"
#include "diagnosis/patience.h"
#include "diagnosis/ppp_text.h"
#include "diagnosis/rubbish.h"
#include "diagnosis/terminate_reason.h"

namespace pptp::diagnosis {
namespace {

/// Challenges or responses without a word from the peer: nobody needs to wait for the time-out.
constexpr unsigned kSilent = 3;
/// Rubbish that comes within so many seconds, or lines, of encryption was never anything else.
constexpr std::int64_t kAtOnceSeconds = 5;
constexpr std::size_t kAtOnceLines = 15;
/// Fewer packets out of order are nobody's trouble.
constexpr unsigned kManyReordered = 20;
/// But who gives a log of nothing else asks about them.
constexpr unsigned kFewReordered = 2;
/// Who stops a tunnel sends a signal or two.
constexpr unsigned kManySignals = 5;
constexpr unsigned kManyAddresses = 4;
/// Octets that a loop makes within a minute, and nobody types.
constexpr std::uint64_t kMuch = 1'000'000;
constexpr std::uint64_t kFarMore = 100;
/// What a link comes up with, and less than any acknowledgements.
constexpr std::uint64_t kNextToNothing = 10'000;

/// Marks that are facts by themselves.
constexpr std::pair<Mark, Fact> kPlain[] = {
    {Mark::lcp_up, Fact::lcp_open},
    {Mark::lcp_timed_out, Fact::lcp_timed_out},
    {Mark::echo_unanswered, Fact::echo_unanswered},
    {Mark::link_had_lasted, Fact::was_up},
    {Mark::default_route_replaced, Fact::default_route_replaced},
    {Mark::gre_filtered, Fact::gre_filtered},
};

/// A user has hung up, or what stands for one.
bool is_on_purpose(std::string_view text) {
  return text == "User request" || text == "Link inactive" || text == "Connect time expired" ||
         text == "user request";
}

/// How often, and the line of the last time.
struct Counted {
  void add(unsigned times, std::size_t where) {
    count += times;
    line = where;
  }

  unsigned count = 0;
  std::size_t line = 0;
};

class Deriver {
 public:
  Deriver(std::span<const LogLine> lines, const Attempt& attempt)
      : lines_(lines), attempt_(attempt), events_(attempt.events) {}

  Facts derive() {
    for (at_ = 0; at_ < events_.size(); ++at_) {
      note_marks();
      if (const auto& packet = events_[at_].packet; packet.has_value()) note_packet(*packet);
    }
    conclude();
    return std::move(facts_);
  }

 private:
  const Event& event() const { return events_[at_]; }

  const LogLine& line() const { return lines_[event().line]; }

  unsigned times() const { return std::max(1U, line().repeats); }

  void add(Fact fact) { facts_.add(fact, event().line); }

  bool has(Fact fact) const { return facts_.has(fact); }

  void note_marks() {
    for (const Mark mark : event().marks)
      note_mark(mark);
    if (line().program == kPptpLinux) add(Fact::client);
  }

  void note_mark(Mark mark) {
    for (const auto& [plain, fact] : kPlain)
      if (plain == mark) add(fact);
    switch (mark) {
      case Mark::pptp_began:
        began_pptp_ = event().line;
        break;
      case Mark::start_sent:
        add(Fact::client);
        start_sent_ = event().line;
        break;
      case Mark::start_replied:
      case Mark::control_up:
        add(Fact::client);
        start_replied_ = true;
        break;
      case Mark::call_up:
        add(Fact::client);
        note_granted();
        start_replied_ = true;
        break;
      case Mark::plugin_call_up:
        note_granted();
        start_replied_ = true;
        break;
      case Mark::pppd_gone:
        patience_.over(line());
        add(Fact::ended);
        break;
      case Mark::peer_closed_control:
        if ((start_sent_ || began_pptp_) && !start_replied_ && !has(Fact::up))
          add(Fact::closed_before_reply);
        note_disconnected();
        break;
      case Mark::pptp_ended:
        add(Fact::client);
        if (!has(Fact::ended) && !has(Fact::detailed)) note_disconnected();
        break;
      case Mark::call_disconnected:
      case Mark::stop_received:
        note_disconnected();
        break;
      case Mark::pptp_closing:
        closing_ = event().line;
        break;
      case Mark::server_program:
        add(Fact::server);
        break;
      case Mark::client_came:
        add(Fact::server);
        came_ = true;
        break;
      case Mark::call_started:
        add(Fact::server);
        note_granted();
        break;
      case Mark::pty_failed:
        patience_.over(line());
        add(Fact::server);
        add(Fact::pty_failed);
        add(Fact::ended);
        break;
      case Mark::client_left:
        add(Fact::server);
        add(Fact::ended);
        left_ = event().line;
        break;
      default:
        note_pppd_mark(mark);
    }
  }

  void note_pppd_mark(Mark mark) {
    switch (mark) {
      case Mark::pppd_started:
      case Mark::interface_used:
      case Mark::link_connected:
        began_ = true;
        add(Fact::pppd_seen);
        patience_.began(line(), event().line);
        break;
      case Mark::auth_succeeded:
        add(Fact::auth_succeeded);
        add(Fact::lcp_open);
        break;
      case Mark::auth_failed:
        add(Fact::auth_failed);
        add(Fact::lcp_open);
        break;
      case Mark::eap_answered:
        eap_response_ = at_;
        break;
      case Mark::client_accepted:
        add(Fact::client);
        break;
      case Mark::client_authorized:
        add(Fact::authorized);
        // An Ethernet address would be PPPoE's.
        if (RE2::PartialMatch(line().text, R"(calling number \d+\.\d+\.)")) add(Fact::server);
        add(Fact::lcp_open);
        authorized_ = line().seconds;
        break;
      case Mark::mppe_up_stateful:
        add(Fact::stateful);
        [[fallthrough]];
      case Mark::mppe_up:
        if (!mppe_up_) mppe_up_ = at_;
        add(Fact::ccp_open);
        break;
      case Mark::network_up:
        note_up();
        break;
      case Mark::terminated_by_peer:
        note_terminated();
        break;
      case Mark::unknown_protocol:
      case Mark::protocol_rejected:
        note_protocol_message(mark == Mark::unknown_protocol);
        break;
      case Mark::octets_counted:
        note_octets();
        break;
      case Mark::ended_on_purpose:
        // pptpd and NetworkManager end their pppd by a signal, whatever was the reason.
        if (has(Fact::hung_up_after_up))
          add(Fact::hung_up_unasked);
        else if (!has(Fact::terminated_by_peer))
          add(Fact::ended_on_purpose);
        if (++purposes_ >= kManySignals) add(Fact::signal_repeated);
        patience_.signalled(line());
        break;
      case Mark::hung_up:
        note_hung_up();
        [[fallthrough]];
      case Mark::link_ended:
      case Mark::process_ended:
        add(Fact::ended);
        patience_.over(line());
        break;
      case Mark::packet_reordered:
        reordered_ += times();
        if (reordered_ >= kManyReordered) add(Fact::reordering);
        break;
      default:
        break;
    }
  }

  void note_hung_up() {
    if (has(Fact::ended_on_purpose)) return;
    if (!has(Fact::up) && has(Fact::ended)) return;
    add(has(Fact::up) ? Fact::hung_up_after_up : Fact::hung_up_before_up);
    if (closing_) add(Fact::hung_up_unasked);
  }

  void note_up() {
    if (!up_) up_ = at_;
    add(Fact::up);
    add(Fact::lcp_open);
    std::string address;
    if (!attempt_.peer.empty() &&
        RE2::PartialMatch(line().text, R"(remote IP address ([\d.]+))", &address) &&
        address == attempt_.peer)
      add(Fact::remote_is_server);
  }

  void note_granted() {
    add(Fact::call_granted);
    patience_.began(line(), event().line);
  }

  void note_octets() {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    if (RE2::PartialMatch(line().text, R"(Sent (\d{1,18}) bytes, received (\d{1,18}) bytes)", &sent,
                          &received) &&
        sent >= kMuch && sent / kFarMore >= received) {
      add(Fact::sent_far_more);
      if (received < kNextToNothing) add(Fact::sent_alone);
    }
  }

  void note_disconnected() {
    if (has(Fact::ended_on_purpose) || closing_) return;
    add(has(Fact::up) ? Fact::disconnected_after_up : Fact::disconnected_before_up);
  }

  void note_terminated() {
    // Nobody negotiates for so long.
    if (authorized_ && line().seconds && *line().seconds - *authorized_ > 2 * Patience::kLcpSeconds)
      add(Fact::was_up);
    if (has(Fact::ended_on_purpose) || terminate_sent_) return;
    const TerminateReason reason = terminate_reason(line().text, event().packet);
    if (reason.windows_error ? *reason.windows_error == 0 : is_on_purpose(reason.text)) {
      // Who hangs up before anything is up has a reason that it does not tell.
      add(has(Fact::up) || !began_ ? Fact::ended_on_purpose : Fact::terminated_by_peer);
      return;
    }
    add(Fact::terminated_by_peer);
    if (reason.text.empty()) add(Fact::terminated_without_reason);
    if (eap_response_ && at_ - *eap_response_ <= 2) add(Fact::eap_used);
  }

  // "Unsupported protocol 0xbe1b received", "Protocol-Reject for ... 0xbe1b".
  void note_protocol_message(bool received) {
    const std::string_view text = line().text;
    const std::size_t at = text.find("0x");
    if (at == std::string_view::npos) return;
    std::uint32_t number = 0;
    std::from_chars(text.data() + at + 2, text.data() + text.size(), number, 16);
    if (number == 0x80fd && !received) add(Fact::ccp_refused_by_peer);
    note_rubbish(number, received);
  }

  void note_rubbish(std::uint32_t number, bool received) {
    rubbish_.note(number, received, age());
    for (const Fact fact : rubbish_.take())
      add(fact);
  }

  /// Since packets are enciphered, or flow at all: what nothing is known of has no age.
  std::optional<bool> age() const {
    const std::optional<std::size_t> since = mppe_up_ ? mppe_up_ : up_;
    if (!since) return std::nullopt;
    const LogLine& then = lines_[events_[*since].line];
    const LogLine& now = line();
    if (then.seconds && now.seconds) return *now.seconds - *then.seconds <= kAtOnceSeconds;
    return at_ - *since <= kAtOnceLines;
  }

  void note_packet(const PrintedPacket& packet) {
    if (packet.protocol == PacketProtocol::pptp || packet.protocol == PacketProtocol::other) return;
    add(Fact::detailed);
    const bool sent = packet.direction == Direction::sent;
    if (!sent && packet.protocol != PacketProtocol::number) received_ = true;
    if (!sent && packet.protocol != PacketProtocol::lcp &&
        packet.protocol != PacketProtocol::number)
      add(Fact::lcp_open);
    switch (packet.protocol) {
      case PacketProtocol::lcp:
        note_lcp(packet, sent);
        break;
      case PacketProtocol::chap:
      case PacketProtocol::pap:
      case PacketProtocol::eap:
        note_auth(packet, sent);
        break;
      case PacketProtocol::ccp:
        note_ccp(packet);
        break;
      case PacketProtocol::ipcp:
        note_ipcp(packet, sent);
        break;
      case PacketProtocol::number:
        note_number(packet, sent);
        break;
      default:
        break;
    }
  }

  void note_number(const PrintedPacket& packet, bool sent) {
    if (sent) return;
    if (packet.number == 0x7eff) add(Fact::framing_in_data);
    note_rubbish(packet.number, true);
  }

  void note_lcp(const PrintedPacket& packet, bool sent) {
    lcp_.note(packet, times(), event().line);
    for (const Fact fact : lcp_.take())
      add(fact);
    switch (packet.code) {
      case PacketCode::terminate_request:
        if (sent) {
          terminate_sent_ = true;
          note_our_terminate(packet);
        } else {
          note_terminated();
        }
        break;
      case PacketCode::protocol_reject:
        note_protocol_reject(packet, sent);
        break;
      case PacketCode::echo_request:
        if (sent) {
          echoes_.asked_by_us(times(), event().line);
        } else {
          echoes_.asked_by_peer();
        }
        break;
      case PacketCode::echo_reply:
        if (!sent) echoes_.answered(times());
        break;
      default:
        break;
    }
  }

  void note_our_terminate(const PrintedPacket& packet) {
    if (is_on_purpose(packet.text)) add(Fact::ended_on_purpose);
    if (ccp_.peer_asked_for_nothing()) add(Fact::peer_without_request);
  }

  void note_protocol_reject(const PrintedPacket& packet, bool sent) {
    if (packet.data.size() < 2) return;
    const auto number = static_cast<std::uint32_t>(packet.data[0] << 8 | packet.data[1]);
    if (!sent && number == 0x80fd) add(Fact::ccp_refused_by_peer);
    note_rubbish(number, sent);
  }

  void note_auth(const PrintedPacket& packet, bool sent) {
    const bool eap = packet.protocol == PacketProtocol::eap;
    switch (packet.code) {
      case PacketCode::challenge:
        add(sent ? Fact::server : Fact::client);
        if (sent) challenges_sent_.add(times(), event().line);
        break;
      case PacketCode::response:
      case PacketCode::authenticate_request:
        add(sent ? Fact::client : Fact::server);
        if (sent) {
          responses_sent_.add(1, event().line);
          if (eap) eap_response_ = at_;
          if (packet.name.find("\\\\") != std::string::npos) add(Fact::backslash_doubled);
        } else {
          ++responses_received_;
        }
        break;
      case PacketCode::success:
      case PacketCode::authenticate_ack:
        add(Fact::auth_succeeded);
        break;
      case PacketCode::failure:
      case PacketCode::authenticate_nak:
        add(Fact::auth_failed);
        if (eap && !sent) add(Fact::eap_used);
        break;
      default:
        break;
    }
  }

  void note_ccp(const PrintedPacket& packet) {
    ccp_.note(packet);
    for (const Fact fact : ccp_.take())
      add(fact);
    if (has(Fact::ccp_open) && !mppe_up_) mppe_up_ = at_;
  }

  void note_ipcp(const PrintedPacket& packet, bool sent) {
    const bool address = packet.option("addr") != nullptr;
    switch (packet.code) {
      case PacketCode::configure_ack:
        (sent ? ipcp_ack_sent_ : ipcp_ack_received_) |= sent || address;
        if (ipcp_ack_sent_ && ipcp_ack_received_) note_up();
        break;
      case PacketCode::configure_reject:
        if (address) add(Fact::address_refused);
        break;
      case PacketCode::configure_nak:
        if (address) address_naks_ += times();
        if (address_naks_ >= kManyAddresses) add(Fact::address_disputed);
        break;
      default:
        break;
    }
  }

  void conclude() {
    conclude_roles();
    conclude_control();
    conclude_lcp();
    conclude_auth();
    if (const auto echoes = echoes_.judge(has(Fact::echo_unanswered)))
      facts_.add(*echoes, echoes_.line());
    conclude_order();
    if (!began_ && !came_ && !has(Fact::up) && !has(Fact::call_granted) && !has(Fact::detailed) &&
        has(Fact::ended))
      copy(Fact::only_the_end, Fact::ended);
  }

  void conclude_order() {
    const auto is_reordered = [](const Event& each) { return each.has(Mark::packet_reordered); };
    if (reordered_ >= kFewReordered && std::ranges::all_of(events_, is_reordered))
      facts_.add(Fact::reordering, events_.back().line);
  }

  void conclude_roles() {
    if (has(Fact::server) || has(Fact::client) || events_.empty()) return;
    if (lcp_.auth_asked_by_us()) facts_.add(Fact::server, events_.front().line);
  }

  void conclude_control() {
    if (start_sent_ && !start_replied_ && !has(Fact::closed_before_reply) && closing_)
      facts_.add(Fact::start_unanswered, *start_sent_);
    // That a control connection is up pptp tells before the link's first retry.
    if (began_pptp_ && !start_sent_ && !start_replied_ && lcp_.asked_often() && !received_)
      facts_.add(Fact::nothing_from_control, *began_pptp_);
    if (came_ && left_ && !has(Fact::call_granted) && !has(Fact::lcp_open))
      facts_.add(Fact::client_left_without_call, *left_);
  }

  void conclude_lcp() {
    const bool given_up =
        has(Fact::lcp_timed_out) || has(Fact::ended) || has(Fact::disconnected_before_up);
    for (const Fact fact : lcp_.judge(has(Fact::lcp_open), given_up, received_))
      facts_.add(fact, lcp_.line());
    if (const auto fact = patience_.judge()) facts_.add(*fact, patience_.line());
  }

  void conclude_auth() {
    const bool decided = has(Fact::auth_succeeded) || has(Fact::auth_failed) || has(Fact::up);
    if (challenges_sent_.count >= kSilent && responses_received_ == 0)
      facts_.add(Fact::challenge_unanswered, challenges_sent_.line);
    if (responses_sent_.count > 0 && !decided && !has(Fact::terminated_by_peer) &&
        (responses_sent_.count >= kSilent || has(Fact::ended)))
      facts_.add(Fact::response_unanswered, responses_sent_.line);
    if (lcp_.auth_asked_by_us() && has(Fact::client) && has(Fact::method_refused_by_peer))
      copy(Fact::asks_server_for_proof, Fact::method_refused_by_peer);
  }

  void copy(Fact to, Fact from) {
    for (const std::size_t line : facts_.lines(from))
      facts_.add(to, line);
  }

  std::span<const LogLine> lines_;
  const Attempt& attempt_;
  std::span<const Event> events_;
  std::size_t at_ = 0;
  Facts facts_;
  LcpTalk lcp_;
  CcpTalk ccp_;
  Rubbish rubbish_;

  std::optional<std::size_t> began_pptp_, start_sent_, closing_, left_;
  std::optional<std::int64_t> authorized_;  ///< when
  Patience patience_;
  Counted challenges_sent_, responses_sent_;
  EchoTalk echoes_;
  std::optional<std::size_t> mppe_up_, up_, eap_response_;
  bool start_replied_ = false;
  bool came_ = false;
  bool began_ = false;
  bool terminate_sent_ = false;
  bool ipcp_ack_sent_ = false;
  bool ipcp_ack_received_ = false;
  bool received_ = false;  ///< anything of the peer
  unsigned responses_received_ = 0;
  unsigned address_naks_ = 0;
  unsigned reordered_ = 0;
  unsigned purposes_ = 0;
};

}  // namespace

Facts derive_facts(std::span<const LogLine> lines, const Attempt& attempt) {
  return Deriver(lines, attempt).derive();
}

}  // namespace pptp::diagnosis
