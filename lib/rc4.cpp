#include "lib/rc4.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/secret.h"

// The tests build the portable code on any machine.
#if defined(__x86_64__) && !defined(PPTP_RC4_PORTABLE)
#define PPTP_X86_64
#endif

// What must be kept in registers has to be inlined, and its loops unrolled.
#define PPTP_INLINE [[gnu::always_inline]] inline
#define PPTP_UNROLL _Pragma("GCC unroll 16")

namespace pptp {
namespace {

constexpr std::size_t kPlaces = 256;
using Table = std::array<std::uint8_t, kPlaces>;

/// What the key schedule begins with.
constexpr auto kIdentity = [] {
  Table table{};
  for (std::size_t i = 0; i < kPlaces; ++i)
    table[i] = static_cast<std::uint8_t>(i);
  return table;
}();

/// The key schedule is unrolled for keys that repeat themselves after so many octets.
constexpr std::size_t kPeriod = 16;

/// One stream while it runs. `j` is kept as wide as an address, and below 256.
struct Lane {
  Table* table = nullptr;
  std::size_t j = 0;
  std::uint8_t* data = nullptr;
};

/// `a` + `b` modulo 256, of which `a` is below 256. Compilers clear the upper bits again and again
/// where one instruction leaves them alone.
PPTP_INLINE std::size_t add(std::size_t a, std::uint8_t b) noexcept {
#if defined(PPTP_X86_64)
  asm("addb %1, %b0" : "+q"(a) : "qm"(b) : "cc");
  return a;
#else
  return (a + b) % kPlaces;
#endif
}

/// The next octet of the key stream; `i` has been moved on.
PPTP_INLINE std::uint8_t step(Lane& lane, std::size_t i) noexcept {
  Table& table = *lane.table;
  const std::uint8_t a = table[i];
  lane.j = add(lane.j, a);
  const std::uint8_t b = table[lane.j];
  table[lane.j] = a;
  table[i] = b;
  return table[add(a, b)];
}

// A block: so many octets of each stream at once, from `i` on, which is so far from the table's
// end.

/// For any machine: the key stream is gathered in a word.
struct WordBlock {
  static constexpr std::size_t kOctets = 8;

  template <std::size_t N>
  PPTP_INLINE static void run(std::array<Lane, N>& lanes, std::size_t i) noexcept {
    std::array<std::array<std::uint8_t, kOctets>, N> keys;
    PPTP_UNROLL
    for (std::size_t octet = 0; octet < kOctets; ++octet) {
      PPTP_UNROLL
      for (std::size_t n = 0; n < N; ++n)
        keys[n][octet] = step(lanes[n], i + octet);
    }
    PPTP_UNROLL
    for (std::size_t n = 0; n < N; ++n) {
      std::uint64_t key = 0;
      std::uint64_t word = 0;
      std::memcpy(&key, keys[n].data(), kOctets);
      std::memcpy(&word, lanes[n].data, kOctets);
      word ^= key;
      std::memcpy(lanes[n].data, &word, kOctets);
      lanes[n].data += kOctets;
    }
  }
};

#if defined(PPTP_X86_64)

/// With SSE4.1, which puts an octet of memory into a vector in one instruction: seven for each
/// octet of key stream, of which compilers make nine to twelve.
struct VectorBlock {
  static constexpr std::size_t kOctets = 16;
  using Vector = std::uint8_t __attribute__((vector_size(kOctets)));

  template <std::size_t N>
  PPTP_INLINE static void run(std::array<Lane, N>& lanes, std::size_t i) noexcept {
    std::array<Vector, N> keys{};
    [&]<std::size_t... kOctet>(std::index_sequence<kOctet...>) __attribute__((always_inline)) {
      (row<kOctet>(lanes, i, keys), ...);
    }(std::make_index_sequence<kOctets>());
    PPTP_UNROLL
    for (std::size_t n = 0; n < N; ++n) {
      Vector data;
      std::memcpy(&data, lanes[n].data, kOctets);
      data ^= keys[n];
      std::memcpy(lanes[n].data, &data, kOctets);
      lanes[n].data += kOctets;
    }
  }

 private:
  template <std::size_t kOctet, std::size_t N>
  PPTP_INLINE static void row(std::array<Lane, N>& lanes, std::size_t i,
                              std::array<Vector, N>& keys) noexcept {
    PPTP_UNROLL
    for (std::size_t n = 0; n < N; ++n) {
      std::size_t a;
      std::size_t b;
      asm("movzbl %c[octet](%[table],%[i]), %k[a]\n\t"
          "addb %b[a], %b[j]\n\t"
          "movzbl (%[table],%[j]), %k[b]\n\t"
          "movb %b[a], (%[table],%[j])\n\t"
          "movb %b[b], %c[octet](%[table],%[i])\n\t"
          "addb %b[b], %b[a]\n\t"
          "pinsrb %[octet], (%[table],%[a]), %[key]"
          : [a] "=&q"(a), [b] "=&q"(b), [j] "+q"(lanes[n].j), [key] "+x"(keys[n]),
            "+m"(*lanes[n].table)
          : [table] "r"(lanes[n].table), [i] "r"(i), [octet] "i"(kOctet)
          : "cc");
    }
  }
};

#endif

/// `count` octets of each lane, by blocks: from a place on where none of them reaches round the end
/// of the table. `i`: the place they have come to, all of them.
template <class Block, std::size_t N>
void run_by(std::array<Lane, N>& given, std::uint8_t i, std::size_t count) noexcept {
  std::array<Lane, N> lanes = given;
  const auto one = [&] {
    ++i;
    PPTP_UNROLL
    for (std::size_t n = 0; n < N; ++n)
      *lanes[n].data++ ^= step(lanes[n], i);
  };
  for (; i + count >= kPlaces && (i + 1) % Block::kOctets != 0; --count)
    one();
  for (; count >= Block::kOctets; count -= Block::kOctets) {
    ++i;
    Block::run(lanes, i);
    i = static_cast<std::uint8_t>(i + Block::kOctets - 1);
  }
  for (; count > 0; --count)
    one();
  given = lanes;
}

template <std::size_t N>
void run(std::array<Lane, N>& lanes, std::uint8_t i, std::size_t count) noexcept {
#if defined(PPTP_X86_64)
  if (__builtin_cpu_supports("sse4.1")) return run_by<VectorBlock>(lanes, i, count);
#endif
  run_by<WordBlock>(lanes, i, count);
}

/// The key schedule, for keys of kPeriod octets.
template <std::size_t N>
void schedule(std::array<Table*, N> tables,
              const std::array<std::array<std::uint8_t, kPeriod>, N>& keys) noexcept {
  std::array<std::size_t, N> j{};
  for (Table* const table : tables)
    *table = kIdentity;
  for (std::size_t i = 0; i < kPlaces; i += kPeriod) {
    PPTP_UNROLL
    for (std::size_t k = 0; k < kPeriod; ++k) {
      PPTP_UNROLL
      for (std::size_t n = 0; n < N; ++n) {
        Table& table = *tables[n];
        const std::uint8_t a = table[i + k];
        j[n] = add(add(j[n], a), keys[n][k]);
        table[i + k] = std::exchange(table[j[n]], a);
      }
    }
  }
}

/// Calls `act` with 4, 3, 2 or 1 as a type, whichever `count` is.
template <class Act>
void with_number(std::size_t count, Act act) noexcept {
  static_assert(Rc4::kSideBySide == 4);
  switch (count) {
    case 1:
      return act(std::integral_constant<std::size_t, 1>());
    case 2:
      return act(std::integral_constant<std::size_t, 2>());
    case 3:
      return act(std::integral_constant<std::size_t, 3>());
    default:
      return act(std::integral_constant<std::size_t, 4>());
  }
}

}  // namespace

Rc4::Rc4() noexcept : table_(kIdentity) {}

Rc4::Rc4(Bytes key) noexcept {
  set_key(key);
}

Rc4::~Rc4() {
  wipe(table_);
}

void Rc4::set_key(Bytes key) noexcept {
  if (kPeriod % key.size() == 0) {
    const std::array<Keying, 1> keying = {Keying{this, key}};
    return set_keys(keying);
  }
  table_ = kIdentity;
  i_ = 0;
  j_ = 0;
  std::size_t j = 0;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    const std::uint8_t a = table_[i];
    j = add(add(j, a), key[i % key.size()]);
    table_[i] = std::exchange(table_[j], a);
  }
}

void Rc4::set_keys(std::span<const Keying> keyings) noexcept {
  while (!keyings.empty()) {
    const std::size_t count = std::min(keyings.size(), kSideBySide);
    with_number(count, [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
      std::array<Table*, N> tables;
      std::array<std::array<std::uint8_t, kPeriod>, N> keys;
      for (std::size_t n = 0; n < N; ++n) {
        const Keying& keying = keyings[n];
        tables[n] = &keying.stream->table_;
        keying.stream->i_ = 0;
        keying.stream->j_ = 0;
        for (std::size_t k = 0; k < kPeriod; k += keying.key.size())
          std::copy_n(keying.key.data(), keying.key.size(), keys[n].data() + k);
      }
      schedule(tables, keys);
      for (auto& key : keys)
        wipe(key);
    });
    keyings = keyings.subspan(count);
  }
}

void Rc4::apply(MutableBytes data) noexcept {
  const std::array<Work, 1> works = {Work{this, data}};
  apply(works);
}

void Rc4::apply(Bytes in, MutableBytes out) noexcept {
  if (!in.empty()) std::memmove(out.data(), in.data(), in.size());
  apply(out);
}

void Rc4::apply(std::span<const Work> works) noexcept {
  while (!works.empty()) {
    const auto in_step = [&](const Work& work) { return work.stream->i_ == works[0].stream->i_; };
    const auto together = static_cast<std::size_t>(
        std::ranges::find_if_not(works.first(std::min(works.size(), kSideBySide)), in_step) -
        works.begin());
    with_number(together, [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
      apply_together(works.first<N>());
    });
    works = works.subspan(together);
  }
}

template <std::size_t N>
void Rc4::apply_together(std::span<const Work, N> works) noexcept {
  std::array<Lane, N> lanes;
  std::size_t common = works[0].data.size();
  for (std::size_t n = 0; n < N; ++n) {
    Rc4& stream = *works[n].stream;
    lanes[n] = {&stream.table_, stream.j_, works[n].data.data()};
    common = std::min(common, works[n].data.size());
  }
  const std::uint8_t i = works[0].stream->i_;
  run(lanes, i, common);
  for (std::size_t n = 0; n < N; ++n) {
    std::array<Lane, 1> rest = {lanes[n]};
    run(rest, static_cast<std::uint8_t>(i + common), works[n].data.size() - common);
    works[n].stream->i_ = static_cast<std::uint8_t>(i + works[n].data.size());
    works[n].stream->j_ = static_cast<std::uint8_t>(rest[0].j);
  }
}

}  // namespace pptp
