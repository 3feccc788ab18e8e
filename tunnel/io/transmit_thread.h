#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "lib/packet.h"
#include "tunnel/io/event_loop.h"
#include "tunnel/io/gre_socket.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/tun.h"
#include "tunnel/tx_order.h"
#include "tunnel/tx_path.h"

namespace pptp::io {

/// The sending half of a client's call on a thread of its own: from a TUN interface through TxPath
/// to the GRE socket. The rest of the call stays on its owner's thread, with an Engine that sends
/// elsewhere.
///
/// All members are for the owner's thread. What crosses is behind one lock, which each side takes
/// once for a batch of packets.
class TransmitThread {
 public:
  struct Ends {
    Tun from;
    GreClientSocket to;
  };

  struct Handlers {
    /// Called on the transmitting thread with what the host sends, before it is sealed; may change
    /// packets, and moves those that are to go to the front. Returns their number.
    std::function<std::size_t(std::span<Packet>)> admit;
    /// The others are called from the owner's loop.
    GreSocket::TroubleHandler trouble;
    std::function<void()> device_gone;
  };

  /// Frames that wait to be sent, at most; more are dropped and counted as no_slot.
  static constexpr std::size_t kMostFrames = 128;

  /// Fails where there can be no other thread. `owner` must outlive it.
  static IoResult<std::unique_ptr<TransmitThread>> start(EventLoop& owner, Ends ends,
                                                         Handlers handlers);

  TransmitThread(const TransmitThread&) = delete;
  TransmitThread& operator=(const TransmitThread&) = delete;
  /// Stops it. No handler is called any more.
  ~TransmitThread();

  /// What Engine::poll_tx_order() yields, in that order.
  void put(TxOrder order);

  /// Sends IP packets, of which it takes a copy, before any that it has yet to read. They have been
  /// admitted.
  void send(std::span<const Packet> packets);

  /// From now on what the host sends is read and sent on.
  void begin_reading();

  /// No longer; when it returns, others may read. Waits for what is being read.
  void end_reading();

  /// Does what it was told until now, and ends. report() stays.
  void stop();

  /// Of the path and of both ends it moves packets between: as it was a moment ago.
  TxReport report() const;

  /// As the GRE socket has it, also a moment ago.
  std::optional<SentCounts> sent_by() const;

 private:
  struct Crossing;
  class Sender;

  TransmitThread(EventLoop& owner, Ends ends, Handlers handlers);

  void wake();
  void tell_news();

  Handlers handlers_;
  std::shared_ptr<Crossing> crossing_;
  Timer late_timer_;
  bool late_ = false;  ///< it is set
  std::unique_ptr<Sender> sender_;
  bool told_gone_ = false;
};

}  // namespace pptp::io
