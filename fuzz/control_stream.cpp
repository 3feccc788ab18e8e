// The control connection, either role, against any octets in any segmentation.
//
// The first octet chooses the role and whether a server accepts; then come steps: one octet that
// says what to do, two for a length, then so many octets. Aborts when a connection ends more than
// once, says something after its end, exceeds a bound, or when segmentation makes a difference.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "lib/bytes.h"
#include "tunnel/control_connection.h"
#include "tunnel/control_message.h"

namespace pptp {
namespace {

using Octets = std::vector<std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Received {
  std::vector<ControlMessage> messages;
  std::optional<Error> error;

  bool operator==(const Received&) const = default;
};

Received cut(Bytes octets, std::size_t segment) {
  ControlStream stream;
  Received received;
  while (!octets.empty()) {
    Bytes piece = octets.first(std::min(segment, octets.size()));
    octets = octets.subspan(piece.size());
    while (const auto next = stream.next(piece)) {
      require(!received.error);
      if (*next) {
        received.messages.push_back(**next);
      } else {
        received.error = next->error();
      }
    }
    require(piece.empty());
  }
  return received;
}

void check_stream(Bytes octets) {
  const Received whole = cut(octets, octets.size());
  require(cut(octets, 1) == whole);
  require(cut(octets, 13) == whole);
  for (const ControlMessage& message : whole.messages) {
    Octets again(length_of(type_of(message)));
    Writer writer(again);
    write_control_message(message, writer);
    require(writer.ok());
    const auto parsed = parse_control_message(again);
    require(parsed && *parsed == message);
  }
}

struct PlainLines final : LogSink {
  void line(LogLevel /*level*/, std::string_view line) noexcept override {
    for (const char c : line)
      require(c >= 0x20 && c < 0x7f);
  }
};

class Watched {
 public:
  Watched(Role role, bool accept) : connection_(config_of(role, accept), Log(&sink_)) {
    connection_.connected(now_);
    check();
  }

  void step(std::uint8_t what, Bytes octets) {
    switch (what % 5) {
      case 0:
        connection_.receive(now_, octets);
        break;
      case 1:
        now_ += std::chrono::milliseconds(100) * static_cast<int>(octets.size());
        connection_.on_deadline(now_);
        break;
      case 2:
        connection_.close(now_);
        break;
      case 3:
        connection_.closed(now_);
        require(connection_.finished());
        break;
      case 4:
        poll();
        break;
    }
    check();
  }

  /// The peer falls silent: everything ends, in bounded time.
  void wind_up() {
    connection_.close(now_);
    for (int i = 0; i < 4 && !connection_.finished(); ++i) {
      poll();
      now_ += std::chrono::seconds(1);
      connection_.on_deadline(now_);
    }
    poll();
    check();
    require(connection_.finished() && ended_);
  }

 private:
  static ControlConfig config_of(Role role, bool accept) {
    ControlConfig config;
    config.role = role;
    config.call_id = CallId(0x1001);
    config.accept_calls = accept;
    return config;
  }

  void poll() {
    const auto octets = connection_.poll_output();
    if (!octets) return;
    require(!octets->empty() && octets->size() <= ControlConnection::kMaxOutput);
    for (const ControlMessage& message : whole_messages(*octets))
      require(!std::holds_alternative<SetLinkInfo>(message));
  }

  static std::vector<ControlMessage> whole_messages(Bytes octets) {
    const Received received = cut(octets, octets.size());
    require(!received.error);
    return received.messages;
  }

  void check() {
    while (const auto event = connection_.poll_event()) {
      require(!ended_);
      if (std::holds_alternative<ControlEnded>(*event)) {
        ended_ = true;
      } else {
        require(!std::exchange(called_, true));
      }
    }
    const bool over = connection_.state() == ControlState::ended;
    require(!over || (ended_ && !connection_.next_deadline()));
    // There is always something that ends it, whatever the peer leaves out.
    require(over || connection_.next_deadline());
  }

  PlainLines sink_;
  ControlConnection connection_;
  TimePoint now_{};
  bool ended_ = false;
  bool called_ = false;
};

}  // namespace
}  // namespace pptp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pptp;
  const Bytes input(data, size);
  check_stream(input);
  Reader reader(input);
  const std::uint8_t choice = reader.u8();
  Watched watched((choice & 1) == 0 ? Role::client : Role::server, (choice & 2) == 0);
  Octets received;
  while (reader.remaining() >= 3) {
    const std::uint8_t what = reader.u8();
    const std::size_t length = reader.u16();
    const Bytes octets = reader.take(std::min(length, reader.remaining()));
    if (what % 5 == 0) received.insert(received.end(), octets.begin(), octets.end());
    watched.step(what, octets);
  }
  check_stream(received);
  watched.wind_up();
  return 0;
}
