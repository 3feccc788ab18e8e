#include "trace/capture.h"

#include <array>

#include "lib/ip_packet.h"
#include "ppp/frame.h"
#include "tunnel/gre.h"
#include "tunnel/tcp_segment.h"

namespace pptp {
namespace {

// The interfaces, in the order they are added.
constexpr std::uint32_t kWire = 0;
constexpr std::uint32_t kPpp = 1;
constexpr std::uint32_t kIp = 2;

constexpr std::uint8_t kGreProtocol = 47;
constexpr std::uint8_t kTimeToLive = 64;
constexpr std::uint16_t kWindow = 65'535;

}  // namespace

Capture::Capture(std::string_view application, Secrets secrets)
    : secrets_(secrets), file_(application) {
  file_.add_interface(LinkType::raw_ip, "wire",
                      "GRE and the control connection; the outer headers and TCP's are made up");
  file_.add_interface(LinkType::ppp, "ppp", "PPP without its encryption and header compression");
  file_.add_interface(LinkType::raw_ip, "ip", "IP inside the tunnel");
}

/// An IP packet between the two hosts.
void Capture::on_wire(CaptureTime time, Way way, const CallEnds& ends, std::uint8_t protocol,
                      Bytes payload) {
  const std::size_t length = kIpv4Header + payload.size();
  std::vector<std::uint8_t> packet(length);
  Writer out{MutableBytes(packet)};
  out.u8(0x45);
  out.u8(0);
  out.u16(static_cast<std::uint16_t>(length));
  out.u16(ip_id_++);
  out.u16(kIpv4DontFragment);
  out.u8(kTimeToLive);
  out.u8(protocol);
  out.u16(0);
  out.u32((way == Way::sent ? ends.ours : ends.peer).value());
  out.u32((way == Way::sent ? ends.peer : ends.ours).value());
  out.patch_u16(kIpv4HeaderChecksum, internet_checksum(out.written()));
  out.bytes(payload);
  file_.add_packet(kWire, time, way, packet);
}

Capture::Call::Call(Capture& capture, CallEnds ends, bool we_called, CaptureTime time)
    : capture_(capture), ends_(ends) {
  const Way caller = we_called ? Way::sent : Way::received;
  const Way called = we_called ? Way::received : Way::sent;
  segment(time, caller, kTcpSyn, {});
  segment(time, called, kTcpSyn | kTcpAck, {});
  segment(time, caller, kTcpAck, {});
}

void Capture::Call::control(CaptureTime time, Way way, Bytes octets) {
  segment(time, way, kTcpPsh | kTcpAck, octets);
}

void Capture::Call::close(CaptureTime time) {
  segment(time, Way::sent, kTcpFin | kTcpAck, {});
  segment(time, Way::received, kTcpFin | kTcpAck, {});
  segment(time, Way::sent, kTcpAck, {});
}

void Capture::Call::segment(CaptureTime time, Way way, std::uint8_t flags, Bytes octets) {
  const bool ours = way == Way::sent;
  std::uint32_t& own = ours ? sent_ : received_;
  std::vector<std::uint8_t> tcp(kTcpHeader + octets.size());
  Writer out{MutableBytes(tcp)};
  out.u16(ours ? ends_.our_port : ends_.peer_port);
  out.u16(ours ? ends_.peer_port : ends_.our_port);
  out.u32(own);
  out.u32((flags & kTcpAck) != 0 ? (ours ? received_ : sent_) : 0);
  out.u8(kTcpHeader / 4 << 4);
  out.u8(flags);
  out.u16(kWindow);
  out.zeros(4);  // checksum, urgent pointer
  out.bytes(octets);
  std::array<std::uint8_t, 8> addresses;
  Writer both{MutableBytes(addresses)};
  both.u32(ends_.ours.value());
  both.u32(ends_.peer.value());
  out.patch_u16(kTcpChecksum, internet_checksum(tcp, tcp_pseudo_header_sum(addresses, tcp.size())));
  own += static_cast<std::uint32_t>(octets.size()) + ((flags & (kTcpSyn | kTcpFin)) != 0 ? 1 : 0);
  capture_.on_wire(time, way, ends_, kTcpProtocol, tcp);
}

/// Until encryption begins, secrets are in the clear in here.
void Capture::Call::gre(CaptureTime time, Way way, Bytes packet) {
  std::vector<std::uint8_t> copy(packet.begin(), packet.end());
  if (capture_.secrets_ == Secrets::hidden) {
    if (const Result<ParsedGre> gre = parse_gre(copy)) {
      if (const Result<Frame> frame = parse_frame(gre->payload)) {
        const auto at = static_cast<std::size_t>(frame->information.data() - copy.data());
        blank_secrets(frame->protocol, MutableBytes(copy).subspan(at, frame->information.size()));
      }
    }
  }
  capture_.on_wire(time, way, ends_, kGreProtocol, copy);
}

void Capture::Call::frame(CaptureTime time, Way way, PppProtocol protocol, Bytes information) {
  // RFC 1662 3.1: address and control, so that no reader has to guess whether they are there.
  std::vector<std::uint8_t> out = {0xff, 0x03, static_cast<std::uint8_t>(protocol.value() >> 8),
                                   static_cast<std::uint8_t>(protocol.value() & 0xff)};
  const std::size_t header = out.size();
  out.insert(out.end(), information.begin(), information.end());
  if (capture_.secrets_ == Secrets::hidden)
    blank_secrets(protocol, MutableBytes(out).subspan(header));
  capture_.file_.add_packet(kPpp, time, way, out);
}

void Capture::Call::ip(CaptureTime time, Way way, Bytes packet) {
  const bool ipv6 = !packet.empty() && packet[0] >> 4 == 6;
  frame(time, way, ipv6 ? protocol::kIpv6 : protocol::kIp, packet);
  capture_.file_.add_packet(kIp, time, way, packet);
}

}  // namespace pptp
