#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "tunnel/io/io_error.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {

/// The inode number of this thread's network namespace, which tells it from all others that there
/// are; 0: not known.
std::uint64_t this_network_namespace();

/// Tells one process, in its boot and network namespace, from all others there ever were.
struct JournalOwner {
  std::string boot_id;
  pid_t pid = 0;
  std::uint64_t start_time = 0;         ///< clock ticks since boot, proc(5)
  std::uint64_t network_namespace = 0;  ///< its inode number

  static JournalOwner this_process();

  /// It runs, and is not this process. One that has ended but is not reaped does not run.
  bool runs_elsewhere() const;
};

/// A file of one JSON document a line, the owner first: written and synced before a change is made,
/// so that whatever happens to the process, somebody else can undo it. Not removed when it goes:
/// only discard() says that nothing is left to undo.
class Journal {
 public:
  /// Replaces what is there. `records`: what it begins with.
  static IoResult<Journal> create(std::string path, const std::vector<nlohmann::json>& records);

  /// The record is on the disk when this returns. Where that fails, nothing of it is.
  IoResult<void> append(const nlohmann::json& record);

  /// Replaces all records at once.
  IoResult<void> rewrite(const std::vector<nlohmann::json>& records);

  void discard() noexcept;

  /// Neither moved from nor discarded.
  bool is_open() const noexcept { return static_cast<bool>(fd_); }

 private:
  explicit Journal(std::string path) noexcept;

  std::string path_;
  UniqueFd fd_;
  std::size_t size_ = 0;  ///< octets of all whole records
};

struct JournalContents {
  JournalOwner owner;
  std::vector<nlohmann::json> records;
};

/// A record that its writer did not finish is left out: the change had not been made. Faults:
/// system with ENOENT, bad_message (not even the owner is there, so nothing had been changed).
IoResult<JournalContents> read_journal(const std::string& path);

}  // namespace pptp::io
