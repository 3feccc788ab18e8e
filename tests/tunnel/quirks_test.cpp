#include "tunnel/quirks.h"

#include <doctest/doctest.h>

namespace pptp {
namespace {

TEST_CASE("quirks/each has a name, and is found by it") {
  for (const std::string_view word : quirk_names()) {
    const auto quirk = quirk_from_name(word);
    REQUIRE(quirk);
    CHECK(name(*quirk) == word);
  }
  CHECK(quirk_names().size() == static_cast<std::size_t>(Quirk::count_));
  CHECK_FALSE(quirk_from_name("always_ack"));
}

}  // namespace
}  // namespace pptp
