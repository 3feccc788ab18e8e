#include "diagnosis/attempt.h"

#include <algorithm>
#include <map>
#include <re2/re2.h>
#include <utility>

namespace pptp::diagnosis {
namespace {

/// What is known of an attempt while its lines are being gathered.
struct Gathering {
  std::uint32_t pppd_pid = 0;
  std::uint32_t server_pid = 0;
  std::string session;
  bool pppd_started = false;
  bool connected = false;
  bool start_sent = false;
  bool ended = false;
};

bool is_pppd(const LogLine& line) {
  return line.program == "pppd" || line.program == "pptp";
}

bool begins_pppd(const Event& event) {
  return event.has(Mark::pppd_started) || event.has(Mark::interface_used) ||
         event.has(Mark::link_connected);
}

bool is_first_request(const Event& event) {
  return event.packet && event.packet->direction == Direction::sent &&
         event.packet->protocol == PacketProtocol::lcp &&
         event.packet->code == PacketCode::configure_request && event.packet->id == 1;
}

class Sorter {
 public:
  explicit Sorter(std::span<const LogLine> lines) : lines_(lines) {}

  void take(Event event) {
    const LogLine& line = lines_[event.line];
    const std::size_t place = place_of(line, event);
    current_ = place;
    note(gatherings_[place], line, event);
    note_link(attempts_[place], line, event);
    attempts_[place].events.push_back(std::move(event));
  }

  std::vector<Attempt> finish() { return std::move(attempts_); }

 private:
  // Processes are told apart by their program and number, accel-ppp's sessions by their interface.
  using Key = std::pair<std::string, std::uint32_t>;

  static std::optional<Key> key_of(const LogLine& line) {
    if (!line.session.empty()) return Key(line.session, 0);
    const bool one_call = is_pppd(line) || line.program == kPptpLinux || line.program == "pptpd";
    if (line.pid == 0 || !one_call) return std::nullopt;
    return Key(line.program, line.pid);
  }

  std::size_t place_of(const LogLine& line, const Event& event) {
    const auto key = key_of(line);
    if (event.has(Mark::client_came)) return bind(begin(), key);
    if (key) {
      if (const auto known = places_.find(*key); known != places_.end()) {
        const bool again = begins_again(gatherings_[known->second], event);
        return again ? bind(begin(), key) : known->second;
      }
    }
    if (attempts_.empty() || belongs_elsewhere(gatherings_[current_], line, event))
      return bind(begin(), key);
    return bind(current_, key);
  }

  /// The same process, another call: pppd's "persist", or a number that is used again.
  static bool begins_again(const Gathering& gathering, const Event& event) {
    if (event.has(Mark::link_connected)) return gathering.connected;
    if (event.has(Mark::interface_used)) return gathering.connected && gathering.ended;
    return event.has(Mark::pppd_started) && (gathering.connected || gathering.ended);
  }

  static bool belongs_elsewhere(const Gathering& current, const LogLine& line, const Event& event) {
    if (is_pppd(line) && line.pid != 0 && current.pppd_pid != 0) return true;
    if (line.program == "pptpd" && line.pid != 0 && current.server_pid != 0) return true;
    if (!line.session.empty() && !current.session.empty()) return true;
    if (event.has(Mark::start_sent)) return current.start_sent || current.ended;
    if (event.has(Mark::control_failed)) return current.ended;
    if (begins_pppd(event)) {
      if (current.ended) return true;
      return event.has(Mark::pppd_started) ? current.pppd_started || current.connected
                                           : current.connected;
    }
    return current.ended && is_first_request(event);
  }

  std::size_t begin() {
    attempts_.emplace_back();
    gatherings_.emplace_back();
    return attempts_.size() - 1;
  }

  std::size_t bind(std::size_t place, const std::optional<Key>& key) {
    if (key) places_[*key] = place;
    return place;
  }

  static void note(Gathering& gathering, const LogLine& line, const Event& event) {
    if (is_pppd(line) && line.pid != 0) gathering.pppd_pid = line.pid;
    if (line.program == "pptpd" && line.pid != 0) gathering.server_pid = line.pid;
    if (!line.session.empty()) gathering.session = line.session;
    gathering.pppd_started |= event.has(Mark::pppd_started);
    gathering.connected |= event.has(Mark::link_connected);
    gathering.start_sent |= event.has(Mark::start_sent);
    gathering.ended |= event.has(Mark::link_ended) || event.has(Mark::process_ended) ||
                       event.has(Mark::client_left);
  }

  void note_link(Attempt& attempt, const LogLine& line, const Event& event) const {
    std::string peer;
    if (attempt.peer.empty() && RE2::PartialMatch(line.text, peer_, &peer)) attempt.peer = peer;
    const auto set = [&](Mark mark, LinkKind kind) {
      if (event.has(mark) && attempt.link != LinkKind::pptp) attempt.link = kind;
    };
    set(Mark::modem_link, LinkKind::modem);
    set(Mark::pppoe_link, LinkKind::pppoe);
    set(Mark::l2tp_link, LinkKind::l2tp);
    set(Mark::other_vpn, LinkKind::other);
    set(Mark::pptp_link, LinkKind::pptp);
  }

  std::span<const LogLine> lines_;
  const RE2 peer_{
      R"((?:CTRL: Client |calling number |pptp ?\(|connection from |connection established from |control connection to |pptp ))"
      R"((\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}))",
      RE2::Latin1};
  std::vector<Attempt> attempts_;
  std::vector<Gathering> gatherings_;
  std::map<Key, std::size_t> places_;
  std::size_t current_ = 0;
};

}  // namespace

bool Event::has(Mark mark) const {
  return std::ranges::find(marks, mark) != marks.end();
}

std::vector<Attempt> sort_attempts(std::span<const LogLine> lines, std::vector<Event> events) {
  Sorter sorter(lines);
  for (Event& event : events)
    sorter.take(std::move(event));
  return sorter.finish();
}

}  // namespace pptp::diagnosis
