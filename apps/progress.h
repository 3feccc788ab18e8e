#pragma once

#include <string_view>

#include "apps/ending.h"
#include "apps/program_log.h"
#include "apps/status_report.h"
#include "apps/terminal.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::app {

/// What `connect` shows while it works.
class Progress {
 public:
  virtual ~Progress() = default;

  /// Something has begun: "authenticating as alice".
  virtual void phase(std::string_view text) = 0;
  /// A warning has been logged that whoever waits for the tunnel should see.
  virtual void warned(std::string_view text) = 0;
  /// The tunnel carries packets.
  virtual void up(const StatusReport& report) = 0;
  /// It is over.
  virtual void ended(const Ending& ending) = 0;
};

/// On standard error: one line that changes on a terminal, a line for each phase elsewhere.
class ShownProgress final : public Progress {
 public:
  /// `log` must outlive it.
  explicit ShownProgress(ProgramLog& log);
  ~ShownProgress() override;

  void phase(std::string_view text) override;

  /// The log is on standard error too.
  void warned(std::string_view) override {}

  void up(const StatusReport& report) override;
  void ended(const Ending& ending) override;

 private:
  ProgramLog& log_;
  PhaseLine line_;
};

/// Into a pipe, for the process that waits until the call is up (connect --background).
class PipedProgress final : public Progress {
 public:
  explicit PipedProgress(io::UniqueFd pipe) noexcept;

  void phase(std::string_view text) override;
  void warned(std::string_view text) override;
  /// The other side is told and gone: nothing after this is for it.
  void up(const StatusReport& report) override;
  void ended(const Ending& ending) override;

 private:
  io::UniqueFd pipe_;
};

/// The reading side of a PipedProgress: shows phases until the call is up (returns 0) or has ended
/// (prints why, returns its exit status).
int relay_progress(io::UniqueFd pipe, ProgramLog& log);

/// "pptp0 is up: 192.168.77.10 -> 192.168.77.1, MPPE 128 bit stateless, MTU 1456".
std::string summary(const StatusReport& report);

}  // namespace pptp::app
