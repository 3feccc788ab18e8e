#include "ppp/options.h"

#include <array>
#include <vector>

#include <doctest/doctest.h>

namespace pptp {
namespace {

// Magic number, MRU and a flag.
constexpr std::array<std::uint8_t, 12> kList = {5, 6, 0xde, 0xad, 0xbe, 0xef,
                                                1, 4, 0x05, 0x78, 7,    2};

TEST_CASE("rfc1661/6 options are walked in the order they came") {
  const auto list = OptionList::parse(kList);
  REQUIRE(list);
  std::string seen;
  for (const Option option : *list) {
    seen += std::to_string(option.type) + ":" + hex(option.data) + " ";
  }
  CHECK(seen == "5:deadbeef 1:0578 7: ");
}

TEST_CASE("options/an empty list is a list") {
  const auto list = OptionList::parse({});
  REQUIRE(list);
  CHECK(list->empty());
  CHECK(list->begin() == list->end());
}

TEST_CASE("options/what is written is what is parsed") {
  std::array<std::uint8_t, 64> buffer{};
  Writer writer(buffer);
  OptionWriter out(writer);
  out.put_u32(5, 0xdeadbeef);
  out.put_u16(1, 1400);
  out.put_flag(7);
  CHECK(hex(writer.written()) == hex(kList));

  const auto list = OptionList::parse(writer.written());
  REQUIRE(list);
  std::array<std::uint8_t, 64> copy{};
  Writer again(copy);
  OptionWriter echo(again);
  for (const Option option : *list)
    echo.put(option);
  CHECK(hex(again.written()) == hex(writer.written()));
  CHECK(echo.size() == kList.size());
}

TEST_CASE("options/every truncation is refused or ends between two options") {
  for (std::size_t size = 0; size < kList.size(); ++size) {
    CAPTURE(size);
    const auto list = OptionList::parse(Bytes(kList).first(size));
    CHECK(list.has_value() == (size == 0 || size == 6 || size == 10));
    if (!list)
      CHECK(list.error() ==
            (size == 1 || size == 7 || size == 11 ? Error::truncated : Error::bad_length));
  }
}

TEST_CASE("options/every single-bit flip is walked within the list or refused") {
  for (std::size_t bit = 0; bit < kList.size() * 8; ++bit) {
    auto damaged = kList;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
    const auto list = OptionList::parse(damaged);
    if (!list) continue;
    std::size_t octets = 0;
    for (const Option option : *list)
      octets += option.data.size() + 2;
    CHECK(octets == damaged.size());
  }
}

TEST_CASE("options/lengths 0 and 1 are refused") {
  for (const std::uint8_t length : {std::uint8_t{0}, std::uint8_t{1}}) {
    const std::array<std::uint8_t, 4> list = {1, length, 0, 0};
    CHECK(OptionList::parse(list).error() == Error::bad_length);
  }
}

TEST_CASE("options/one that does not fit is left out whole and noted") {
  std::array<std::uint8_t, 7> buffer{};
  Writer writer(buffer);
  OptionWriter out(writer);
  out.put_u16(1, 1400);
  out.put_u16(2, 7);
  CHECK_FALSE(writer.ok());
  CHECK(hex(writer.written()) == "01040578");
}

TEST_CASE("options/253 octets of data fit an option and 254 do not") {
  std::array<std::uint8_t, 600> buffer{};
  const std::vector<std::uint8_t> data(254, 0xaa);
  Writer fits(buffer);
  OptionWriter(fits).put(9, Bytes(data).first(253));
  CHECK(fits.ok());
  CHECK(fits.size() == 255);
  Writer too_long(buffer);
  OptionWriter(too_long).put(9, data);
  CHECK_FALSE(too_long.ok());
  CHECK(too_long.size() == 0);
}

}  // namespace
}  // namespace pptp
