#include "tunnel/io/resolv_conf.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <climits>
#include <nlohmann/json.hpp>

#include "tunnel/io/file.h"
#include "tunnel/io/journal.h"
#include "tunnel/io/unique_fd.h"

namespace pptp::io {
namespace {

using nlohmann::json;

constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;

constexpr const char* kRemedy = "let it be written to, or write dns = \"none\" into [network]";

enum class Kind : std::uint8_t { none, file, link };

/// What stands at the file's path.
struct Node {
  Kind kind = Kind::none;
  std::string target;  ///< of a link
  std::string text;    ///< of a file, or of what a link leads to
  mode_t mode = kFileMode;
  uid_t uid = 0;
  gid_t gid = 0;
};

bool same(const Node& a, const Node& b) {
  return a.kind == b.kind && (a.kind == Kind::link ? a.target == b.target : a.text == b.text);
}

struct Tunnel {
  std::string name;
  JournalOwner owner;
  std::vector<std::string> servers;
};

struct State {
  Node original;
  std::vector<std::string> written;  ///< texts of ours that may stand there: a change may be half
  std::vector<Tunnel> tunnels;       ///< the newest last
};

/// Something else is mounted there, as in a container: it can be written to, but not replaced. The
/// inode then tells the file from that of another mount namespace.
std::optional<std::string> mounted_inode(const std::string& path) {
  struct statx status{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO, &status) != 0)
    return std::nullopt;
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) return std::nullopt;
  return std::to_string(status.stx_dev_major) + "." + std::to_string(status.stx_dev_minor) + "." +
         std::to_string(status.stx_ino);
}

IoResult<Node> read_node(const std::string& path) {
  Node node;
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return node;
    return failure(errno, "cannot look at " + path);
  }
  node.mode = status.st_mode & 07777;
  node.uid = status.st_uid;
  node.gid = status.st_gid;
  if (S_ISLNK(status.st_mode)) {
    node.kind = Kind::link;
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return failure(errno, "cannot look at " + path);
    node.target.assign(target.data(), static_cast<std::size_t>(size));
    node.mode = kFileMode;
    node.text = read_file(path).value_or("");  // it may lead nowhere
    return node;
  }
  node.kind = Kind::file;
  const std::optional<std::string> text = read_file(path);
  if (!text) return failure(errno, "cannot read " + path);
  node.text = *text;
  return node;
}

IoResult<void> write_in_place(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd) return failure(errno, "cannot write " + path, kRemedy);
  int error = write_all(fd.fd(), text);
  if (error == 0 && ::fsync(fd.fd()) != 0) error = errno;
  if (error != 0) return failure(error, "cannot write " + path);
  return {};
}

/// Makes `node` at a new path; the file as a whole and synced.
int make(const std::string& path, const Node& node) {
  ::unlink(path.c_str());
  if (node.kind == Kind::link) return ::symlink(node.target.c_str(), path.c_str()) == 0 ? 0 : errno;
  const UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return errno;
  if (const int error = write_all(fd.fd(), node.text); error != 0) return error;
  // Whose it was matters less than that it is there.
  (void)::fchown(fd.fd(), node.uid, node.gid);
  if (::fchmod(fd.fd(), node.mode) != 0 || ::fsync(fd.fd()) != 0) return errno;
  return 0;
}

IoResult<void> write_node(const std::string& path, const Node& node) {
  if (mounted_inode(path)) return write_in_place(path, node.text);
  if (node.kind == Kind::none) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return failure(errno, "cannot remove " + path);
    return {};
  }
  const std::string temporary = path + ".pptpd-user";
  int error = make(temporary, node);
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(temporary.c_str());
  return failure(error, "cannot replace " + path, kRemedy);
}

/// The host's own text with the tunnels' name servers instead of its own.
std::string compose(const Node& original, const std::vector<Tunnel>& tunnels) {
  std::string text =
      "# The name servers of a tunnel, put here by pptpd-user, which takes them out with it.\n";
  for (auto tunnel = tunnels.rbegin(); tunnel != tunnels.rend(); ++tunnel) {
    for (const std::string& server : tunnel->servers)
      text += "nameserver " + server + "\n";
  }
  std::istringstream lines(original.text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t word = line.find_first_not_of(" \t");
    if (word == std::string::npos || line[word] == '#' || line[word] == ';' ||
        line.compare(word, 10, "nameserver") == 0)
      continue;
    text += line + "\n";
  }
  return text;
}

json to_json(const State& state) {
  const Node& node = state.original;
  json tunnels = json::array();
  for (const Tunnel& tunnel : state.tunnels) {
    tunnels.push_back({{"name", tunnel.name},
                       {"boot_id", tunnel.owner.boot_id},
                       {"pid", tunnel.owner.pid},
                       {"start_time", tunnel.owner.start_time},
                       {"servers", tunnel.servers}});
  }
  return {{"original",
           {{"kind", std::to_underlying(node.kind)},
            {"target", node.target},
            {"text", node.text},
            {"mode", node.mode},
            {"uid", node.uid},
            {"gid", node.gid}}},
          {"written", state.written},
          {"tunnels", tunnels}};
}

std::optional<State> state_from(const std::string& text) {
  try {
    const json document = json::parse(text);
    const json& node = document.at("original");
    State state;
    const auto kind = node.at("kind").get<unsigned>();
    if (kind > std::to_underlying(Kind::link)) return std::nullopt;
    state.original = {.kind = static_cast<Kind>(kind),
                      .target = node.at("target"),
                      .text = node.at("text"),
                      .mode = node.at("mode"),
                      .uid = node.at("uid"),
                      .gid = node.at("gid")};
    state.written = document.at("written").get<std::vector<std::string>>();
    for (const json& each : document.at("tunnels")) {
      Tunnel tunnel;
      tunnel.name = each.at("name");
      tunnel.owner.boot_id = each.at("boot_id");
      tunnel.owner.pid = each.at("pid");
      tunnel.owner.start_time = each.at("start_time");
      tunnel.servers = each.at("servers").get<std::vector<std::string>>();
      state.tunnels.push_back(std::move(tunnel));
    }
    return state;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

bool lives(const JournalOwner& owner) {
  const JournalOwner here = JournalOwner::this_process();
  return owner.runs_elsewhere() || (owner.pid == here.pid && owner.boot_id == here.boot_id &&
                                    owner.start_time == here.start_time);
}

/// The file and what is known of it, for as long as nobody else changes either.
class Editor {
 public:
  static IoResult<Editor> open(const ResolvConf& where) {
    const std::optional<std::string> inode = mounted_inode(where.path);
    Editor editor(where.path,
                  where.state_folder + "/resolv.conf" + (inode ? "." + *inode : std::string()));
    if (::mkdir(where.state_folder.c_str(), kFolderMode) != 0 && errno != EEXIST)
      return failure(errno, "cannot make " + where.state_folder, kRemedy);
    const std::string lock = where.state_folder + "/resolv.conf.lock";
    editor.lock_ = UniqueFd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!editor.lock_) return failure(errno, "cannot open " + lock, kRemedy);
    while (::flock(editor.lock_.fd(), LOCK_EX) != 0) {
      if (errno != EINTR) return failure(errno, "cannot lock " + lock);
    }
    IoResult<Node> present = read_node(where.path);
    if (!present) return std::unexpected(present.error());
    editor.present_ = *std::move(present);
    if (const std::optional<std::string> text = read_file(editor.state_path_))
      editor.state_ = state_from(*text);
    return editor;
  }

  std::optional<State>& state() noexcept { return state_; }

  /// Nobody else has changed the file since there has been a state.
  bool is_ours() const {
    return state_ && (same(present_, state_->original) ||
                      (present_.kind == Kind::file &&
                       std::ranges::find(state_->written, present_.text) != state_->written.end()));
  }

  void begin() {
    state_.emplace();
    state_->original = present_;
  }

  /// The file as it is to be with the tunnels that the state has now.
  IoResult<void> write() {
    if (state_->tunnels.empty()) {
      // First the file: what is still in the state by then is found again.
      if (auto written = write_node(path_, state_->original); !written) return written;
      return forget();
    }
    Node node = state_->original;
    node.kind = Kind::file;
    node.text = compose(state_->original, state_->tunnels);
    state_->written = {node.text};
    if (present_.kind == Kind::file) state_->written.push_back(present_.text);
    if (auto kept = keep(); !kept) return kept;
    return write_node(path_, node);
  }

  /// The state alone; the file is somebody else's.
  IoResult<void> keep() {
    if (state_->tunnels.empty()) return forget();
    return replace_file(state_path_, io::to_json(*state_).dump() + "\n");
  }

 private:
  Editor(std::string path, std::string state_path)
      : path_(std::move(path)), state_path_(std::move(state_path)) {}

  IoResult<void> forget() {
    if (::unlink(state_path_.c_str()) != 0 && errno != ENOENT)
      return failure(errno, "cannot remove " + state_path_);
    return {};
  }

  std::string path_;
  std::string state_path_;
  UniqueFd lock_;
  Node present_;
  std::optional<State> state_;
};

IoResult<std::optional<Undone>> remove_if(const ResolvConf& where,
                                          const std::function<bool(const Tunnel&)>& unwanted) {
  IoResult<Editor> editor = Editor::open(where);
  if (!editor) return std::unexpected(editor.error());
  if (!editor->state() || std::erase_if(editor->state()->tunnels, unwanted) == 0)
    return std::nullopt;
  const bool ours = editor->is_ours();
  if (auto done = ours ? editor->write() : editor->keep(); !done)
    return std::unexpected(done.error());
  return ours ? Undone::undone : Undone::left_alone;
}

}  // namespace

IoResult<void> ResolvConf::add(const std::string& tunnel,
                               const std::vector<Ipv4Address>& servers) const {
  IoResult<Editor> editor = Editor::open(*this);
  if (!editor) return std::unexpected(editor.error());
  if (!editor->is_ours()) editor->begin();
  Tunnel added{.name = tunnel, .owner = JournalOwner::this_process(), .servers = {}};
  for (const Ipv4Address& server : servers)
    added.servers.push_back(server.text());
  editor->state()->tunnels.push_back(std::move(added));
  return editor->write();
}

IoResult<Undone> ResolvConf::remove(const std::string& tunnel) const {
  const auto removed =
      remove_if(*this, [&tunnel](const Tunnel& each) { return each.name == tunnel; });
  if (!removed) return std::unexpected(removed.error());
  return removed->value_or(Undone::gone);
}

IoResult<std::optional<Undone>> ResolvConf::recover() const {
  // Most hosts have none, and not everybody may look.
  struct stat status{};
  if (::stat(state_folder.c_str(), &status) != 0 || ::access(state_folder.c_str(), W_OK) != 0)
    return std::nullopt;
  return remove_if(*this, [](const Tunnel& each) { return !lives(each.owner); });
}

}  // namespace pptp::io
