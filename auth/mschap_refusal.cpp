#include "auth/mschap_refusal.h"

namespace pptp {
namespace {

// RFC 2759 6 and RFC 2433 6: the version of Change-Password packets that is understood, or would
// be: version 1 of MS-CHAP has none here.
constexpr std::uint32_t kChangePasswordVersion = 3;

}  // namespace

ChapRefusal refusal_of(const MsChapFailure& failure, Bytes challenge) {
  ChapRefusal refusal;
  refusal.code = failure.code;
  refusal.retry_allowed = failure.retry_allowed;
  refusal.expired = failure.code == MsChapFailure::kPasswordExpired;
  refusal.challenge.assign(challenge.begin(), challenge.end());
  refusal.text = failure.text;
  return refusal;
}

MsChapFailure failure_of(const ChapRefusal& refusal) noexcept {
  MsChapFailure failure;
  failure.code = refusal.code;
  failure.retry_allowed = refusal.retry_allowed;
  failure.version = kChangePasswordVersion;
  failure.text = refusal.text;
  return failure;
}

}  // namespace pptp
