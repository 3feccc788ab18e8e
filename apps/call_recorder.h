#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apps/commands.h"
#include "apps/config_error.h"
#include "apps/program_log.h"
#include "lib/log.h"
#include "lib/rate_cap.h"
#include "trace/capture.h"
#include "trace/timeline.h"
#include "tunnel/call_observer.h"
#include "tunnel/control_message.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/output_file.h"
#include "tunnel/io/tcp_stream.h"

namespace pptp::app {

/// Writes down what calls say and hear: in the log, in pppd's words (-v), and in a capture file
/// (--pcap). Never waits for whoever reads either of them.
class CallRecorder {
 public:
  /// Packets worded at once, and one each so often from then on. A login takes some thirty.
  static constexpr unsigned kBurst = 400;
  static constexpr Duration kInterval = std::chrono::milliseconds(20);

  struct Config {
    bool words = false;                 ///< whether the log takes them
    Secrets secrets = Secrets::hidden;  ///< in both
    std::string file = {};              ///< the capture; empty: none
    Timeline* timeline = nullptr;       ///< takes it as well, without secrets; nullptr: none
  };

  /// Opens the file. The log's sink and the timeline must outlive it.
  static io::IoResult<std::unique_ptr<CallRecorder>> create(Config config, Log log);
  CallRecorder(const CallRecorder&) = delete;
  CallRecorder& operator=(const CallRecorder&) = delete;
  ~CallRecorder();

  /// One call: what is to observe it, from the first message of the control connection on; nullptr
  /// where nothing is written down. It must not outlive the recorder. `name`, which may be empty,
  /// stands before each line of the log.
  std::unique_ptr<CallObserver> call(const CallEnds& ends, bool we_called, std::string name);

 private:
  class Call;

  CallRecorder(Config config, Log log) : config_(std::move(config)), log_(log) {}

  void log_words(std::string_view name, Way way, std::string_view words);
  bool has_room();
  void flush();
  void flush_now_and_then();

  Config config_;
  Log log_;
  RateCap rate_{kBurst, kInterval};
  std::uint64_t unworded_ = 0;
  std::optional<io::OutputFile> file_;
  std::optional<Capture> capture_;
  TimePoint flushed_{};
  std::uint64_t left_out_ = 0;
};

/// Between which addresses and ports a control connection goes, and with it the call.
CallEnds ends_of(const io::TcpStream& stream) noexcept;

/// A recorder as the command line asks for it; `file`: what --pcap names. One that cannot be
/// written is a mistake in the command.
std::expected<std::unique_ptr<CallRecorder>, ConfigErrors> recorder_for(
    const Globals& globals, const std::string& file, ProgramLog& log, Timeline* timeline = nullptr);

}  // namespace pptp::app
