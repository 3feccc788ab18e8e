#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "tunnel/io/state_dir.h"

namespace pptp::app {

/// On which day a profile's calls to each server were last encrypted, from one connection to the
/// next: so that the loss of encryption does not go unnoticed. Only who holds the profile's lock
/// may use it.
class EncryptionRecord {
 public:
  /// `profile` must be valid (valid_profile_name).
  EncryptionRecord(io::StateDir directory, std::string profile);

  /// A call to this server, as the user named it, is encrypted at `now`. Writes only when a day has
  /// begun since the last one was.
  io::IoResult<void> note(const std::string& server,
                          std::chrono::system_clock::time_point now) const;

  struct Last {
    std::string day;  ///< in UTC, as 2026-11-20
    std::string server;
  };

  /// The latest of all its calls, whatever the server was called: one that is named otherwise is no
  /// reason to trust it more. nullopt: none was encrypted, as far as is known. What makes no sense
  /// in the file counts as not there.
  std::optional<Last> last() const;

  /// Where it is kept.
  std::string path() const;

 private:
  std::map<std::string, std::string> read() const;

  io::StateDir directory_;
  std::string profile_;
};

}  // namespace pptp::app
