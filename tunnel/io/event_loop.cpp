#include "tunnel/io/event_loop.h"

#include <system_error>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

namespace pptp::io {

struct EventLoop::Impl {
  // One thread: no locks inside asio but for post().
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::signal_set signals{context};
  std::function<void(int)> signal_handler;

  void wait_for_signal() {
    signals.async_wait([this](std::error_code error, int signal) {
      if (error) return;
      wait_for_signal();
      signal_handler(signal);
    });
  }
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  impl_->context.restart();
  impl_->context.run();
}

bool EventLoop::run_for(Duration limit) {
  impl_->context.restart();
  impl_->context.run_for(limit);
  return impl_->context.stopped();
}

void EventLoop::stop() {
  impl_->context.stop();
}

void EventLoop::post(Handler handler) {
  asio::post(impl_->context, std::move(handler));
}

void EventLoop::on_signals(std::initializer_list<int> signals, std::function<void(int)> handler) {
  impl_->signal_handler = std::move(handler);
  for (const int signal : signals)
    impl_->signals.add(signal);
  impl_->wait_for_signal();
}

asio::io_context& EventLoop::context() noexcept {
  return impl_->context;
}

struct FdWatch::Impl : std::enable_shared_from_this<FdWatch::Impl> {
  using Wait = asio::posix::stream_descriptor::wait_type;

  struct Side {
    Handler handler;
    bool waiting = false;
  };

  Impl(EventLoop& loop, int fd) : descriptor(loop.context(), fd) {}

  ~Impl() { detach(); }

  void detach() noexcept {
    readable.handler = nullptr;
    writable.handler = nullptr;
    // The caller's to close, so that it must not be closed here.
    if (descriptor.is_open()) (void)descriptor.release();
  }

  void set(Side& side, Wait wait, Handler handler) {
    side.handler = std::move(handler);
    arm(side, wait);
  }

  void arm(Side& side, Wait wait) {
    if (side.waiting || !side.handler) return;
    side.waiting = true;
    descriptor.async_wait(wait, [self = shared_from_this(), &side, wait](std::error_code error) {
      side.waiting = false;
      if (error || !side.handler) return;
      // A copy, because the handler may replace itself.
      const Handler handler = side.handler;
      handler();
      if (self->descriptor.is_open()) self->arm(side, wait);
    });
  }

  asio::posix::stream_descriptor descriptor;
  Side readable;
  Side writable;
};

FdWatch::FdWatch(EventLoop& loop, int fd) : impl_(std::make_shared<Impl>(loop, fd)) {}

FdWatch::FdWatch(FdWatch&&) noexcept = default;

FdWatch& FdWatch::operator=(FdWatch&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->detach();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

FdWatch::~FdWatch() {
  if (impl_) impl_->detach();
}

void FdWatch::on_readable(Handler handler) {
  impl_->set(impl_->readable, Impl::Wait::wait_read, std::move(handler));
}

void FdWatch::on_writable(Handler handler) {
  impl_->set(impl_->writable, Impl::Wait::wait_write, std::move(handler));
}

struct Timer::Impl : std::enable_shared_from_this<Timer::Impl> {
  Impl(EventLoop& loop, EventLoop::Handler on_due)
      : timer(loop.context()), handler(std::move(on_due)) {}

  void set(Deadline when) {
    deadline = when;
    // Most are put off before they come: then the wait goes on, and is made longer when it is over.
    if (deadline && (!armed || *deadline < *armed)) arm();
  }

  void arm() {
    armed = deadline;
    const auto over = [self = shared_from_this(), until = *armed](std::error_code error) {
      if (!error) self->waited(until);
    };
    timer.expires_at(to_steady_time(*armed));
    // What is due already needs no clock of the kernel's.
    if (*armed <= engine_now())
      asio::post(timer.get_executor(), [over] { over({}); });
    else
      timer.async_wait(over);
  }

  void waited(TimePoint until) {
    // A wait that was over before it could be cancelled must not speak for the next one.
    if (armed != until || !handler) return;
    armed.reset();
    if (!deadline) return;
    if (*deadline > until) return arm();
    deadline.reset();
    const EventLoop::Handler due = handler;
    due();
  }

  void detach() noexcept {
    handler = nullptr;
    deadline.reset();
    armed.reset();
    timer.cancel();
  }

  asio::steady_timer timer;
  EventLoop::Handler handler;
  Deadline deadline;
  Deadline armed;  ///< what is waited for: the deadline, or one before it that has been replaced
};

Timer::Timer(EventLoop& loop, EventLoop::Handler handler)
    : impl_(std::make_shared<Impl>(loop, std::move(handler))) {}

Timer::Timer(Timer&&) noexcept = default;

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->detach();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Timer::~Timer() {
  if (impl_) impl_->detach();
}

void Timer::set(Deadline deadline) {
  impl_->set(deadline);
}

}  // namespace pptp::io
