#!/usr/bin/env python3
"""The core does no input or output and keeps no state: purity.py COMPILER... -- LIBRARY...

Reads the symbols of the core's static libraries. What they need from outside must be on the list
below (an allow list: whatever nobody thought of is refused); nothing in them may be writable.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import tap

# Undefined symbols the core may have, as regular expressions over mangled names.
ALLOWED = re.compile("|".join(f"(?:{p})" for p in [
    r"mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr)|__mem(cpy|move|set)_chk",
    r"abort|__assert_fail|__stack_chk_fail",
    # the language: new and delete, exceptions, run-time types, pure virtual calls, guards
    r"_Zn[wa]m\w*|_Zd[la]Pv\w*|__cxa_(pure_virtual|throw|allocate_exception|free_exception|begin_catch"
    r"|end_catch|rethrow|throw_bad_array_new_length|call_unexpected|call_terminate)|__gxx_personality_v0"
    r"|_Unwind_Resume|_ZSt9terminatev|_ZTVN10__cxxabiv1\w+|__dynamic_cast|_ZSt7nothrow",
    # the standard library's containers, strings, shared pointers and what they throw
    r"_ZNK?St7__cxx1112basic_string\w+|_ZNSt8__detail\w+|_ZSt\d+_Rb_tree_\w+|_ZNSt15_List_node_base\w+"
    r"|_ZNSt9exceptionD2Ev|_ZNKSt9exception4whatEv|_ZT[IVS]St\w+|_ZT[IV]N?St\w+|_ZNSt\w*(error|exception|out_of_range|invalid_argument|bad_\w+)[CD]\dE\w*"
    r"|_ZNKSt\w+4whatEv|_ZSt\d+__throw_\w+|_ZNSt10bad_alloc\w+|_ZNSt16_Sp_counted_base\w+"
    r"|_ZNSt19_Sp_make_shared_tag\w+|_ZSt11_Hash_bytes\w+|_ZNKSt8__detail20_Prime_rehash_policy\w+"
    r"|_ZSt\d+__replacement_assert\w+|_ZSt20__replacement_assertPKciS0_S0_|_ZSt21__glibcxx_assert_failPKciS0_S0_"
    r"|_ZSt16__throw_bad_castv|_ZSt8to_chars\w+|_ZSt10from_chars\w+|_ZNSt6__norm\w+",
    r"__libc_single_threaded|__gthrw_\w+|_ZN9__gnu_cxx\w+",  # shared_ptr counts; it starts no thread
    # libcrypto by its low-level functions: they need no provider, no file and no lock
    r"MD[45](_\w+)?|SHA1(_\w+)?|DES_\w+|CRYPTO_memcmp|OPENSSL_cleanse",
    r"__[a-z]+[sdt]i[234]",  # arithmetic that the compiler calls for
    r"__cpu_(model|features2|indicator_init)",  # which instructions there are
    r"_GLOBAL_OFFSET_TABLE_|DW\.ref\.__gxx_personality_v0",
]))

WRITABLE = re.compile(r"\.(t?bss|t?data)(\.|$)|\*COM\*")
# Relocated tables, and the compiler's own pointer to its exception handler.
CONSTANT_AFTER_LINKING = re.compile(r"\.data\.rel\.ro(\.|$)|\.data(\.rel\.local)?\.DW\.ref\.")
LINE = re.compile(r"^[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+ +(?:\.hidden )?(\S+)$", re.MULTILINE)


def complaints(binaries):
    """What keeps these objects and libraries, taken together, from being pure."""
    table = subprocess.run(["objdump", "-t", *binaries], check=True, capture_output=True, text=True).stdout
    defined, undefined, writable = set(), set(), set()
    for flags, section, name in LINE.findall(table):
        if section == "*UND*":
            undefined.add(name)
            continue
        defined.add(name)
        if WRITABLE.search(section) and not CONSTANT_AFTER_LINKING.search(section) and "d" not in flags:
            writable.add(f"{name} in {section}")
    needed = {name for name in undefined - defined if not ALLOWED.fullmatch(name)}
    return ([] if defined else ["no symbols found"]) + [
        f"needs {name}" for name in readable(needed)] + [f"writable: {name}" for name in readable(writable)]


def readable(names):
    run = subprocess.run(["c++filt"], input="\n".join(sorted(names)), check=True, capture_output=True, text=True)
    return run.stdout.splitlines()


IMPURE = r"""
#include <sys/socket.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>
int counter = 0;
thread_local int per_thread = 1;
static int hidden = 2;
std::mutex lock;
int f() {
  static std::string once = std::getenv("HOME");
  std::lock_guard<std::mutex> guard(lock);
  std::ifstream file(once);
  std::thread([] {}).detach();
  std::printf("%d", std::rand());
  return ++counter + ++per_thread + ++hidden + socket(1, 2, 3) + static_cast<int>(std::time(nullptr)) +
         static_cast<int>(std::random_device{}()) + file.get() +
         static_cast<int>(std::chrono::steady_clock::now().time_since_epoch().count());
}
"""
PLANTED = [
    "needs socket", "needs getenv", "needs time", "needs rand", "needs printf", "needs pthread_mutex_lock",
    "needs std::random_device", "needs std::chrono::_V2::steady_clock::now", "needs std::thread::",
    "needs std::basic_ifstream", "writable: counter", "writable: per_thread", "writable: hidden",
    "writable: lock", "writable: f()::once",
]
PURE = r"""
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
struct Base { virtual ~Base() = default; virtual int g() const = 0; };
struct Derived : Base { int g() const override { return 1; } };
static const char* const kNames[] = {"a", "b"};
std::string h(const std::map<std::string, std::vector<int>>& m, int i) {
  std::shared_ptr<Base> p = std::make_shared<Derived>();
  if (m.empty()) throw std::out_of_range("h");
  return kNames[i] + std::to_string(p->g()) + std::to_string(m.at("k").at(0));
}
"""


def self_test(compiler):
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, text in (("impure", IMPURE), ("pure", PURE)):
            source, binary = pathlib.Path(directory, name + ".cpp"), pathlib.Path(directory, name + ".o")
            source.write_text(text)
            subprocess.run([*compiler, "-std=c++23", "-O1", "-c", str(source), "-o", str(binary)], check=True)
            found[name] = complaints([str(binary)])
    return tap.unnoticed(found["impure"], PLANTED) + [f"a wrong complaint: {c}" for c in found["pure"]]


if __name__ == "__main__":
    SEPARATOR = sys.argv.index("--")
    tap.report({
        "sockets, clocks, files, randomness, threads and globals are noticed": self_test(sys.argv[1:SEPARATOR]),
        "the core is pure": complaints(sys.argv[SEPARATOR + 1:]),
    })
