#include "apps/call_recorder.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "trace/control_words.h"
#include "trace/packet_words.h"
#include "tunnel/io/clock.h"

namespace pptp::app {
namespace {

/// Written at once when so much has gathered, or after so long.
constexpr std::size_t kEnoughToWrite = std::size_t{64} << 10;
constexpr Duration kWriteEvery = std::chrono::milliseconds(200);

CaptureTime wall_clock() {
  return std::chrono::time_point_cast<CaptureTime::duration>(std::chrono::system_clock::now());
}

}  // namespace

/// Outlives its Engine's use of it, and says goodbye to the file when it goes.
class CallRecorder::Call final : public CallObserver {
 public:
  Call(CallRecorder& recorder, const CallEnds& ends, bool we_called, std::string name)
      : recorder_(recorder), timeline_(recorder.config_.timeline), name_(std::move(name)) {
    if (recorder_.capture_) capture_.emplace(*recorder_.capture_, ends, we_called, wall_clock());
    if (timeline_ != nullptr) timeline_->connected(io::engine_now(), ends);
  }

  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  ~Call() {
    if (capture_) capture_->close(wall_clock());
    recorder_.flush();
  }

  void control(Way way, Bytes octets) noexcept override {
    if (recorder_.config_.words || timeline_ != nullptr) messages(way, octets);
    if (!room()) return;
    capture_->control(wall_clock(), way, octets);
    recorder_.flush();
  }

  void frame(Way way, PppProtocol protocol, Bytes information) noexcept override {
    if (recorder_.config_.words) {
      recorder_.log_words(name_, way,
                          packet_words(protocol, information, recorder_.config_.secrets));
    }
    if (timeline_ != nullptr) timeline_->frame(io::engine_now(), way, protocol, information);
    if (!room()) return;
    capture_->frame(wall_clock(), way, protocol, information);
    recorder_.flush();
  }

  void gre(Way way, Bytes packet) noexcept override {
    if (timeline_ != nullptr) timeline_->gre(io::engine_now(), way, packet);
    if (!room()) return;
    capture_->gre(wall_clock(), way, packet);
    recorder_.flush_now_and_then();
  }

  void ip(Way way, Bytes packet) noexcept override {
    if (timeline_ != nullptr) timeline_->ip(io::engine_now(), way, packet);
    if (room()) capture_->ip(wall_clock(), way, packet);
  }

 private:
  void messages(Way way, Bytes octets) {
    ControlStream& stream = way == Way::sent ? sent_ : received_;
    for (Bytes rest = octets; const auto message = stream.next(rest);) {
      if (!*message) {  // the log says what was wrong with it
        if (timeline_ != nullptr) timeline_->not_pptp(io::engine_now(), way, octets);
        return;
      }
      if (recorder_.config_.words) recorder_.log_words(name_, way, control_words(**message));
      if (timeline_ != nullptr) timeline_->control(io::engine_now(), way, **message);
    }
  }

  bool room() { return capture_ && recorder_.has_room(); }

  CallRecorder& recorder_;
  Timeline* timeline_;
  std::string name_;
  ControlStream sent_;
  ControlStream received_;
  std::optional<Capture::Call> capture_;
};

io::IoResult<std::unique_ptr<CallRecorder>> CallRecorder::create(Config config, Log log) {
  std::unique_ptr<CallRecorder> recorder(new CallRecorder(std::move(config), log));
  if (recorder->config_.file.empty()) return recorder;
  io::IoResult<io::OutputFile> file = io::OutputFile::create(recorder->config_.file);
  if (!file) return std::unexpected(file.error());
  recorder->file_.emplace(*std::move(file));
  recorder->capture_.emplace("pptpd-user " PPTPD_USER_VERSION, recorder->config_.secrets);
  recorder->flush();
  return recorder;
}

std::expected<std::unique_ptr<CallRecorder>, ConfigErrors> recorder_for(const Globals& globals,
                                                                        const std::string& file,
                                                                        ProgramLog& log,
                                                                        Timeline* timeline) {
  auto recorder =
      CallRecorder::create({.words = log.wants(LogLevel::info),
                            .secrets = globals.log_secrets ? Secrets::shown : Secrets::hidden,
                            .file = file,
                            .timeline = timeline},
                           Log(&log));
  if (!recorder) return std::unexpected(not_writable("--pcap " + file, recorder.error()));
  return *std::move(recorder);
}

CallEnds ends_of(const io::TcpStream& stream) noexcept {
  return {.ours = stream.local().address,
          .peer = stream.peer().address,
          .our_port = stream.local().port,
          .peer_port = stream.peer().port};
}

CallRecorder::~CallRecorder() {
  flush();
  if (left_out_ > 0) {
    log_.line(LogLevel::warning,
              fmt::format("{} packets are missing from {}, whose reader was too slow", left_out_,
                          config_.file));
  }
}

std::unique_ptr<CallObserver> CallRecorder::call(const CallEnds& ends, bool we_called,
                                                 std::string name) {
  if (!config_.words && !capture_ && config_.timeline == nullptr) return nullptr;
  if (!name.empty()) name += ": ";
  return std::make_unique<Call>(*this, ends, we_called, std::move(name));
}

void CallRecorder::log_words(std::string_view name, Way way, std::string_view words) {
  if (!rate_.admits(io::engine_now())) {
    ++unworded_;
    return;
  }
  if (const std::uint64_t unworded = std::exchange(unworded_, 0); unworded > 0)
    log_.line(LogLevel::info, fmt::format("{} packets are not shown here", unworded));
  // A pipe that takes anything takes a page at once.
  constexpr std::size_t kLongestLine = 2000;
  const bool fits = words.size() <= kLongestLine;
  log_.line(LogLevel::info, fmt::format("{}{} {}{}", name, way == Way::sent ? "sent" : "rcvd",
                                        words.substr(0, kLongestLine), fits ? "" : " ..."));
}

/// Whether there is a file that takes one more packet, in all its forms.
bool CallRecorder::has_room() {
  constexpr std::size_t kOnePacket = 8192;
  if (!file_) return false;
  if (file_->has_room_for(capture_->size() + kOnePacket)) return true;
  ++left_out_;
  flush_now_and_then();
  return false;
}

void CallRecorder::flush() {
  if (!file_) return;
  flushed_ = io::engine_now();
  const std::vector<std::uint8_t> octets = capture_->take();
  if (const io::IoResult<void> written = file_->write(octets); !written) {
    file_.reset();
    log_.line(LogLevel::warning, written.error().text() + "; the capture ends here");
  }
}

void CallRecorder::flush_now_and_then() {
  if (capture_->size() >= kEnoughToWrite || io::engine_now() - flushed_ >= kWriteEvery) flush();
}

}  // namespace pptp::app
