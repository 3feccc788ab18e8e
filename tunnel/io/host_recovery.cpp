#include "tunnel/io/host_recovery.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <ranges>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "tunnel/io/journal.h"

namespace pptp::io {
namespace {

/// Undoes what one journal says, and removes it unless something failed. `path` must not be a
/// journal of another namespace in this boot.
IoResult<void> undo_journal(const std::string& path, const JournalContents& contents,
                            const JournalOwner& here, Leftovers& leftovers) {
  std::vector<nlohmann::json> records = contents.records;
  // A boot undoes everything.
  if (contents.owner.boot_id != here.boot_id) records.clear();
  if (!records.empty()) {
    auto netlink = Netlink::open();
    if (!netlink) return std::unexpected(netlink.error());
    leftovers.report += undo_records(*netlink, records);
  }
  std::error_code ignored;
  if (records.empty()) std::filesystem::remove(path, ignored);
  leftovers.stuck.insert(leftovers.stuck.begin(), std::make_move_iterator(records.begin()),
                         std::make_move_iterator(records.end()));
  return {};
}

}  // namespace

UndoReport& UndoReport::operator+=(const UndoReport& other) {
  undone += other.undone;
  gone += other.gone;
  elsewhere += other.elsewhere;
  left_alone.insert(left_alone.end(), other.left_alone.begin(), other.left_alone.end());
  failed.insert(failed.end(), other.failed.begin(), other.failed.end());
  scripts.insert(scripts.end(), other.scripts.begin(), other.scripts.end());
  return *this;
}

UndoReport undo_one(Netlink& netlink, const HostChange& change) {
  UndoReport report;
  const auto result = undo(netlink, change);
  if (!result) {
    const bool script = result.error().fault == IoFault::script_failed;
    (script ? report.scripts : report.failed).push_back(result.error());
    return report;
  }
  switch (*result) {
    case Undone::undone:
      ++report.undone;
      break;
    case Undone::gone:
      ++report.gone;
      break;
    case Undone::left_alone:
      report.left_alone.push_back(describe(change));
      break;
  }
  return report;
}

UndoReport undo_records(Netlink& netlink, std::vector<nlohmann::json>& records) {
  UndoReport report;
  std::vector<nlohmann::json> failed;
  for (nlohmann::json& record : records | std::views::reverse) {
    UndoReport one;
    if (const auto change = host_change_from_json(record))
      one = undo_one(netlink, *change);
    else
      one.failed.push_back(change.error());
    if (!one.failed.empty()) failed.push_back(std::move(record));
    report += one;
  }
  records.assign(std::make_move_iterator(failed.rbegin()), std::make_move_iterator(failed.rend()));
  return report;
}

IoResult<Leftovers> undo_leftovers(const RuntimeDir& directory, const ProfileLock& lock) {
  const JournalOwner here = JournalOwner::this_process();
  Leftovers leftovers;
  // Last the one that had to make way: its changes are the older ones.
  for (const std::string& journal :
       {directory.journal_path(lock.profile()),
        directory.journal_path(lock.profile(), here.network_namespace)}) {
    const auto contents = read_journal(journal);
    if (!contents) {
      if (contents.error().error == ENOENT) continue;
      if (contents.error().fault != IoFault::bad_message) return std::unexpected(contents.error());
      leftovers.report.failed.push_back(contents.error());
      continue;
    }
    const JournalOwner& owner = contents->owner;
    if (owner.runs_elsewhere())
      return failure(IoFault::already_locked, "process " + std::to_string(owner.pid) +
                                                  " runs profile '" + lock.profile() +
                                                  "', though its lock is gone");
    if (owner.boot_id == here.boot_id && owner.network_namespace != here.network_namespace) {
      const std::string there = directory.journal_path(lock.profile(), owner.network_namespace);
      if (std::rename(journal.c_str(), there.c_str()) != 0)
        return failure(errno, "cannot rename " + journal);
      leftovers.report.elsewhere += contents->records.size();
      continue;
    }
    if (auto undone = undo_journal(journal, *contents, here, leftovers); !undone)
      return std::unexpected(undone.error());
  }
  return leftovers;
}

IoResult<UndoReport> recover(const RuntimeDir& directory, const ProfileLock& lock) {
  auto leftovers = undo_leftovers(directory, lock);
  if (!leftovers) return std::unexpected(std::move(leftovers).error());
  return std::move(leftovers->report);
}

std::vector<Recovered> recover_all(const RuntimeDir& directory) {
  std::vector<Recovered> all;
  for (std::string& profile : directory.profiles_with_journal()) {
    if (directory.is_locked(profile)) continue;
    const auto lock = directory.lock(profile);
    if (!lock) continue;
    auto result = recover(directory, *lock);
    all.push_back({std::move(profile), std::move(result)});
  }
  return all;
}

}  // namespace pptp::io
