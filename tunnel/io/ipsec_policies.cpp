#include "tunnel/io/ipsec_policies.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <sys/socket.h>
#include <utility>

#include <netlink/msg.h>

#include "tunnel/io/netlink_message.h"

namespace pptp::io {
namespace {

constexpr auto kAsking = "cannot ask for IPsec policies";

}  // namespace

IpsecPolicies::IpsecPolicies(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

IoResult<IpsecPolicies> IpsecPolicies::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_XFRM));
  if (!fd && errno != EPROTONOSUPPORT) return failure(errno, kAsking);
  return IpsecPolicies(std::move(fd));
}

IoResult<bool> IpsecPolicies::any() const {
  if (!fd_) return false;
  const NetlinkMessage question(XFRM_MSG_GETSPDINFO, 0, std::uint32_t{0});
  const nlmsghdr* const asked = nlmsg_hdr(question.message());
  if (::send(fd_.fd(), asked, asked->nlmsg_len, MSG_NOSIGNAL) < 0) return failure(errno, kAsking);

  struct alignas(nlmsghdr) Answer {
    std::array<std::uint8_t, 256> octets;
  } answer;

  // The kernel has answered by the time it has taken the question.
  const ssize_t size = ::recv(fd_.fd(), answer.octets.data(), answer.octets.size(), 0);
  if (size < 0) return failure(errno, kAsking);
  void* const octets = answer.octets.data();
  auto* const message = static_cast<nlmsghdr*>(octets);
  if (nlmsg_ok(message, static_cast<int>(size)) == 0) return failure(EBADMSG, kAsking);
  if (message->nlmsg_type != XFRM_MSG_NEWSPDINFO) return failure(EPERM, kAsking);
  const auto attributes = NetlinkAttributes::of(message, std::uint32_t{0});
  const auto counts = attributes.value<xfrmu_spdinfo>(XFRMA_SPD_INFO);
  if (!counts) return failure(EBADMSG, kAsking);
  return counts->outcnt != 0;
}

}  // namespace pptp::io
