// Memory that is given back holds nothing of a secret. To see that, this program's allocations are
// its own.
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "apps/chap_secrets.h"
#include "apps/config_file.h"
#include "apps/wipe_text.h"
#include "tests/apps/temporary_folder.h"

namespace {

thread_local std::string_view looked_for;
thread_local int found = 0;

void* take(std::size_t size) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}

void* take_or_throw(std::size_t size) {
  void* const memory = take(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory != nullptr && !looked_for.empty() &&
      ::memmem(memory, ::malloc_usable_size(memory), looked_for.data(), looked_for.size()) !=
          nullptr)
    ++found;
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return take_or_throw(size);
}

void* operator new[](std::size_t size) {
  return take_or_throw(size);
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return take(size);
}

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return take(size);
}

void operator delete(void* memory) noexcept {
  give_back(memory);
}

void operator delete[](void* memory) noexcept {
  give_back(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}

void operator delete[](void* memory, std::size_t) noexcept {
  give_back(memory);
}

namespace pptp::app {
namespace {

/// How many pieces of memory are given back with `secret` in them while `action` runs.
template <class Action>
int left_behind(std::string_view secret, Action&& action) {
  found = 0;
  looked_for = secret;
  action();
  looked_for = {};
  return found;
}

TEST_CASE("freed memory: what is looked for is found") {
  CHECK(left_behind("swordfish",
                    [] { std::string("a swordfish in a text that is long enough"); }) == 1);
}

TEST_CASE("freed memory: the users' file, and a secret that is changed in it") {
  for (const std::string secret : {"swordfish", "swordfish-and-more-than-fits-into-an-object"}) {
    CAPTURE(secret);
    const TemporaryFolder folder;
    const std::string others = "bob * tuna *\n# none\ncarol * \"two words\" *\n";
    const std::string path =
        folder.write("chap-secrets", "alice * " + secret + " * -- expired\n" + others, 0600);
    CHECK(left_behind("swordfish", [&] { CHECK(ChapSecrets::load(path)->size() == 3); }) == 0);

    auto file = read_file(path);
    REQUIRE(file);
    CHECK(left_behind("marlin", [&] {
            auto changed = ChapSecrets::with_secret(file->text, "alice", "", "marlin\"and\\more");
            CHECK(changed->starts_with("alice * \"marlin"));
            wipe_text(*changed);
          }) == 0);
    CHECK(left_behind("swordfish", [&] {
            CHECK_FALSE(ChapSecrets::with_secret(file->text, "nobody", "", "x"));
          }) == 0);
    wipe_text(file->text);
  }
}

TEST_CASE("freed memory: a password that cannot be written as octets") {
  // 40 octets, so that a text of it would not lie inside of an object.
  const SecretText password("swordfish-swordfish-swordfish-swordfish\xc4\x80");
  CHECK(left_behind("swordfish",
                    [&] { CHECK_FALSE(octets_of(UnicodePassword(password.view()))); }) == 0);
}

}  // namespace
}  // namespace pptp::app
