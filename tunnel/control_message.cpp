#include "tunnel/control_message.h"

#include <type_traits>
#include <utility>

namespace pptp {
namespace {

/// RFC 2637 2: PPTP Message Type; 2, management messages, is not defined further.
constexpr std::uint16_t kControlMessageType = 1;
/// Up to the cookie: enough to see whether this is PPTP.
constexpr std::size_t kPrefix = 8;

/// What a message's fields() goes over: measures them.
struct Measure {
  std::size_t octets = kControlHeader;

  template <class... Fields>
  constexpr void operator()(const Fields&... all) noexcept {
    (add(all), ...);
  }

  template <class Field>
  constexpr void add(const Field&) noexcept {
    octets += sizeof(Field);
  }

  constexpr void add(ReservedOctets reserved) noexcept { octets += reserved.count; }
};

/// Reads them.
struct Load {
  Reader& reader;

  template <class... Fields>
  void operator()(Fields&... all) noexcept {
    (load(all), ...);
  }

  void load(std::uint8_t& field) noexcept { field = reader.u8(); }

  void load(std::uint16_t& field) noexcept { field = reader.u16(); }

  void load(std::uint32_t& field) noexcept { field = reader.u32(); }

  template <std::size_t N>
  void load(FixedText<N>& field) noexcept {
    field = FixedText<N>(reader.array<N>());
  }

  void load(const ReservedOctets& reserved) noexcept { reader.skip(reserved.count); }
};

/// Writes them.
struct Store {
  Writer& writer;

  template <class... Fields>
  void operator()(const Fields&... all) noexcept {
    (store(all), ...);
  }

  void store(std::uint8_t field) noexcept { writer.u8(field); }

  void store(std::uint16_t field) noexcept { writer.u16(field); }

  void store(std::uint32_t field) noexcept { writer.u32(field); }

  template <std::size_t N>
  void store(const FixedText<N>& field) noexcept {
    writer.bytes(field.octets());
  }

  void store(ReservedOctets reserved) noexcept { writer.zeros(reserved.count); }
};

template <std::size_t Index>
using MessageAt = std::variant_alternative_t<Index, ControlMessage>;

template <class Message>
constexpr std::size_t measured() noexcept {
  Measure measure;
  const Message message{};
  Message::fields(message, measure);
  return measure.octets;
}

struct Format {
  std::uint16_t length;
  ControlMessage (*load)(Reader&) noexcept;
};

template <std::size_t Index>
constexpr Format format_at() noexcept {
  using Message = MessageAt<Index>;
  static_assert(std::to_underlying(Message::kType) == Index + 1, "in the order of their types");
  static_assert(measured<Message>() == Message::kLength, "fields() is the length in RFC 2637");
  static_assert(Message::kLength <= kMaxControlMessage);
  return {Message::kLength, [](Reader& reader) noexcept {
            Message message;
            Load load{reader};
            Message::fields(message, load);
            return ControlMessage(message);
          }};
}

static_assert(std::variant_size_v<ControlMessage> == kControlTypes);

constexpr auto kFormats = []<std::size_t... Index>(std::index_sequence<Index...>) {
  return std::array{format_at<Index>()...};
}(std::make_index_sequence<kControlTypes>());

struct Header {
  std::uint16_t length;
  std::uint16_t message_type;
  std::uint32_t cookie;
  std::uint16_t control_type;

  /// nullptr: RFC 2637 has no such type.
  const Format* format() const noexcept {
    const std::size_t index = control_type - std::size_t{1};
    return message_type == kControlMessageType && index < kControlTypes ? &kFormats[index]
                                                                        : nullptr;
  }
};

/// Fields behind the end of the octets are zero.
Header read_header(Reader& reader) noexcept {
  Header header{};
  header.length = reader.u16();
  header.message_type = reader.u16();
  header.cookie = reader.u32();
  header.control_type = reader.u16();
  reader.skip(kReserved2.count);
  return header;
}

}  // namespace

std::string_view name(ControlType type) noexcept {
  switch (type) {
    case ControlType::start_control_connection_request:
      return "Start-Control-Connection-Request";
    case ControlType::start_control_connection_reply:
      return "Start-Control-Connection-Reply";
    case ControlType::stop_control_connection_request:
      return "Stop-Control-Connection-Request";
    case ControlType::stop_control_connection_reply:
      return "Stop-Control-Connection-Reply";
    case ControlType::echo_request:
      return "Echo-Request";
    case ControlType::echo_reply:
      return "Echo-Reply";
    case ControlType::outgoing_call_request:
      return "Outgoing-Call-Request";
    case ControlType::outgoing_call_reply:
      return "Outgoing-Call-Reply";
    case ControlType::incoming_call_request:
      return "Incoming-Call-Request";
    case ControlType::incoming_call_reply:
      return "Incoming-Call-Reply";
    case ControlType::incoming_call_connected:
      return "Incoming-Call-Connected";
    case ControlType::call_clear_request:
      return "Call-Clear-Request";
    case ControlType::call_disconnect_notify:
      return "Call-Disconnect-Notify";
    case ControlType::wan_error_notify:
      return "WAN-Error-Notify";
    case ControlType::set_link_info:
      return "Set-Link-Info";
  }
  return "unknown-control-message";
}

ControlType type_of(const ControlMessage& message) noexcept {
  return static_cast<ControlType>(message.index() + 1);
}

std::uint16_t length_of(ControlType type) noexcept {
  return kFormats[std::to_underlying(type) - std::size_t{1}].length;
}

Result<ControlMessage> parse_control_message(Bytes message) noexcept {
  Reader reader(message);
  const Header header = read_header(reader);
  if (!reader.ok()) return std::unexpected(Error::truncated);
  if (header.cookie != kMagicCookie) return std::unexpected(Error::bad_magic);
  if (header.length != message.size()) return std::unexpected(Error::bad_length);
  const Format* const format = header.format();
  if (format == nullptr) return std::unexpected(Error::unsupported);
  if (header.length != format->length) return std::unexpected(Error::bad_length);
  return format->load(reader);
}

void write_control_message(const ControlMessage& message, Writer& writer) noexcept {
  const ControlType type = type_of(message);
  writer.u16(length_of(type));
  writer.u16(kControlMessageType);
  writer.u32(kMagicCookie);
  writer.u16(std::to_underlying(type));
  writer.zeros(kReserved2.count);
  std::visit(
      [&writer](const auto& m) noexcept {
        Store store{writer};
        m.fields(m, store);
      },
      message);
}

std::optional<Result<ControlMessage>> ControlStream::next(Bytes& segment) noexcept {
  for (;;) {
    if (failed_) {
      segment = {};
      return std::nullopt;
    }
    const std::size_t missing = wanted() - size_;
    const Bytes taken = segment.first(std::min(missing, segment.size()));
    std::copy(taken.begin(), taken.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += taken.size();
    segment = segment.subspan(taken.size());
    if (taken.size() < missing) return std::nullopt;

    if (const Result<void> sane = check(); !sane) {
      failed_ = true;
      size_ = 0;
      segment = {};
      return std::unexpected(sane.error());
    }
    if (size_ < wanted()) continue;
    const Result<ControlMessage> message =
        parse_control_message(Bytes(buffer_).first(std::exchange(size_, 0)));
    if (message) return message;
    ++skipped_;  // unsupported: all else has been checked
  }
}

/// How many octets to have before the next step.
std::size_t ControlStream::wanted() const noexcept {
  if (size_ < kPrefix) return kPrefix;
  if (size_ < kControlHeader) return kControlHeader;
  return Reader(buffer_).u16();
}

/// Whether what is there of the header can be right.
Result<void> ControlStream::check() const noexcept {
  Reader reader(Bytes(buffer_).first(size_));
  const Header header = read_header(reader);
  if (header.cookie != kMagicCookie) return std::unexpected(Error::bad_magic);
  // A length below the header's own would leave a negative number of octets to be read.
  if (header.length < kControlHeader || header.length > kMaxControlMessage) {
    return std::unexpected(Error::bad_length);
  }
  if (!reader.ok()) return {};
  const Format* const format = header.format();
  if (format != nullptr && header.length != format->length) {
    return std::unexpected(Error::bad_length);
  }
  return {};
}

}  // namespace pptp
