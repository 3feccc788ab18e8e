#include "tunnel/io/netlink_message.h"

#include <new>

#include <netlink/attr.h>
#include <netlink/msg.h>

namespace pptp::io {
namespace {

void check(int status) {
  if (status < 0) throw std::bad_alloc();
}

}  // namespace

void NetlinkMessage::Deleter::operator()(nl_msg* message) const noexcept {
  nlmsg_free(message);
}

NetlinkMessage::NetlinkMessage(std::uint16_t type, int flags, const void* header, std::size_t size)
    : message_(nlmsg_alloc_simple(type, NLM_F_REQUEST | flags)) {
  if (!message_) throw std::bad_alloc();
  void* const place = nlmsg_reserve(message_.get(), size, NLMSG_ALIGNTO);
  if (place == nullptr) throw std::bad_alloc();
  std::memcpy(place, header, size);
}

NetlinkMessage& NetlinkMessage::put(int attribute, const void* value, std::size_t size) {
  check(nla_put(message_.get(), attribute, static_cast<int>(size), value));
  return *this;
}

NetlinkMessage& NetlinkMessage::add(int attribute, std::uint32_t value) {
  return put(attribute, &value, sizeof value);
}

NetlinkMessage& NetlinkMessage::add(int attribute, std::uint8_t value) {
  return put(attribute, &value, sizeof value);
}

NetlinkMessage& NetlinkMessage::add(int attribute, Ipv4Address address) {
  const in_addr octets = to_in_addr(address);
  return put(attribute, &octets, sizeof octets);
}

NetlinkMessage& NetlinkMessage::add(int attribute, const std::string& text) {
  return put(attribute, text.c_str(), text.size() + 1);
}

NetlinkMessage& NetlinkMessage::add(int attribute, std::span<const std::uint8_t> octets) {
  return put(attribute, octets.data(), octets.size());
}

nlattr* NetlinkMessage::begin_nest(int attribute) {
  nlattr* const start = nla_nest_start(message_.get(), attribute);
  if (start == nullptr) throw std::bad_alloc();
  return start;
}

void NetlinkMessage::end_nest(nlattr* start) {
  check(nla_nest_end(message_.get(), start));
}

NetlinkAttributes::NetlinkAttributes(nlmsghdr* message, std::size_t header) {
  if (nlmsg_parse(message, static_cast<int>(header), table_.data(), kLast, nullptr) < 0)
    table_ = {};
}

NetlinkAttributes NetlinkAttributes::in(nlattr* nested) {
  NetlinkAttributes attributes;
  if (nested == nullptr || nla_parse_nested(attributes.table_.data(), kLast, nested, nullptr) < 0)
    attributes.table_ = {};
  return attributes;
}

const void* NetlinkAttributes::data(int attribute, std::size_t least) const noexcept {
  nlattr* const found = raw(attribute);
  if (found == nullptr || nla_len(found) < static_cast<int>(least)) return nullptr;
  return nla_data(found);
}

}  // namespace pptp::io
