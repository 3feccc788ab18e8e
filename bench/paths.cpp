// What one packet costs in the core: TxPath and RxPath with MPPE-128 stateless, beside libcrypto's
// bare RC4 over the same octets in the same run. Prints JSON; the ratios are what can be compared
// between machines.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/ip_packet.h"
#include "lib/legacy_crypto.h"
#include "tunnel/rx_path.h"
#include "tunnel/tx_path.h"

namespace pptp {
namespace {

constexpr int kRounds = 5;
constexpr int kPacketsARound = 20'000;
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

/// Nanoseconds that `one` takes, called kPacketsARound times.
double nanoseconds(const std::function<void()>& one) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kPacketsARound; ++i)
    one();
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / kPacketsARound;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

nlohmann::json measure(std::size_t octets) {
  PacketPool pool(8);
  TxPath tx;
  tx.connect(PeerCallId(kCall.value()));
  tx.install_key(start_key(), {});
  tx.set_gate(Gate::encrypted);
  RxPath rx(kCall);
  rx.install_key(start_key(), {});
  rx.set_gate(Gate::encrypted);

  std::vector<double> seal;
  std::vector<double> both;
  std::vector<double> rc4;
  std::vector<std::uint8_t> plain(octets);
  Rc4 cipher(as_bytes("0123456789abcdef"));
  std::uint64_t opened = 0;
  TxPath alone;
  alone.connect(PeerCallId(kCall.value()));
  alone.install_key(start_key(), {});
  alone.set_gate(Gate::encrypted);
  // Alternating, so that a machine that slows down slows all of them.
  for (int round = 0; round < kRounds; ++round) {
    rc4.push_back(nanoseconds([&] { cipher.apply(plain); }));
    seal.push_back(nanoseconds([&] {
      Packet packet = pool.acquire();
      fill(packet, octets);
      (void)alone.seal(TimePoint(), std::span(&packet, 1));
    }));
    both.push_back(nanoseconds([&] {
      Packet packet = pool.acquire();
      fill(packet, octets);
      if (tx.seal(TimePoint(), std::span(&packet, 1)) != 1) return;
      rx.put(TimePoint(), std::move(packet));
      while (rx.poll(TimePoint()))
        ++opened;
    }));
  }
  const double bare = median(rc4);
  const double sealing = median(seal);
  const double opening = median(both) - sealing;
  return {{"octets", octets},
          {"rc4_ns", bare},
          {"seal_ns", sealing},
          {"open_ns", opening},
          {"seal_to_rc4", sealing / bare},
          {"open_to_rc4", opening / bare},
          {"opened", opened}};
}

}  // namespace
}  // namespace pptp

int main() {
  nlohmann::json document = {
      {"bench", "paths"}, {"rounds", pptp::kRounds}, {"sizes", nlohmann::json::array()}};
  for (const std::size_t octets : {64U, 576U, 1400U}) {
    document["sizes"].push_back(pptp::measure(octets));
  }
  std::puts(document.dump(2).c_str());
  const bool all_opened = std::ranges::all_of(document["sizes"], [](const nlohmann::json& size) {
    return size["opened"] == static_cast<std::uint64_t>(pptp::kRounds) * pptp::kPacketsARound;
  });
  return all_opened ? 0 : 1;
}
