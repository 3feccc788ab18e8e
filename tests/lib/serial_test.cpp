#include "lib/serial.h"

#include <doctest/doctest.h>

namespace pptp {
namespace {

TEST_CASE("serial/sequence numbers are compared across the wrap of 2^32") {
  const SeqNo before(0xffff'ffff);
  CHECK(before.next() == SeqNo(0));
  CHECK(SeqNo(0).is_after(before));
  CHECK_FALSE(before.is_after(SeqNo(0)));
  CHECK(SeqNo(5).distance_from(before) == 6);
  CHECK(before.distance_from(SeqNo(5)) == -6);
}

TEST_CASE("serial/coherency counts wrap at 4096 and half the circle is behind") {
  const CoherencyCount count(0xfff);
  CHECK(count.next().value() == 0);
  CHECK(CoherencyCount(2047).distance_from(CoherencyCount(0)) == 2047);
  CHECK(CoherencyCount(2048).distance_from(CoherencyCount(0)) == -2048);
  CHECK(CoherencyCount(0x1fff).value() == 0xfff);
}

}  // namespace
}  // namespace pptp
