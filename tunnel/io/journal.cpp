#include "tunnel/io/journal.h"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <optional>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "tunnel/io/file.h"

namespace pptp::io {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;

// proc(5): of the fields behind the command, which ends with the last ')', starttime is the 20th.
constexpr int kStartTimeField = 20;

std::string read_boot_id() {
  std::string id = read_file("/proc/sys/kernel/random/boot_id").value_or("");
  while (!id.empty() && id.back() == '\n')
    id.pop_back();
  return id;
}

// proc(5): the states of a process that only waits to be reaped.
constexpr std::string_view kDeadStates = "ZXx";

/// nullopt for one that has ended, whether or not its parent has taken notice.
std::optional<std::uint64_t> start_time_of(pid_t pid) {
  const auto status = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!status) return std::nullopt;
  const std::size_t command_end = status->rfind(')');
  if (command_end == std::string::npos) return std::nullopt;
  std::istringstream fields(status->substr(command_end + 1));
  std::string field;
  fields >> field;
  if (field.empty() || kDeadStates.contains(field.front())) return std::nullopt;
  for (int i = 1; i < kStartTimeField; ++i)
    fields >> field;
  std::uint64_t ticks = 0;
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), ticks);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return ticks;
}

std::string line(const json& record) {
  return record.dump() + "\n";
}

std::string owner_line() {
  const JournalOwner owner = JournalOwner::this_process();
  return line({{"journal", kFormat},
               {"boot_id", owner.boot_id},
               {"pid", owner.pid},
               {"start_time", owner.start_time},
               {"network_namespace", owner.network_namespace}});
}

std::unexpected<IoError> cannot_write(int error, const std::string& path) {
  return failure(error, "cannot write " + path,
                 error == ENOSPC || error == EDQUOT
                     ? "make room on its file system: a change to this host is written down there "
                       "before it is made"
                     : "");
}

}  // namespace

std::uint64_t this_network_namespace() {
  struct stat status{};
  // The thread's, not the process's: that is where its sockets are.
  return ::stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
}

JournalOwner JournalOwner::this_process() {
  JournalOwner owner;
  owner.boot_id = read_boot_id();
  owner.pid = ::getpid();
  owner.start_time = start_time_of(owner.pid).value_or(0);
  owner.network_namespace = this_network_namespace();
  return owner;
}

bool JournalOwner::runs_elsewhere() const {
  return pid != ::getpid() && boot_id == read_boot_id() && start_time_of(pid) == start_time;
}

Journal::Journal(std::string path) noexcept : path_(std::move(path)) {}

IoResult<Journal> Journal::create(std::string path, const std::vector<json>& records) {
  Journal journal(std::move(path));
  if (const auto written = journal.rewrite(records); !written)
    return std::unexpected(written.error());
  return journal;
}

IoResult<void> Journal::append(const json& record) {
  const std::string text = line(record);
  int error = write_all(fd_.fd(), text);
  if (error == 0 && ::fdatasync(fd_.fd()) != 0) error = errno;
  if (error != 0) {
    // The half of a record that fitted would spoil the next one.
    (void)::ftruncate(fd_.fd(), static_cast<off_t>(size_));
    return cannot_write(error, path_);
  }
  size_ += text.size();
  return {};
}

IoResult<void> Journal::rewrite(const std::vector<json>& records) {
  std::string text = owner_line();
  for (const json& record : records)
    text += line(record);
  if (auto replaced = replace_file(path_, text); !replaced)
    return cannot_write(replaced.error().error, path_);
  UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return failure(errno, "cannot open " + path_);
  fd_ = std::move(fd);
  size_ = text.size();
  return {};
}

void Journal::discard() noexcept {
  ::unlink(path_.c_str());
  fd_.reset();
}

IoResult<JournalContents> read_journal(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return failure(errno, "cannot read " + path);
  JournalContents contents;
  std::string_view rest = *text;
  bool owner_read = false;
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const json record = json::parse(rest.substr(0, end), nullptr, false);
    rest.remove_prefix(end + 1);
    if (!record.is_object()) return failure(IoFault::bad_message, path + " is damaged");
    if (owner_read) {
      contents.records.push_back(record);
      continue;
    }
    try {
      if (record.at("journal") != kFormat)
        return failure(IoFault::bad_message, path + " was written by another version");
      contents.owner.boot_id = record.at("boot_id");
      contents.owner.pid = record.at("pid");
      contents.owner.start_time = record.at("start_time");
      contents.owner.network_namespace = record.at("network_namespace");
    } catch (const json::exception&) {
      return failure(IoFault::bad_message, path + " does not say whose it is");
    }
    owner_read = true;
  }
  if (!owner_read) return failure(IoFault::bad_message, path + " is empty");
  return contents;
}

}  // namespace pptp::io
