#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "lib/time.h"
#include "tunnel/io/clock.h"

namespace asio {
class io_context;
}

namespace pptp::io {

/// One thread's event loop. Everything that is attached to it (FdWatch, Timer, streams, sockets,
/// lookups) must go before it does, and is used on the thread that runs it; post() alone may be
/// called from anywhere. No handler is called from inside the call that attaches it, so a handler
/// may destroy what called it.
class EventLoop {
 public:
  using Handler = std::function<void()>;

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// Calls handlers until stop(). What a handler throws leaves from here.
  void run();

  /// The same for at most `limit`; returns whether it was stopped before that.
  bool run_for(Duration limit);

  /// Makes run() return after the handler that is running; a later run() goes on.
  void stop();

  /// Calls `handler` from the loop, soon. From any thread.
  void post(Handler handler);

  /// Calls `handler` with the number of each of these signals as they come, instead of what they
  /// did before. Once per loop.
  void on_signals(std::initializer_list<int> signals, std::function<void(int)> handler);

  TimePoint now() const noexcept { return engine_now(); }

  asio::io_context& context() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Tells when a descriptor can be read or written, again and again for as long as it can be. One
/// per descriptor. The descriptor stays the caller's, who closes it after this has gone.
class FdWatch {
 public:
  using Handler = EventLoop::Handler;

  FdWatch(EventLoop& loop, int fd);
  FdWatch(FdWatch&&) noexcept;
  FdWatch& operator=(FdWatch&&) noexcept;
  ~FdWatch();

  /// From now on `handler` is called when there is something to read, or a pending error; an empty
  /// one ends that.
  void on_readable(Handler handler);

  void on_writable(Handler handler);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Calls its handler once when a deadline has come.
class Timer {
 public:
  Timer(EventLoop& loop, EventLoop::Handler handler);
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  ~Timer();

  /// Replaces the deadline; nullopt: never. Cheap unless it comes sooner than those set before.
  void set(Deadline deadline);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pptp::io
