#include "tunnel/io/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/io/temporary_dir.h"
#include "tunnel/io/file.h"

namespace pptp::io {
namespace {

using Octets = std::vector<std::uint8_t>;

TEST_CASE("io/output_file is its owner's alone, and what was there before is gone") {
  const TemporaryDir folder;
  const std::string path = folder.path() + "/capture";
  REQUIRE(replace_file(path, "something longer than what comes"));
  IoResult<OutputFile> file = OutputFile::create(path);
  REQUIRE(file);
  CHECK(file->write(as_bytes("one, ")).has_value());
  CHECK(file->write(as_bytes("two")).has_value());
  CHECK(read_file(path) == "one, two");
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE(
    "io/file one that is edited keeps its mode, and one that cannot be replaced leaves nothing") {
  const TemporaryDir folder;
  const std::string path = folder.path() + "/secrets";
  REQUIRE(replace_file(path, "old"));
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  REQUIRE(edit_file(path, "new"));
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0640);
  CHECK(read_file(path) == "new");
  // A folder cannot be replaced by a file.
  const std::string taken = folder.path() + "/taken";
  REQUIRE(::mkdir(taken.c_str(), 0700) == 0);
  CHECK_FALSE(replace_file(taken, "new"));
  CHECK_FALSE(read_file(taken + ".new"));
}

TEST_CASE("io/file one that is published can be read by others, and nobody's file is written to") {
  const TemporaryDir folder;
  const std::string path = folder.path() + "/report";
  const std::string other = folder.path() + "/other";
  REQUIRE(replace_file(other, "somebody's"));
  REQUIRE(::symlink(other.c_str(), (path + ".new").c_str()) == 0);
  const mode_t umask_before = ::umask(027);
  CHECK(publish_file(path, "page").has_value());
  ::umask(umask_before);
  CHECK(read_file(path) == "page");
  CHECK(read_file(other) == "somebody's");
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0640);
  REQUIRE(::link(other.c_str(), (path + ".new").c_str()) == 0);
  CHECK(replace_file(path, "page").has_value());
  CHECK(read_file(other) == "somebody's");
}

TEST_CASE("io/file where one can be put is known before there is one") {
  const TemporaryDir folder;
  const std::string path = folder.path() + "/report";
  CHECK(check_replaceable(path).has_value());
  CHECK_FALSE(read_file(path));
  CHECK_FALSE(read_file(path + ".new"));
  REQUIRE(replace_file(path, "old"));
  CHECK(check_replaceable(path).has_value());
  CHECK(read_file(path) == "old");
  CHECK_FALSE(check_replaceable(folder.path()));
  CHECK_FALSE(check_replaceable("/dev/null"));
  const IoResult<void> nowhere = check_replaceable(folder.path() + "/none/report");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().text().find("/none/report") != std::string::npos);
}

TEST_CASE("io/output_file does not wait for who reads a pipe, and keeps what does not go") {
  const TemporaryDir folder;
  const std::string path = folder.path() + "/pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(reader);
  IoResult<OutputFile> file = OutputFile::create(path);
  REQUIRE(file);
  constexpr std::size_t kPiece = 64 << 10;
  std::size_t written = 0;
  for (; file->has_room_for(kPiece); written += kPiece)
    REQUIRE(file->write(Octets(kPiece, static_cast<std::uint8_t>(written / kPiece))).has_value());
  CHECK(written >= OutputFile::kMostWaiting);
  CHECK(written <= OutputFile::kMostWaiting + 2 * kPiece);
  // Read, it all comes, in order.
  Octets got;
  Octets buffer(kPiece);
  while (got.size() < written) {
    REQUIRE(file->write({}).has_value());
    const ssize_t count = ::read(reader.fd(), buffer.data(), buffer.size());
    REQUIRE(count > 0);
    got.insert(got.end(), buffer.begin(), buffer.begin() + count);
  }
  for (std::size_t i = 0; i < got.size(); i += kPiece)
    CHECK(got[i] == static_cast<std::uint8_t>(i / kPiece));
  CHECK(file->has_room_for(kPiece));
}

TEST_CASE("io/output_file says that no more goes") {
  IoResult<OutputFile> full = OutputFile::create("/dev/full");
  REQUIRE(full);
  const IoResult<void> written = full->write(as_bytes("x"));
  REQUIRE_FALSE(written);
  CHECK(written.error().text().find("/dev/full") != std::string::npos);
  CHECK_FALSE(OutputFile::create("/nonexistent/capture"));
}

}  // namespace
}  // namespace pptp::io
