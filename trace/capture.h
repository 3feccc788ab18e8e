#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/bytes.h"
#include "lib/ipv4.h"
#include "trace/pcapng.h"
#include "trace/secret_fields.h"
#include "tunnel/call_observer.h"

namespace pptp {

/// The two ends of a control connection.
struct CallEnds {
  Ipv4Address ours;
  Ipv4Address peer;
  std::uint16_t our_port = 0;
  std::uint16_t peer_port = 0;
};

/// What calls say and hear as a capture file with three interfaces: "wire" (control connection and
/// GRE between the two hosts), "ppp" (frames as they are without encryption) and "ip" (the packets
/// inside), so that a protocol analyser shows what MPPE hides.
///
/// The outer IP headers, and the TCP segments of the control connection with its three-way
/// handshake, are made up: what was said is in them, the kernel's own numbers and repetitions are
/// not.
class Capture {
 public:
  /// `application`: who wrote the file.
  Capture(std::string_view application, Secrets secrets);

  /// One control connection and its GRE.
  class Call {
   public:
    /// `capture` must outlive it. `we_called`: who sent the SYN.
    Call(Capture& capture, CallEnds ends, bool we_called, CaptureTime time);

    void control(CaptureTime time, Way way, Bytes octets);
    void gre(CaptureTime time, Way way, Bytes packet);
    void frame(CaptureTime time, Way way, PppProtocol protocol, Bytes information);
    void ip(CaptureTime time, Way way, Bytes packet);
    /// The control connection is over: both ends' FIN.
    void close(CaptureTime time);

   private:
    void segment(CaptureTime time, Way way, std::uint8_t flags, Bytes octets);

    Capture& capture_;
    CallEnds ends_;
    std::uint32_t sent_ = 0;  ///< of sequence space, SYN and FIN included; begins with zero
    std::uint32_t received_ = 0;
  };

  /// Octets for the file, since the last call.
  std::vector<std::uint8_t> take() { return file_.take(); }

  std::size_t size() const noexcept { return file_.size(); }

 private:
  void on_wire(CaptureTime time, Way way, const CallEnds& ends, std::uint8_t protocol,
               Bytes payload);

  Secrets secrets_;
  Pcapng file_;
  std::uint16_t ip_id_ = 0;
};

}  // namespace pptp
