#include "tunnel/gre_sender.h"

#include <doctest/doctest.h>

namespace pptp {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{};

TEST_CASE("rfc2637/4.1 sequence numbers begin at zero and go up by one") {
  GreSender sender;
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto numbers = sender.next_data(kStart);
    CHECK(numbers.sequence == SeqNo(i));
    CHECK_FALSE(numbers.acknowledgement);
  }
  CHECK(sender.outstanding() == 5);
}

TEST_CASE("rfc2637/4.1 sequence numbers go from 2^32-1 to zero") {
  GreSender sender(SeqNo(0xffff'fffe));
  for (const std::uint32_t number : {0xffff'fffeU, 0xffff'ffffU, 0U, 1U})
    CHECK(sender.next_data(kStart).sequence == SeqNo(number));
  CHECK(sender.outstanding() == 4);
  sender.peer_acknowledged(kStart + 20ms, AckNo(0));
  CHECK(sender.outstanding() == 1);
  CHECK(sender.round_trip() == 20ms);
  sender.peer_acknowledged(kStart, AckNo(0xffff'ffff));  // older
  sender.peer_acknowledged(kStart, AckNo(2));            // never sent
  CHECK(sender.outstanding() == 1);
  sender.peer_acknowledged(kStart, AckNo(1));
  CHECK(sender.outstanding() == 0);
}

TEST_CASE("gre_sender/an acknowledgement rides on data, once") {
  GreSender sender;
  sender.received(kStart, SeqNo(7));
  CHECK(sender.next_data(kStart).acknowledgement == AckNo(7));
  CHECK_FALSE(sender.next_data(kStart).acknowledgement);
  CHECK_FALSE(sender.next_deadline());
  sender.received(kStart, SeqNo(7));  // nothing new
  CHECK_FALSE(sender.next_deadline());
}

TEST_CASE("gre_sender/an acknowledgement without data comes after a delay from the first packet") {
  GreSender sender;
  sender.received(kStart, SeqNo(0));
  sender.received(kStart + 60ms, SeqNo(1));
  REQUIRE(sender.next_deadline() == kStart + GreSender::kAckDelay);
  CHECK_FALSE(sender.poll_acknowledgement(kStart + 99ms));
  CHECK(sender.poll_acknowledgement(kStart + 100ms) == AckNo(1));
  CHECK_FALSE(sender.poll_acknowledgement(kStart + 1s));
  CHECK_FALSE(sender.next_deadline());
}

TEST_CASE("gre_sender/half a window unacknowledged is acknowledged at once") {
  GreSender sender;
  sender.received(kStart, SeqNo(0xffff'fff0));
  CHECK(sender.next_data(kStart).acknowledgement == AckNo(0xffff'fff0));
  sender.received(kStart, SeqNo(0xffff'fff0).plus(GreSender::kMaxUnacknowledged - 1));
  CHECK_FALSE(sender.poll_acknowledgement(kStart));
  sender.received(kStart, SeqNo(0xffff'fff0).plus(GreSender::kMaxUnacknowledged));
  CHECK(sender.poll_acknowledgement(kStart) == AckNo(16));
}

TEST_CASE("gre_sender/a numbering that began anew is acknowledged") {
  GreSender sender;
  sender.received(kStart, SeqNo(1'000'000));
  CHECK(sender.next_data(kStart).acknowledgement);
  sender.received(kStart, SeqNo(3));
  CHECK(sender.next_data(kStart).acknowledgement == AckNo(3));
}

TEST_CASE("gre_sender/always: each data packet acknowledges, and without data it is due at once") {
  GreSender sender;
  sender.always_acknowledge();
  CHECK_FALSE(sender.next_data(kStart).acknowledgement);  // nothing to acknowledge yet
  sender.received(kStart, SeqNo(7));
  CHECK(sender.next_deadline() == kStart);
  CHECK(sender.poll_acknowledgement(kStart) == AckNo(7));
  CHECK_FALSE(sender.poll_acknowledgement(kStart));
  CHECK(sender.next_data(kStart).acknowledgement == AckNo(7));
  CHECK(sender.next_data(kStart).acknowledgement == AckNo(7));
}

TEST_CASE("gre_sender/paced, it says when the window is full and by when it opens") {
  GreSender sender;
  sender.pace(4);
  for (int i = 0; i < 2; ++i) {
    CHECK(sender.may_send(kStart));
    (void)sender.next_data(kStart);
  }
  CHECK_FALSE(sender.may_send(kStart));
  CHECK(sender.may_send_at() == kStart + SendWindow::kFirstTimeout);
  sender.peer_acknowledged(kStart + 300ms, AckNo(0));
  CHECK(sender.may_send(kStart + 300ms));
  CHECK_FALSE(sender.may_send_at());
  (void)sender.next_data(kStart + 300ms);
  CHECK_FALSE(sender.may_send(kStart + 300ms));
  sender.peer_acknowledged(kStart + 301ms, AckNo(2));
  // RTT 300 - 299 / 8, DEV 150 + (299 - 150) / 4, and four times that
  for (int i = 0; i < 3; ++i)
    (void)sender.next_data(kStart + 301ms);
  CHECK(sender.may_send_at() == kStart + 301ms + 262'625us + 4 * 187'250us);
}

TEST_CASE("gre_sender/sending does not wait for a window that never opens") {
  GreSender sender;
  for (std::uint32_t i = 0; i < 100'000; ++i)
    REQUIRE(sender.next_data(kStart).sequence == SeqNo(i));
  CHECK(sender.outstanding() == 100'000);
}

TEST_CASE("gre_sender/an acknowledgement covers all before it, and of the never sent none") {
  GreSender sender;
  for (int i = 0; i < 10; ++i)
    (void)sender.next_data(kStart);
  sender.peer_acknowledged(kStart, AckNo(10));  // the next to be sent
  sender.peer_acknowledged(kStart, AckNo(0x8000'0000));
  sender.peer_acknowledged(kStart, AckNo(0xffff'ffff));
  CHECK(sender.outstanding() == 10);
  CHECK_FALSE(sender.round_trip());
  CHECK_FALSE(sender.was_acknowledged());
  sender.peer_acknowledged(kStart, AckNo(6));
  CHECK(sender.outstanding() == 3);
  CHECK(sender.was_acknowledged());
  sender.peer_acknowledged(kStart, AckNo(6));
  sender.peer_acknowledged(kStart, AckNo(2));  // overtaken by the one of 6
  CHECK(sender.outstanding() == 3);
  sender.peer_acknowledged(kStart, AckNo(9));
  CHECK(sender.outstanding() == 0);
}

TEST_CASE("rfc2637/4.4.1 the round trip time is smoothed over samples") {
  GreSender sender;
  (void)sender.next_data(kStart);
  (void)sender.next_data(kStart + 5ms);  // not timed: one at a time
  sender.peer_acknowledged(kStart + 80ms, AckNo(1));
  CHECK(sender.round_trip() == 80ms);
  (void)sender.next_data(kStart + 100ms);
  sender.peer_acknowledged(kStart + 260ms, AckNo(2));
  CHECK(sender.round_trip() == 90ms);  // 80 + (160 - 80) / 8
}

TEST_CASE("gre_sender/an acknowledgement after a long silence is no sample") {
  GreSender sender;
  (void)sender.next_data(kStart);
  sender.peer_acknowledged(kStart + 11s, AckNo(0));
  CHECK_FALSE(sender.round_trip());
  (void)sender.next_data(kStart + 20s);
  (void)sender.next_data(kStart + 40s);  // the earlier one is given up, this one timed
  sender.peer_acknowledged(kStart + 40s + 10ms, AckNo(2));
  CHECK(sender.round_trip() == 10ms);
}

}  // namespace
}  // namespace pptp
