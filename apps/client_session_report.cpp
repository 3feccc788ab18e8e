// What a ClientSession says of itself.
#include <algorithm>
#include <chrono>
#include <mutex>

#include "apps/client_session.h"
#include "apps/link_local.h"
#include "apps/password.h"

namespace pptp::app {

StatusReport ClientSession::report() const {
  StatusReport report;
  report.profile = profile_.name;
  report.state = state_;
  report.since = since_;
  report.server_name = servers_.current().host;
  if (call_ && !call_->server().is_zero()) report.server_address = call_->server().text();
  if (device_) report.interface = device_->name();
  if (call_ && call_->method()) report.auth = name(*call_->method());
  if (call_ && call_->encryption()) {
    const auto& [send, receive] = *call_->encryption();
    // Of two directions that are not alike, the weaker one.
    report.mppe = StatusReport::Encryption{
        std::min(bit_count(send.bits), bit_count(receive.bits)),
        send.mode == MppeMode::stateful || receive.mode == MppeMode::stateful};
  }
  if (network_) {
    report.local = network_->local.text();
    if (ipv6_id_ != InterfaceId{}) report.ipv6 = link_local_text(ipv6_id_);
    if (!network_->peer.is_zero()) report.peer = network_->peer.text();
    for (const Ipv4Address& server : name_servers())
      report.dns.push_back(server.text());
    report.mtu = mtu_;
    for (const auto& route : profile_.network.routes)
      report.routes.push_back(route.text());
    if (profile_.network.default_route) report.routes.emplace_back("0.0.0.0/0");
  }
  report.counters = past_;
  report.counters += counters();
  report.counters += {.dropped = dropped(dropped_)};
  {
    const std::lock_guard guard(sending_lock_);
    report.counters += {.dropped = dropped(translation_.drops())};
  }
  if (device_) report.counters += {.dropped = dropped(device_->drops())};
  report.last = last_;
  if (!call_ || call_->engine() == nullptr) return report;
  if (const std::optional<Duration> rtt = call_->sent().round_trip) {
    report.rtt_ms = std::chrono::duration<double, std::milli>(*rtt).count();
  }
  return report;
}

/// Of the call there is.
StatusReport::Counters ClientSession::counters() const {
  StatusReport::Counters counters;
  if (!call_ || call_->engine() == nullptr) return counters;
  const Engine& engine = *call_->engine();
  const TxReport sent = call_->sent();
  const GreReceiverStats& received = engine.rx().receiver().stats();
  counters.tx_packets = sent.traffic.packets;
  counters.tx_bytes = sent.traffic.octets;
  counters.rx_packets = engine.rx().counters().packets;
  counters.rx_bytes = engine.rx().counters().octets;
  counters.lost = received.lost;
  counters.reordered = received.reordered;
  counters.duplicate = received.duplicate;
  counters.late = received.late;
  counters.key_streams_reused = sent.streams_reused;
  counters.dropped = dropped(call_->drops());
  if (const auto counts = call_->sent_by()) counters.sent_by = sent_by(*counts);
  return counters;
}

/// To word endings with.
EndingContext ClientSession::context() const {
  return context_for(servers_.current().host, *credentials_);
}

}  // namespace pptp::app
