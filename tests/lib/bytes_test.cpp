#include "lib/bytes.h"

#include <vector>

#include <doctest/doctest.h>

#include "lib/text.h"

namespace pptp {
namespace {

TEST_CASE("bytes/a Reader yields big-endian fields in order") {
  const std::array<std::uint8_t, 9> data = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  Reader reader(data);
  CHECK(reader.u8() == 1);
  CHECK(reader.u16() == 0x0203);
  CHECK(reader.u32() == 0x04050607);
  CHECK(reader.remaining() == 2);
  CHECK(reader.rest().size() == 2);
  CHECK(reader.ok());
}

TEST_CASE("bytes/a Reader that failed stays failed and yields zeros, at every truncation") {
  const std::array<std::uint8_t, 7> data = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  for (std::size_t size = 0; size < data.size(); ++size) {
    Reader reader(Bytes(data).first(size));
    (void)reader.u8();
    (void)reader.u16();
    (void)reader.u32();
    CHECK_FALSE(reader.ok());
    CHECK(reader.u8() == 0);
    CHECK(reader.rest().empty());
  }
}

TEST_CASE("bytes/a Writer never writes past its end and keeps what fitted") {
  std::array<std::uint8_t, 8> buffer{};
  Writer writer(Bytes::size_type{5} <= buffer.size() ? MutableBytes(buffer).first(5)
                                                     : MutableBytes());
  writer.u16(0xabcd);
  writer.u32(0x01020304);
  CHECK_FALSE(writer.ok());
  CHECK(writer.size() == 2);
  writer.u8(7);
  CHECK(writer.size() == 2);
  CHECK(buffer[2] == 0);
  CHECK(hex(writer.written()) == "abcd");
}

TEST_CASE("bytes/a Writer pads, patches and truncates") {
  std::array<std::uint8_t, 16> buffer{};
  Writer writer(buffer);
  writer.u16(0);
  writer.padded("ab", 4);
  writer.padded("abcdef", 4);
  writer.patch_u16(0, 0x1234);
  CHECK(hex(writer.written()) ==
        "1234"
        "61620000"
        "61626364");
  writer.truncate(2);
  CHECK(writer.size() == 2);
  CHECK(writer.ok());
  writer.patch_u16(1, 9);
  CHECK_FALSE(writer.ok());
}

TEST_CASE("bytes/hexadecimal goes both ways and refuses what is none") {
  CHECK(hex(as_bytes(*from_hex("00 ff:Ab"))) == "00ffab");
  CHECK(from_hex("0").error() == Error::truncated);
  CHECK(from_hex("0g").error() == Error::bad_value);
}

TEST_CASE("text/octets from a peer are escaped and a line that is too long is cut") {
  Text<12> text("a=");
  text.add_escaped(std::string_view("\x1b[\n\"", 4));
  CHECK(text.view() == "a=\\x1b[\\x0a\\");
  Text<> number;
  number.add_hex(0xfeedU).add(" ").add(-5);
  CHECK(number.view() == "0xfeed -5");
}

}  // namespace
}  // namespace pptp
