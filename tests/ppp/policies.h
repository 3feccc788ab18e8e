#pragma once

// Policies on two negotiators that are joined directly, and one policy asked by itself.

#include <initializer_list>
#include <utility>

#include "ppp/negotiator.h"
#include "ppp/option_policy.h"
#include "tests/ppp/negotiation.h"

namespace pptp::test {

/// Both ends of one control protocol on a wire that loses nothing.
class Negotiation {
 public:
  Negotiation(OptionPolicy& a, OptionPolicy& b) : a_(a, {}, Log()), b_(b, {}, Log()) {
    for (Negotiator* each : {&a_, &b_}) {
      each->open(kStart);
      each->lower_up(kStart);
    }
  }

  void run() { pair_.run(std::chrono::minutes(10)); }

  bool opened() const { return a_.state() == State::opened && b_.state() == State::opened; }

  /// Whether something still goes on.
  bool endless() const { return a_.next_deadline() || b_.next_deadline(); }

  Negotiator& a() { return a_; }

  TimePoint now() const { return pair_.now(); }

 private:
  Negotiator a_;
  Negotiator b_;
  Pair pair_{a_, b_, {}, 1};
};

struct Judgement {
  Verdict verdict;
  Octets nak;

  bool operator==(const Judgement&) const = default;
};

/// What `ask` writes into an OptionWriter.
template <class Ask>
Octets options_of(Ask&& ask) {
  Octets room(64);
  Writer writer(room);
  OptionWriter out(writer);
  ask(out);
  room.resize(writer.size());
  return room;
}

inline Judgement judge(OptionPolicy& policy, std::uint8_t type, Bytes data) {
  Verdict verdict{};
  Octets nak = options_of([&](OptionWriter& out) { verdict = policy.judge({type, data}, out); });
  return {verdict, std::move(nak)};
}

inline Judgement judge(OptionPolicy& policy, std::uint8_t type,
                       std::initializer_list<std::uint8_t> data) {
  return judge(policy, type, Bytes(data.begin(), data.size()));
}

inline Octets request(OptionPolicy& policy) {
  return options_of([&](OptionWriter& out) { policy.write_request(out); });
}

inline Octets missing(OptionPolicy& policy) {
  return options_of([&](OptionWriter& out) { policy.judge_missing(out); });
}

}  // namespace pptp::test
