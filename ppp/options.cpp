#include "ppp/options.h"

#include <array>

namespace pptp {
namespace {

// RFC 1661 6: type and length.
constexpr std::size_t kHeaderSize = 2;
constexpr std::size_t kMaxData = 255 - kHeaderSize;

}  // namespace

Result<OptionList> OptionList::parse(Bytes list) noexcept {
  Reader reader(list);
  while (reader.remaining() > 0) {
    reader.skip(1);
    const std::size_t length = reader.u8();
    if (!reader.ok()) return std::unexpected(Error::truncated);
    if (length < kHeaderSize) return std::unexpected(Error::bad_length);
    reader.skip(length - kHeaderSize);
    if (!reader.ok()) return std::unexpected(Error::bad_length);
  }
  return OptionList(list);
}

void OptionWriter::put(std::uint8_t type, Bytes data) noexcept {
  // Reserved in one piece, so that an option is there whole or not at all. One that is too long for
  // its length field fits nowhere.
  Writer option(
      out_.reserve(data.size() <= kMaxData ? kHeaderSize + data.size() : out_.room() + 1));
  option.u8(type);
  option.u8(static_cast<std::uint8_t>(kHeaderSize + data.size()));
  option.bytes(data);
}

void OptionWriter::put_u16(std::uint8_t type, std::uint16_t value) noexcept {
  std::array<std::uint8_t, 2> data{};
  Writer(data).u16(value);
  put(type, data);
}

void OptionWriter::put_u32(std::uint8_t type, std::uint32_t value) noexcept {
  std::array<std::uint8_t, 4> data{};
  Writer(data).u32(value);
  put(type, data);
}

}  // namespace pptp
