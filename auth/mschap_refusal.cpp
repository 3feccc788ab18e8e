#include "auth/mschap_refusal.h"

namespace pptp {

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
  failure.text = refusal.text;
  return failure;
}

}  // namespace pptp
