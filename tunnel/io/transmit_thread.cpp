#include "tunnel/io/transmit_thread.h"

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <pthread.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "lib/batches.h"

namespace pptp::io {
namespace {

constexpr std::size_t kBatch = GreSocket::kBatch;

/// Troubles kept until the owner takes them; what is told first says most.
constexpr std::size_t kMostTroubles = 16;

/// Packets that have come in without the sender knowing, which has still to acknowledge as many
/// again within the peer's window.
constexpr std::uint32_t kMostUntold = GreSender::kMaxUnacknowledged / 2;

/// IP packets of the owner's.
using Octets = std::vector<std::uint8_t>;
using Order = std::variant<TxOrder, Octets>;

template <class Setting>
const Setting* setting_in(const Order& order) noexcept {
  const auto* const tx = std::get_if<TxOrder>(&order);
  const auto* const setting = tx != nullptr ? std::get_if<TxSetting>(tx) : nullptr;
  return setting != nullptr ? std::get_if<Setting>(setting) : nullptr;
}

bool is_frame(const Order& order) noexcept {
  const auto* const tx = std::get_if<TxOrder>(&order);
  return tx == nullptr || std::holds_alternative<ControlFrame>(*tx);
}

}  // namespace

/// What both threads touch.
struct TransmitThread::Crossing {
  std::mutex lock;
  // To the sender.
  std::vector<Order> orders;
  std::size_t frames = 0;  ///< among them, and IP packets
  // The two that come with every batch: of each, the newest says all.
  std::optional<TxReceived> received;
  std::optional<TxAcknowledged> acknowledged;
  bool reads = false;
  bool stops = false;
  /// The sender waits for something to happen, and will notice orders only when it is woken.
  bool asleep = false;
  std::optional<SeqNo> told;  ///< the highest sequence number that it knows to have come in
  bool at_once = false;       ///< each acknowledgement matters as soon as it is there
  // From it.
  bool is_reading = false;
  std::condition_variable reading_ended;
  TxReport report;
  std::optional<SentCounts> sent_by;
  std::vector<GreTrouble> troubles;
  bool gone = false;
  std::optional<std::string> failure;  ///< what ended it
  bool news = false;                   ///< the owner is about to look
  // The owner's.
  Drops drops;

  /// Takes `order`; whether the sender has to know it before it wakes for another reason.
  bool add(Order order) {
    if (const TxAcknowledged* const newer = setting_in<TxAcknowledged>(order)) {
      acknowledged = *newer;
      return at_once;
    }
    if (const TxReceived* const newer = setting_in<TxReceived>(order)) {
      // It is acknowledged in time from the first one on that the sender does not know of.
      received = TxReceived{received ? received->at : newer->at, newer->highest};
      return at_once || !told || newer->highest.steps_from(*told) >= kMostUntold;
    }
    if (const TxConnect* const connect = setting_in<TxConnect>(order))
      at_once = connect->window || connect->always_acknowledge;
    if (is_frame(order) && ++frames > kMostFrames) {
      --frames;
      drops.count(Drop::no_slot);
      return false;
    }
    orders.push_back(std::move(order));
    return true;
  }

  /// Moves all of them to `taken`, which is empty; whether there were any.
  bool take(std::vector<Order>& taken) {
    taken.swap(orders);
    frames = 0;
    if (received) {
      told = received->highest;
      taken.emplace_back(TxOrder(TxSetting(*std::exchange(received, std::nullopt))));
    }
    if (acknowledged)
      taken.emplace_back(TxOrder(TxSetting(*std::exchange(acknowledged, std::nullopt))));
    return !taken.empty();
  }
};

/// The thread, and all that it alone touches.
class TransmitThread::Sender {
 public:
  Sender(EventLoop& owner, Ends ends, std::function<std::size_t(std::span<Packet>)> admit,
         std::shared_ptr<Crossing> crossing, std::function<void()> tell_owner)
      : owner_(owner),
        ends_(std::move(ends)),
        admit_(std::move(admit)),
        crossing_(std::move(crossing)),
        tell_owner_(std::move(tell_owner)),
        timer_(loop_, [this] { turn(); }) {
    ends_.to.on_trouble([this](const GreTrouble& trouble) { note(trouble); });
    loop_.post([this] { turn(); });
    // Signals are the owner's.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { run(); });
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread_.native_handle(), "pptp-transmit");
  }

  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// After Crossing::stops.
  ~Sender() {
    wake();
    thread_.join();
  }

  /// From any thread.
  void wake() {
    loop_.post([this] { turn(); });
  }

 private:
  void run() noexcept {
    try {
      loop_.run();
    } catch (const std::exception& error) {
      const std::lock_guard guard(crossing_->lock);
      crossing_->failure = error.what();
      crossing_->is_reading = false;
      crossing_->reading_ended.notify_one();
      tell_owner();
    }
  }

  /// Does all there is to do, and goes to sleep.
  void turn() {
    bool stops = false;
    do {
      obey_orders();
      const TimePoint now = engine_now();
      send_waiting(now);
      if (reads_) read_device();
      acknowledge(now);
      timer_.set(ends_.from.has_rest() && reads_ ? Deadline(now) : tx_.next_deadline());
      stops = fall_asleep();
    } while (!taken_.empty());
    if (stops) loop_.stop();
  }

  /// Unless there are orders, which are taken then. Whether it is all over.
  bool fall_asleep() {
    const std::lock_guard guard(crossing_->lock);
    Crossing& crossing = *crossing_;
    crossing.asleep = !crossing.take(taken_);
    if (crossing.reads != reads_) read_or_not(crossing.reads);
    if (std::exchange(crossing.is_reading, reads_) && !reads_) crossing.reading_ended.notify_one();
    crossing.report = tx_.report();
    crossing.report.drops += ends_.from.drops();
    crossing.report.drops += ends_.to.drops();
    crossing.report.drops += drops_;
    crossing.sent_by = ends_.to.sent_by();
    if (ends_.from.gone() && !std::exchange(crossing.gone, true)) tell_owner();
    return crossing.stops && taken_.empty();
  }

  void read_or_not(bool reads) {
    reads_ = reads;
    if (!reads) return device_watch_.reset();
    device_watch_.emplace(loop_, ends_.from.fd());
    device_watch_->on_readable([this] { turn(); });
  }

  void obey_orders() {
    std::size_t count = 0;
    const auto flush = [&] {
      (void)ends_.to.send(std::span(batch_).first(std::exchange(count, 0)));
    };
    for (Order& order : taken_) {
      if (count == kBatch) flush();
      if (const Octets* const octets = std::get_if<Octets>(&order)) {
        flush();
        Packet& packet = batch_[0];
        if (take_slot(packet) && packet.assign(*octets)) {
          seal_and_send(std::span(&packet, 1));
        } else {
          drops_.count(Drop::no_slot);
        }
        continue;
      }
      auto& tx = std::get<TxOrder>(order);
      if (auto* const setting = std::get_if<TxSetting>(&tx)) {
        tx_.obey(std::move(*setting));
      } else if (take_slot(batch_[count]) &&
                 tx_.seal_control(engine_now(), std::get<ControlFrame>(tx), batch_[count])) {
        ++count;
      } else {
        drops_.count(Drop::no_slot);
      }
    }
    flush();
    taken_.clear();
  }

  bool take_slot(Packet& packet) {
    if (!packet.has_slot()) packet = pool_.acquire();
    return packet.has_slot();
  }

  /// What the peer's window has held up.
  void send_waiting(TimePoint now) {
    in_batches(
        batch_, [&] { return tx_.poll_waiting(now); },
        [this](std::span<Packet> packets) { (void)ends_.to.send(packets); });
  }

  void read_device() {
    for (int i = 0; i < kBatchesAtATime && !ends_.from.gone(); ++i) {
      const std::size_t count = ends_.from.read(pool_, batch_);
      if (count == 0) break;
      const auto packets = std::span(batch_).first(count);
      seal_and_send(packets.first(admit_ ? admit_(packets) : count));
      if (count < batch_.size()) break;
    }
    if (ends_.from.gone()) device_watch_.reset();
  }

  void seal_and_send(std::span<Packet> packets) {
    const std::size_t sealed = tx_.seal(engine_now(), packets);
    (void)ends_.to.send(packets.first(sealed));  // what did not go is counted by the socket
  }

  void acknowledge(TimePoint now) {
    Packet& packet = batch_[0];
    if (take_slot(packet) && packet.assign({}) && tx_.seal_acknowledgement(now, packet))
      (void)ends_.to.send(std::span(&packet, 1));
  }

  void note(const GreTrouble& trouble) {
    const std::lock_guard guard(crossing_->lock);
    if (crossing_->troubles.size() == kMostTroubles) return;
    crossing_->troubles.push_back(trouble);
    tell_owner();
  }

  /// The lock is held.
  void tell_owner() {
    if (!std::exchange(crossing_->news, true)) owner_.post(tell_owner_);
  }

  EventLoop& owner_;
  Ends ends_;
  std::function<std::size_t(std::span<Packet>)> admit_;
  std::shared_ptr<Crossing> crossing_;
  std::function<void()> tell_owner_;

  EventLoop loop_;
  PacketPool pool_{kBatch + TxPath::kMaxWaiting};
  TxPath tx_;
  Timer timer_;
  std::optional<FdWatch> device_watch_;
  bool reads_ = false;
  Drops drops_;
  std::vector<Order> taken_;
  std::array<Packet, kBatch> batch_;
  std::thread thread_;
};

IoResult<std::unique_ptr<TransmitThread>> TransmitThread::start(EventLoop& owner, Ends ends,
                                                                Handlers handlers) {
  try {
    return std::unique_ptr<TransmitThread>(
        new TransmitThread(owner, std::move(ends), std::move(handlers)));
  } catch (const std::system_error& error) {
    return failure(error.code().value(), "cannot start a thread to transmit by");
  }
}

TransmitThread::TransmitThread(EventLoop& owner, Ends ends, Handlers handlers)
    : handlers_(std::move(handlers)),
      crossing_(std::make_shared<Crossing>()),
      late_timer_(owner, [this] {
        late_ = false;
        wake();
      }) {
  // Gone with this object, after which nobody is to be told anything.
  const std::weak_ptr<Crossing> crossing = crossing_;
  sender_ = std::make_unique<Sender>(owner, std::move(ends), handlers_.admit, crossing_,
                                     [this, crossing] {
                                       if (!crossing.expired()) tell_news();
                                     });
}

TransmitThread::~TransmitThread() {
  stop();
}

void TransmitThread::put(TxOrder order) {
  bool wakes = false;
  {
    const std::lock_guard guard(crossing_->lock);
    wakes = crossing_->add(Order(std::move(order))) && std::exchange(crossing_->asleep, false);
  }
  if (wakes) {
    wake();
  } else if (!late_) {
    // An acknowledgement that nothing else takes along is due by then.
    late_ = true;
    late_timer_.set(engine_now() + GreSender::kAckDelay);
  }
}

void TransmitThread::wake() {
  if (sender_) sender_->wake();
}

void TransmitThread::send(std::span<const Packet> packets) {
  for (const Packet& packet : packets) {
    const std::lock_guard guard(crossing_->lock);
    (void)crossing_->add(Octets(packet.bytes().begin(), packet.bytes().end()));
  }
  wake();
}

void TransmitThread::begin_reading() {
  {
    const std::lock_guard guard(crossing_->lock);
    if (std::exchange(crossing_->reads, true)) return;
  }
  wake();
}

void TransmitThread::end_reading() {
  std::unique_lock guard(crossing_->lock);
  crossing_->reads = false;
  wake();
  crossing_->reading_ended.wait(guard, [this] { return !crossing_->is_reading || !sender_; });
}

void TransmitThread::stop() {
  {
    const std::lock_guard guard(crossing_->lock);
    crossing_->stops = true;
  }
  sender_.reset();
}

TxReport TransmitThread::report() const {
  const std::lock_guard guard(crossing_->lock);
  TxReport report = crossing_->report;
  report.drops += crossing_->drops;
  return report;
}

std::optional<SentCounts> TransmitThread::sent_by() const {
  const std::lock_guard guard(crossing_->lock);
  return crossing_->sent_by;
}

void TransmitThread::tell_news() {
  std::vector<GreTrouble> troubles;
  bool gone = false;
  {
    const std::lock_guard guard(crossing_->lock);
    crossing_->news = false;
    if (crossing_->failure)
      throw std::runtime_error(*std::exchange(crossing_->failure, std::nullopt));
    troubles.swap(crossing_->troubles);
    gone = crossing_->gone && !std::exchange(told_gone_, true);
  }
  // Any of these may be the end of this object.
  const std::weak_ptr<Crossing> crossing = crossing_;
  const Handlers handlers = handlers_;
  for (const GreTrouble& trouble : troubles) {
    if (!crossing.expired()) handlers.trouble(trouble);
  }
  if (gone && !crossing.expired()) handlers.device_gone();
}

}  // namespace pptp::io
