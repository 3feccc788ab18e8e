// What one packet costs, in nanoseconds of this thread: each stage of stateless MPPE-128, and a
// whole packet sealed and opened by the core in batches as it comes from a socket, beside
// libcrypto's bare RC4() over the same octets in the same rounds. Prints JSON; the ratios are what
// can be compared between machines.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/rc4.h>

#include "lib/ip_packet.h"
#include "lib/legacy_crypto.h"
#include "lib/rc4.h"
#include "mppe/keys.h"
#include "tunnel/rx_path.h"
#include "tunnel/tx_path.h"

namespace pptp {
namespace {

constexpr int kRounds = 11;
constexpr std::size_t kPacketsARound = 6'400;
constexpr std::size_t kBatch = 64;
constexpr CallId kCall(7);

MppeKey start_key() {
  return MppeKey(as_bytes("0123456789abcdef"));
}

void fill(Packet& packet, std::size_t octets) {
  Writer out(packet.refill().first(octets));
  out.u16(0x4500);
  out.u16(static_cast<std::uint16_t>(octets));
  out.u32(0);
  out.u32(0x40110000);
  out.u32(Ipv4Address(10, 0, 0, 1).value());
  out.u32(Ipv4Address(10, 0, 0, 2).value());
  out.patch_u16(10, internet_checksum(out.written()));
  out.zeros(octets - 20);
  packet.truncate(octets);
}

/// Whatever else the machine does meanwhile is not counted.
double thread_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Both ends of a call, with a batch of packets on its way between them.
class Ends {
 public:
  explicit Ends(std::size_t octets) : octets_(octets) {
    tx_.obey(TxConnect{PeerCallId(kCall.value()), {}});
    tx_.obey(TxKey{start_key(), {}});
    tx_.obey(Gate::encrypted);
    rx_.install_key(start_key(), {});
    rx_.set_gate(Gate::encrypted);
    for (Packet& packet : batch_)
      packet = pool_.acquire();
  }

  void fill_batch() {
    for (Packet& packet : batch_) {
      if (!packet.has_slot()) packet = pool_.acquire();
      fill(packet, octets_);
    }
  }

  void seal() { require(tx_.seal(TimePoint(), batch_) == kBatch); }

  void open() {
    std::size_t opened = 0;
    for (std::size_t i = 0; i < kBatch;) {
      for (std::size_t n = 0; n < RxPath::kTogether && i < kBatch; ++n, ++i)
        rx_.put(TimePoint(), std::move(batch_[i]));
      while (std::optional<Delivery> delivery = rx_.poll(TimePoint()))
        batch_[opened++] = std::move(delivery->packet);
    }
    require(opened == kBatch);
  }

 private:
  static void require(bool holds) {
    if (!holds) std::abort();
  }

  std::size_t octets_;
  PacketPool pool_{kBatch};
  std::array<Packet, kBatch> batch_;
  TxPath tx_;
  RxPath rx_{kCall};
};

/// The stages, by what `measure` is given: a name, and what to do kBatch times.
template <class Measure>
void stages(std::size_t octets, Ends& ends, std::vector<std::vector<std::uint8_t>>& data,
            Measure measure) {
  const auto times = [](auto once) {
    for (std::size_t i = 0; i < kBatch; ++i)
      once();
  };
  static RC4_KEY reference;
  static Rc4 stream(start_key().bytes());
  static std::array<Rc4, Rc4::kSideBySide> streams;
  static MppeKey key = initial_session_key(start_key(), KeyBits::k128);
  std::array<Rc4::Work, Rc4::kSideBySide> works;
  std::array<Rc4::Keying, Rc4::kSideBySide> keyings;
  for (std::size_t i = 0; i < works.size(); ++i) {
    works[i] = {&streams[i], data[i]};
    keyings[i] = {&streams[i], key.bytes()};
  }
  std::array<std::uint8_t, 128> blocks{};
  if (octets == 64) RC4_set_key(&reference, 16, key.bytes().data());
  measure("libcrypto_rc4",
          [&] { times([&] { RC4(&reference, octets, data[0].data(), data[0].data()); }); });
  measure("rc4_alone", [&] { times([&] { stream.apply(data[0]); }); });
  measure("rc4_side_by_side", [&] {
    for (std::size_t i = 0; i < kBatch; i += works.size())
      Rc4::apply(works);
  });
  measure("sha1", [&] { times([&] { (void)sha1_of_blocks(blocks); }); });
  measure("key_change",
          [&] { times([&] { key = next_session_key(start_key(), key, KeyBits::k128); }); });
  measure("key_schedule", [&] {
    for (std::size_t i = 0; i < kBatch; i += keyings.size())
      Rc4::set_keys(keyings);
  });
  ends.fill_batch();
  measure("seal", [&] { ends.seal(); });
  measure("open", [&] { ends.open(); });
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

nlohmann::json measure_size(std::size_t octets) {
  Ends ends(octets);
  std::vector<std::vector<std::uint8_t>> data(Rc4::kSideBySide, std::vector<std::uint8_t>(octets));
  std::map<std::string, std::vector<double>> taken;
  // Alternating, so that a machine that slows down slows all of them.
  for (int round = 0; round < kRounds; ++round) {
    std::map<std::string, double> this_round;
    for (std::size_t done = 0; done < kPacketsARound; done += kBatch) {
      stages(octets, ends, data, [&](const char* stage, auto act) {
        const double start = thread_ns();
        act();
        this_round[stage] += thread_ns() - start;
      });
    }
    for (const auto& [stage, ns] : this_round)
      taken[stage].push_back(ns / kPacketsARound);
  }
  nlohmann::json ns;
  nlohmann::json ratios;
  const double bare = median(taken["libcrypto_rc4"]);
  for (const auto& [stage, values] : taken) {
    ns[stage] = median(values);
    ratios[stage] = median(values) / bare;
  }
  return {{"octets", octets}, {"ns", ns}, {"to_libcrypto_rc4", ratios}};
}

}  // namespace
}  // namespace pptp

int main() {
  nlohmann::json document = {
      {"bench", "crypto"}, {"rounds", pptp::kRounds}, {"sizes", nlohmann::json::array()}};
  for (const std::size_t octets : {64U, 576U, 1400U})
    document["sizes"].push_back(pptp::measure_size(octets));
  std::puts(document.dump(2).c_str());
}
