#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace pptp {

/// RFC 1661 4.2, numbered as in the heading of the table in 4.1.
enum class State : std::uint8_t {
  initial,
  starting,
  closed,
  stopped,
  closing,
  stopping,
  req_sent,
  ack_rcvd,
  ack_sent,
  opened,
  count_
};

/// RFC 1661 4.3, in the order of the table's rows.
enum class Event : std::uint8_t {
  up,             ///< Up: the lower layer is ready to carry packets
  down,           ///< Down
  open,           ///< Open: administrative
  close,          ///< Close
  to_positive,    ///< TO+: timeout with counter > 0
  to_negative,    ///< TO-: timeout with counter expired
  rcr_positive,   ///< RCR+: Receive-Configure-Request (good)
  rcr_negative,   ///< RCR-: Receive-Configure-Request (bad)
  rca,            ///< RCA: Receive-Configure-Ack
  rcn,            ///< RCN: Receive-Configure-Nak/Rej
  rtr,            ///< RTR: Receive-Terminate-Request
  rta,            ///< RTA: Receive-Terminate-Ack
  ruc,            ///< RUC: Receive-Unknown-Code
  rxj_permitted,  ///< RXJ+: Receive-Code-Reject (permitted) or Receive-Protocol-Reject
  rxj_fatal,      ///< RXJ-: Receive-Code-Reject (catastrophic) or Receive-Protocol-Reject
  rxr,            ///< RXR: Receive-Echo-Request, Echo-Reply or Discard-Request
  count_
};

/// RFC 1661 4.4.
enum class Action : std::uint8_t {
  tlu,  ///< This-Layer-Up
  tld,  ///< This-Layer-Down
  tls,  ///< This-Layer-Started
  tlf,  ///< This-Layer-Finished
  irc,  ///< Initialize-Restart-Count
  zrc,  ///< Zero-Restart-Count
  scr,  ///< Send-Configure-Request
  sca,  ///< Send-Configure-Ack
  scn,  ///< Send-Configure-Nak/Rej
  str,  ///< Send-Terminate-Request
  sta,  ///< Send-Terminate-Ack
  scj,  ///< Send-Code-Reject
  ser,  ///< Send-Echo-Reply
  count_
};

inline constexpr std::size_t kStates = static_cast<std::size_t>(State::count_);
inline constexpr std::size_t kEvents = static_cast<std::size_t>(Event::count_);
inline constexpr std::size_t kActions = static_cast<std::size_t>(Action::count_);

/// One cell of the table: what to do, in order, and the state that follows.
class Transition {
 public:
  /// A dash in the table: this event cannot happen in this state.
  consteval Transition() noexcept = default;

  /// `state` is the number from the table's heading. A wrong one does not compile.
  explicit consteval Transition(unsigned state) noexcept
      : next_(static_cast<State>(state)), legal_(state < kStates) {}

  consteval Transition(Action action, unsigned state) noexcept : Transition(state) { add(action); }

  consteval Transition(Action first, Action second, unsigned state) noexcept
      : Transition(first, state) {
    add(second);
  }

  consteval Transition(Action first, Action second, Action third, unsigned state) noexcept
      : Transition(first, second, state) {
    add(third);
  }

  constexpr bool legal() const noexcept { return legal_; }

  /// Means nothing when not legal().
  constexpr State next() const noexcept { return next_; }

  constexpr std::span<const Action> actions() const noexcept {
    return std::span(actions_).first(size_);
  }

  constexpr bool has(Action action) const noexcept {
    for (const Action each : actions()) {
      if (each == action) return true;
    }
    return false;
  }

 private:
  consteval void add(Action action) noexcept { actions_[size_++] = action; }

  std::array<Action, 3> actions_{};
  std::size_t size_ = 0;
  State next_ = State::initial;
  bool legal_ = false;
};

namespace automaton_detail {

using Row = std::array<Transition, kStates>;
using enum Action;

using to = Transition;
inline constexpr Transition no;

// RFC 1661 4.1, row by row and column by column, in the RFC's order. Its footnotes:
//   r  Restart option (Open in Stopped, Closing, Stopping, Opened): not taken; whoever wants a
//      restart sends Down and Up.
//   p  Passive option (TO- in Req-Sent, Ack-Rcvd, Ack-Sent): not taken; tlf is sent.
//   x  Crossed connection (RCA and RCN in Ack-Rcvd and Opened): taken as printed here; see
//      Negotiator for which packets count as such an event.
// clang-format off
inline constexpr std::array<Row, kEvents> kTable = {{
  //               Initial     Starting         Closed           Stopped               Closing     Stopping    Req-Sent         Ack-Rcvd         Ack-Sent         Opened
  /* Up    */ Row{to(2),      to(irc, scr, 6), no,              no,                   no,         no,         no,              no,              no,              no},
  /* Down  */ Row{no,         no,              to(0),           to(tls, 1),           to(0),      to(1),      to(1),           to(1),           to(1),           to(tld, 1)},
  /* Open  */ Row{to(tls, 1), to(1),           to(irc, scr, 6), to(3),                to(5),      to(5),      to(6),           to(7),           to(8),           to(9)},
  /* Close */ Row{to(0),      to(tlf, 0),      to(2),           to(2),                to(4),      to(4),      to(irc, str, 4), to(irc, str, 4), to(irc, str, 4), to(tld, irc, str, 4)},

  /* TO+   */ Row{no,         no,              no,              no,                   to(str, 4), to(str, 5), to(scr, 6),      to(scr, 6),      to(scr, 8),      no},
  /* TO-   */ Row{no,         no,              no,              no,                   to(tlf, 2), to(tlf, 3), to(tlf, 3),      to(tlf, 3),      to(tlf, 3),      no},

  /* RCR+  */ Row{no,         no,              to(sta, 2),      to(irc, scr, sca, 8), to(4),      to(5),      to(sca, 8),      to(sca, tlu, 9), to(sca, 8),      to(tld, scr, sca, 8)},
  /* RCR-  */ Row{no,         no,              to(sta, 2),      to(irc, scr, scn, 6), to(4),      to(5),      to(scn, 6),      to(scn, 7),      to(scn, 6),      to(tld, scr, scn, 6)},
  /* RCA   */ Row{no,         no,              to(sta, 2),      to(sta, 3),           to(4),      to(5),      to(irc, 7),      to(scr, 6),      to(irc, tlu, 9), to(tld, scr, 6)},
  /* RCN   */ Row{no,         no,              to(sta, 2),      to(sta, 3),           to(4),      to(5),      to(irc, scr, 6), to(scr, 6),      to(irc, scr, 8), to(tld, scr, 6)},

  /* RTR   */ Row{no,         no,              to(sta, 2),      to(sta, 3),           to(sta, 4), to(sta, 5), to(sta, 6),      to(sta, 6),      to(sta, 6),      to(tld, zrc, sta, 5)},
  /* RTA   */ Row{no,         no,              to(2),           to(3),                to(tlf, 2), to(tlf, 3), to(6),           to(6),           to(8),           to(tld, scr, 6)},

  /* RUC   */ Row{no,         no,              to(scj, 2),      to(scj, 3),           to(scj, 4), to(scj, 5), to(scj, 6),      to(scj, 7),      to(scj, 8),      to(scj, 9)},
  /* RXJ+  */ Row{no,         no,              to(2),           to(3),                to(4),      to(5),      to(6),           to(6),           to(8),           to(9)},
  /* RXJ-  */ Row{no,         no,              to(tlf, 2),      to(tlf, 3),           to(tlf, 2), to(tlf, 3), to(tlf, 3),      to(tlf, 3),      to(tlf, 3),      to(tld, irc, str, 5)},

  /* RXR   */ Row{no,         no,              to(2),           to(3),                to(4),      to(5),      to(6),           to(7),           to(8),           to(ser, 9)},
}};
// clang-format on

}  // namespace automaton_detail

/// RFC 1661 4.1: the whole automaton. Neither argument may be count_.
constexpr const Transition& step(State state, Event event) noexcept {
  return automaton_detail::kTable[std::to_underlying(event)][std::to_underlying(state)];
}

/// RFC 1661 4.1: the Restart timer runs in the states that have TO events.
constexpr bool restart_timer_runs(State state) noexcept {
  return step(state, Event::to_positive).legal();
}

/// As the RFC spells them: "Req-Sent", "RCR+", "irc".
std::string_view name(State state) noexcept;
std::string_view name(Event event) noexcept;
std::string_view name(Action action) noexcept;

namespace automaton_detail {

constexpr std::size_t count_legal() noexcept {
  std::size_t legal = 0;
  for (const Row& row : kTable) {
    for (const Transition& cell : row)
      legal += static_cast<std::size_t>(cell.legal());
  }
  return legal;
}

constexpr bool tlu_leads_to_opened_only() noexcept {
  for (const Row& row : kTable) {
    for (std::size_t state = 0; state < kStates; ++state) {
      const bool opens = row[state].legal() && row[state].next() == State::opened &&
                         static_cast<State>(state) != State::opened;
      const bool leaves = row[state].legal() && row[state].next() != State::opened &&
                          static_cast<State>(state) == State::opened;
      if (row[state].has(tlu) != opens || row[state].has(tld) != leaves) return false;
    }
  }
  return true;
}

// RFC 1661 4.1 has 40 dashes.
static_assert(kStates * kEvents == 160);
static_assert(count_legal() == 160 - 40);
static_assert(tlu_leads_to_opened_only());

}  // namespace automaton_detail

}  // namespace pptp
