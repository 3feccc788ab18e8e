#pragma once

#include "auth/chap.h"
#include "auth/mschap_message.h"
#include "lib/bytes.h"

namespace pptp {

// A Failure of MS-CHAP as CHAP has it, and the other way round. The versions differ in C= and V=
// alone.

/// `challenge`: that of C= in the version's own length; empty: there is none.
ChapRefusal refusal_of(const MsChapFailure& failure, Bytes challenge);

/// All but C= and V=. Refers into `refusal`.
MsChapFailure failure_of(const ChapRefusal& refusal) noexcept;

}  // namespace pptp
