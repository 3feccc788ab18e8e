#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tunnel/io/host_change.h"
#include "tunnel/io/io_error.h"
#include "tunnel/io/netlink.h"
#include "tunnel/io/runtime_dir.h"

namespace pptp::io {

/// What undoing came to.
struct UndoReport {
  std::size_t undone = 0;
  std::size_t gone = 0;                 ///< were not there any more
  std::size_t elsewhere = 0;            ///< in another network namespace, where they stand
  std::vector<std::string> left_alone;  ///< changed by somebody else since: what they are
  std::vector<IoError> failed;          ///< still there
  std::vector<IoError> scripts;         ///< that failed to undo what they had done: no second time

  UndoReport& operator+=(const UndoReport& other);
};

UndoReport undo_one(Netlink& netlink, const HostChange& change);

/// Undoes changes as the journal has them, last first. Those that could not be undone are left, and
/// so are those that this program cannot read: another version of it may.
UndoReport undo_records(Netlink& netlink, std::vector<nlohmann::json>& records);

/// What a dead process has left in a profile's journals.
struct Leftovers {
  UndoReport report;
  std::vector<nlohmann::json> stuck;  ///< records of what could not be undone
};

/// As recover(), and tells what it could not undo.
IoResult<Leftovers> undo_leftovers(const RuntimeDir& directory, const ProfileLock& lock);

/// Undoes what a process that is no more has left in a profile's journal, and removes it unless
/// something failed. Nothing, where there is no journal, or it is from before the last boot. One
/// about another network namespace is set aside (RuntimeDir::journal_path) and undone by whoever
/// calls this there. One that cannot be read counts as failed. Fails, and changes nothing, where
/// the journal belongs to a process that runs all the same.
IoResult<UndoReport> recover(const RuntimeDir& directory, const ProfileLock& lock);

struct Recovered {
  std::string profile;
  IoResult<UndoReport> result;
};

/// The same for all profiles that have a journal and are not in use.
std::vector<Recovered> recover_all(const RuntimeDir& directory);

}  // namespace pptp::io
