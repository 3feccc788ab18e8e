#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "apps/ending.h"
#include "diagnosis/catalogue.h"

using namespace pptp;
using namespace pptp::app;

namespace {

void check_known(const Ending& ending) {
  INFO(std::string(ending.id));
  if (!ending.id.empty()) CHECK(diagnosis::find_symptom(ending.id) != nullptr);
}

}  // namespace

TEST_CASE("symptoms: every ending's id is in the catalogue") {
  for (std::uint8_t i = 0; name(static_cast<Cause>(i)) != "unknown-cause"; ++i)
    check_known(ending_of(End{static_cast<Cause>(i), 0, ""}));
  for (const std::uint32_t number : {646U, 647U, 648U, 649U, 691U, 709U, 1U})
    check_known(ending_of(End{Cause::auth_failed, number, ""}));
  check_known(ending_of(End{Cause::mppe_bits_refused, 0x20, ""}));
  check_known(ending_of(End{Cause::mppe_bits_refused, 0x80, ""}));
  for (auto i = static_cast<int>(Trouble::internal_error);
       i <= static_cast<int>(Trouble::port_in_use); ++i)
    check_known(ending_of(static_cast<Trouble>(i)));
}
